using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Logging;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.Dns;
using Orchestrator.Host.Serving;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Dns;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Cri.Grpc;
using Orchestrator.Runtime.Kubelet.Images;
using Orchestrator.Runtime.Kubelet.Images.Registries;
using Orchestrator.Runtime.Proxy;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Host.Machine;

/// <summary>This machine as a node of real containers: its network, its containerd, its kubelet.</summary>
/// <remarks>Ending it ends what this process does for the node; pods, containerd and network stay (<see cref="NodeEnding"/>).</remarks>
internal sealed class MachineNode : IAsyncDisposable, IObjectSink<Node>
{
    private readonly NodePlace _place;
    private readonly string _cniPlugins;
    private readonly RegistriesFile _registries;
    private readonly NodeNetwork _network;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stopping = new();
    private readonly HostResolvers _resolvers = HostResolvers.Read();
    private readonly Stack<IAsyncDisposable> _parts = new();
    private readonly ConcurrentStack<IAsyncDisposable> _networkParts = new();
    private ContainerdProcess? _containerd;
    private Task _following = Task.CompletedTask;

    private MachineNode(NodePlace place, NodeSubnet subnet, string cniPlugins, RegistriesFile registries, ILogger log)
    {
        (_place, Subnet, _cniPlugins, _registries, _log) = (place, subnet, cniPlugins, registries, log);
        _network = new NodeNetwork(place, subnet);
    }

    public NodeSubnet Subnet { get; }

    public NetworkNamespace Network => _network.Namespace;

    /// <summary>Makes what the node stands on: its network, in which the API server listens too, and its containerd.</summary>
    /// <exception cref="CommandException">The machine lacks something or refuses.</exception>
    public static async Task<MachineNode> PrepareAsync(NodePlace place, NodeSubnet subnet, RegistriesFile registries, string? logDirectory, ILogger log)
    {
        if (MachineCheck.Missing() is { } missing)
            throw new CommandException($"this machine cannot run containers: {missing}");
        SecretFiles.MakeDirectory(place.Directory);
        var node = new MachineNode(place, subnet, CniConfiguration.FindPlugins()!, registries, log);
        RegistryHosts.Write(place.RegistryHosts, registries);
        await node._network.EnsureAsync();
        node._containerd = await ContainerdProcess.StartAsync(
            place, node._cniPlugins, Path.Combine(logDirectory ?? place.Directory, "containerd.log"), log);
        return node;
    }

    /// <summary>Registers the node and begins to run its pods.</summary>
    /// <param name="services">Owned by the node from now on.</param>
    /// <param name="client">The admin's: what serves the whole cluster is followed by it.</param>
    public async Task StartAsync(
        string name, KubeletServices services, ApiClient client, ClusterCertificates certificates, CancellationToken stopping)
    {
        _parts.Push(services);
        var names = StartNamesAsync(client, stopping);
        var traffic = StartServicesAsync(name, client, stopping);
        await StartKubeletAsync(name, services, certificates, stopping);
        await names;
        await traffic;
    }

    private async Task StartKubeletAsync(string name, KubeletServices services, ClusterCertificates certificates, CancellationToken stopping)
    {
        var cri = new CriOptions { Socket = _place.ContainerdSocket, StreamingNetwork = Network };
        using (var connection = new CriConnection(cri))
        {
            await _containerd!.AwaitAsync(new CriContainerRuntime(connection), stopping);
            await ImportPauseImageAsync(new CriImageService(connection), stopping);
        }
        var server = await KubeletServer.StartAsync(
            new KubeletServerOptions
            {
                Address = Subnet.NodeAddress,
                Network = Network,
                Certificate = certificates.EnsureKubeletServing(name, [name], [Subnet.NodeAddress]),
                ClientAuthorities = [certificates.ClientAuthority.Certificate],
            },
            stopping);
        _parts.Push(server);
        var node = await ContainerNode.StartAsync(OptionsOf(name, server.Port), services, cri, stopping);
        _parts.Push(node);
        server.Add(node.Kubelet);
        _following = Task.Run(() => FollowAsync(services.Api, name), CancellationToken.None);
    }

