using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.Dns;
using Orchestrator.Host.Serving;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Dns;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Cri.Grpc;
using Orchestrator.Runtime.Kubelet.Images;
using Orchestrator.Runtime.Kubelet.Images.Registries;
using Orchestrator.Runtime.Kubelet.Pressure;
using Orchestrator.Runtime.Metrics;
using Orchestrator.Runtime.Proxy;
using Orchestrator.Runtime.Routing;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Host.Machine;

/// <summary>This machine as a node of real containers: its network, its containerd, its kubelet.</summary>
/// <remarks>Ending it ends what this process does for the node; pods, containerd and network stay (<see cref="NodeEnding"/>).</remarks>
internal sealed class MachineNode : IAsyncDisposable, IObjectSink<Node>
{
    private readonly NodePlace _place;
    private readonly string _cniPlugins;
    private readonly RegistriesFile _registries;
    private readonly INodeNetwork _network;
    private readonly ILogger _log;
    private readonly MeterText _meters = new(ServiceProxy.MeterName);
    private readonly CancellationTokenSource _stopping = new();
    private readonly HostResolvers _resolvers = HostResolvers.Read();
    private readonly Stack<IAsyncDisposable> _parts = new();
    private readonly ConcurrentStack<IAsyncDisposable> _networkParts = new();
    private ContainerdProcess? _containerd;
    private ServiceProxy? _proxy;
    private Task _following = Task.CompletedTask;

    private MachineNode(NodePlace place, INodeNetwork network, string cniPlugins, RegistriesFile registries, ILogger log) =>
        (_place, _network, _cniPlugins, _registries, _log) = (place, network, cniPlugins, registries, log);

    public IPAddress Address => _network.NodeAddress;

    /// <summary>Null: the machine's own.</summary>
    public NetworkNamespace? Network => _network.Namespace;

    /// <summary>Makes what the node stands on: its network, in which the API server listens too, and its containerd.</summary>
    /// <exception cref="CommandException">The machine lacks something or refuses.</exception>
    public static async Task<MachineNode> PrepareAsync(NodePlace place, INodeNetwork network, RegistriesFile registries, string? logDirectory, ILogger log)
    {
        if (MachineCheck.Missing() is { } missing)
            throw new CommandException($"this machine cannot run containers: {missing}");
        SecretFiles.MakeDirectory(place.Directory);
        var node = new MachineNode(place, network, CniConfiguration.FindPlugins()!, registries, log);
        RegistryHosts.Write(place.RegistryHosts, registries);
        await node._network.EnsureAsync();
        node._containerd = await ContainerdProcess.StartAsync(
            place, network.Namespace is not null, node._cniPlugins, Path.Combine(logDirectory ?? place.Directory, "containerd.log"), log);
        return node;
    }

    /// <summary>Registers the node and begins to run its pods.</summary>
    public async Task StartAsync(NodeDuty duty, CancellationToken stopping)
    {
        _parts.Push(duty.Services);
        var names = StartNamesAsync(duty, stopping);
        var traffic = StartServicesAsync(duty.Name, duty.Client, stopping);
        if (Network is null)
            StartRoutes(duty);
        await StartKubeletAsync(duty, stopping);
        await names;
        await traffic;
    }

    private async Task StartKubeletAsync(NodeDuty duty, CancellationToken stopping)
    {
        var cri = new CriOptions { Socket = _place.ContainerdSocket, StreamingNetwork = Network };
        var running = await PrepareContainerdAsync(cri, stopping);
        await FormerPods.ShowAsync(duty.Services.Api.As(duty.Name), duty.Name, running, stopping);
        var server = await KubeletServer.StartAsync(
            new KubeletServerOptions
            {
                Address = Address,
                Network = Network,
                Meters = _meters,
                Certificate = duty.Certificate,
                RenewedCertificate = duty.RenewedCertificate,
                ClientAuthorities = [duty.ClientAuthority],
            },
            stopping);
        _parts.Push(server);
        if (!Directory.Exists(duty.StaticPods))
            SecretFiles.MakeDirectory(duty.StaticPods);
        var node = await ContainerNode.StartAsync(OptionsOf(duty, server.Port, MachineFacts.Capacity(_place.Directory)), duty.Services, cri, stopping);
        _parts.Push(node);
        server.Add(node.Kubelet);
        _following = Task.Run(() => FollowAsync(duty.Services.Api, duty.Name), CancellationToken.None);
    }