    /// <summary>Services' traffic. The rules stay when this process ends: pods run on.</summary>
    private async Task StartServicesAsync(string name, ApiClient client, CancellationToken stopping) => _networkParts.Push(await ServiceProxy.StartAsync(
        new ServiceProxyOptions
        {
            NodeName = name,
            NodeAddresses = [Subnet.NodeAddress.ToString()],
            ServiceCidr = ControlPlane.ServiceRange,
            PodCidrs = [ControlPlane.PodRange],
            MasqueradesPodTraffic = true,
            Network = Network,
            Log = _log,
        },
        client, stopping));

    /// <summary>Names: for pods at the cluster's own address, and for containerd where the machine's resolv.conf says, as its loopback is not the
    /// node's.</summary>
    private async Task StartNamesAsync(ApiClient client, CancellationToken stopping)
    {
        var stubs = _resolvers.Upstreams.Where(server => IPAddress.IsLoopback(server.Address));
        var dns = await ClusterDns.StartAsync(
            new ClusterDnsOptions
            {
                Listen = [new IPEndPoint(Subnet.NodeAddress, NameServerObjects.Port), .. stubs],
                Network = Network,
                ServiceCidrs = [ControlPlane.ServiceRange],
                PodCidrs = [ControlPlane.PodRange],
                Upstreams = _resolvers.Upstreams,
                Log = _log,
            },
            client, stopping);
        _networkParts.Push(dns);
        var service = new NameServerService(client, new NameServerObjects(NameServerObjects.AddressIn(ControlPlane.ServiceRange), Subnet.NodeAddress.ToString()));
        _networkParts.Push(new RunningPart(token => service.KeepAsync(_log, token)));
    }

    /// <summary>The node's range of addresses is the cluster's to give.</summary>
    public void Changed(Node value)
    {
        if (value.Spec.PodCIDR is { Length: > 0 } cidr)
            CniConfiguration.Write(_place, cidr);
    }

    public void Deleted(Node value)
    {
    }

    public void Synced()
    {
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _following;
        while (_networkParts.TryPop(out var part))
            await part.DisposeAsync();
        while (_parts.TryPop(out var part))
            await part.DisposeAsync();
        if (_containerd is not null)
            await _containerd.DisposeAsync();
        _stopping.Dispose();
    }

    private KubeletOptions OptionsOf(string name, int port) => new()
    {
        NodeName = name,
        NodeIp = Subnet.NodeAddress.ToString(),
        Port = port,
        Capacity = MachineFacts.Capacity(_place.Directory),
        OperatingSystemImage = MachineFacts.OperatingSystem,
        KernelVersion = MachineFacts.KernelVersion,
        Containers = new ContainerSettings
        {
            PodLogs = _place.PodLogs,
            PodFiles = _place.PodFiles,
            LocalVolumes = _place.Volumes,
            CgroupRoot = _place.Cgroup,
            NodeDns = _resolvers.ForPods,
            ClusterDns = [NameServerObjects.AddressIn(ControlPlane.ServiceRange)],
            Registries = _registries,
        },
    };

    /// <summary>Without it no pod can be made, and no registry has it.</summary>
    private async Task ImportPauseImageAsync(CriImageService images, CancellationToken stopping)
    {
        if (await images.ImageStatusAsync(PauseImage.Name, stopping) is not null)
            return;
        string archive = Path.Combine(_place.Directory, "pause.tar");
        await File.WriteAllBytesAsync(archive, PauseImage.ToArchive(), stopping);
        using (var importer = new ImageImporter(new CriOptions { Socket = _place.ContainerdSocket }))
            await importer.ImportAsync(archive, stopping);
        File.Delete(archive);
    }

    private async Task FollowAsync(IKubeletApi api, string name)
    {
        try
        {
            await api.As(name).WatchAsync<Node>(name, this, _stopping.Token);
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
        catch (IOException fault)
        {
            _log.LogError(fault, "how pods get their network cannot be written to {Folder}", _place.CniConfigurations);
        }
    }
}