    /// <summary>Waits for containerd and gives it what it needs first.</summary>
    /// <returns>Uids of the pods of which something runs.</returns>
    /// <exception cref="CommandException">It does not answer, or refuses.</exception>
    private async Task<HashSet<string>> PrepareContainerdAsync(CriOptions cri, CancellationToken stopping)
    {
        using var connection = new CriConnection(cri);
        var runtime = new CriContainerRuntime(connection);
        await _containerd!.AwaitAsync(runtime, stopping);
        try
        {
            await ImportPauseImageAsync(new CriImageService(connection), stopping);
            var containers = await runtime.ListContainersAsync(null, stopping);
            return [.. containers.Where(container => container.State == RuntimeContainerState.Running).Select(container => container.PodUid)];
        }
        catch (CriException fault)
        {
            throw new CommandException(ContainerdComplaint.OfRefusal(fault.Message, _place));
        }
    }

    /// <summary>Services' traffic. The rules stay when this process ends: pods run on.</summary>
    private async Task StartServicesAsync(string name, ApiClient client, CancellationToken stopping)
    {
        var proxy = await ServiceProxy.StartAsync(
            new ServiceProxyOptions
            {
                NodeName = name,
                NodeAddresses = [Address.ToString()],
                ServiceCidr = ControlPlane.ServiceRange,
                PodCidrs = [ControlPlane.PodRange],
                MasqueradesPodTraffic = true,
                Network = Network,
                OtherNodesDelay = Network is null ? TimeSpan.FromMilliseconds(200) : TimeSpan.Zero,
                Log = _log,
            },
            client, stopping);
        _networkParts.Push(proxy);
        Volatile.Write(ref _proxy, proxy);
    }

    /// <summary>The kubelet begins beside the proxy.</summary>
    private Task LeaveServicesAsync(Pod pod, CancellationToken ct) => Volatile.Read(ref _proxy)?.LeaveAsync(pod.Uid, ct) ?? Task.CompletedTask;

    /// <summary>To the pods of other nodes. They stay as well.</summary>
    private void StartRoutes(NodeDuty duty) => _networkParts.Push(NodeRoutes.Start(
        new NodeRoutesOptions { NodeName = duty.Name, NodeAddress = Address.ToString(), PodRange = ControlPlane.PodRange, Log = _log }, duty.Client));

    /// <summary>Names: for pods at the cluster's own address, and for containerd where the machine's resolv.conf says, as its loopback is not the
    /// node's.</summary>
    private async Task StartNamesAsync(NodeDuty duty, CancellationToken stopping)
    {
        var stubs = Network is null ? [] : _resolvers.Upstreams.Where(server => IPAddress.IsLoopback(server.Address));
        var dns = await ClusterDns.StartAsync(
            new ClusterDnsOptions
            {
                Listen = [new IPEndPoint(Address, _network.NameServerPort), .. stubs],
                Network = Network,
                ServiceCidrs = [ControlPlane.ServiceRange],
                PodCidrs = [ControlPlane.PodRange],
                Upstreams = _resolvers.Upstreams,
                Log = _log,
            },
            duty.Client, stopping);
        _networkParts.Push(dns);
        if (!duty.KeepsNameService)
            return;
        string clusterIP = NameServerObjects.AddressIn(ControlPlane.ServiceRange);
        if (Network is null)
        {
            var servers = new NodeNameServers(duty.Client, clusterIP, _network.NameServerPort);
            _networkParts.Push(new RunningPart(token => servers.KeepAsync(_log, token)));
            return;
        }
        var service = new NameServerService(duty.Client, new NameServerObjects(clusterIP, Address.ToString(), _network.NameServerPort));
        _networkParts.Push(new RunningPart(token => service.KeepAsync(_log, token)));
    }

    /// <summary>The node's range of addresses is the cluster's to give.</summary>
    public void Changed(Node value)
    {
        if (value.Spec.PodCIDR is { Length: > 0 } cidr)
            CniConfiguration.Write(_place, _network, cidr);
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
        _meters.Dispose();
        _stopping.Dispose();
    }

    private KubeletOptions OptionsOf(NodeDuty duty, int port, IReadOnlyDictionary<string, Quantity> capacity) => new()
    {
        NodeName = duty.Name,
        NodeIp = Address.ToString(),
        Port = port,
        StaticPodFolder = duty.StaticPods,
        Log = _log,
        LeaseDuration = duty.LeaseDuration,
        LeaseRenewal = duty.LeaseDuration / 4,
        Capacity = capacity,
        Eviction = new EvictionSettings { Thresholds = duty.EvictionThresholds },
        Reserved = EvictionThresholds.Reserved(duty.EvictionThresholds, capacity),
        Architecture = OciArchive.Architecture,
        OperatingSystemImage = MachineFacts.OperatingSystem,
        KernelVersion = MachineFacts.KernelVersion,
        Machine = MachineFacts.Identity,
        LeaveServices = LeaveServicesAsync,
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
