using System.Net;
using System.Net.NetworkInformation;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Logging;
using Orchestrator.Control.CloudProvider;
using Orchestrator.Control.Reconciling;
using Orchestrator.Host.Machine;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.ApiServer.Storage;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Controllers;
using Orchestrator.Runtime.Hollow;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.LeaderElection;
using Orchestrator.Runtime.Metrics;
using Orchestrator.Runtime.Scheduling;
using Orchestrator.Runtime.Security;
using Orchestrator.Runtime.Security.Certificates;
using Orchestrator.Runtime.Security.Kubeconfigs;
using Orchestrator.Runtime.Security.Tokens;

namespace Orchestrator.Host.Serving;

/// <summary>All parts of a cluster that run in one process, started from the store upwards and stopped the other way round.</summary>
/// <remarks>The parts meet as they do across machines: by HTTPS, each with its own certificate.</remarks>
internal sealed class ControlPlane : IAsyncDisposable
{
    /// <summary>Of services' addresses.</summary>
    public const string ServiceRange = "10.96.0.0/16";

    /// <summary>Of pods' addresses, those of all nodes.</summary>
    public const string PodRange = "10.244.0.0/16";

    /// <summary>
    /// As quick as real containers may be and no quicker: kubectl 1.35 waits for ever for a pod that has gone, and come anew under its name,
    /// between two of its requests.
    /// </summary>
    private static readonly TimeSpan HollowStopDelay = TimeSpan.FromMilliseconds(200);

    private static readonly IPAddress FirstServiceAddress = IPAddress.Parse("10.96.0.1");

    private readonly Stack<IAsyncDisposable> _parts = new();
    private MachineNode? _node;

    private ControlPlane()
    {
    }

    public Uri Address { get; private set; } = null!;

    public string AdminKubeconfig { get; private set; } = "";

    /// <param name="onFault">Told, with what to say, when the process has to end.</param>
    public static async Task<ControlPlane> StartAsync(
        ServerSettings settings, ILoggerFactory logs, Action<string> onFault, CancellationToken stopping)
    {
        var plane = new ControlPlane();
        try
        {
            await plane.StartPartsAsync(settings, logs, onFault, stopping);
            return plane;
        }
        catch
        {
            await plane.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        while (_parts.TryPop(out var part))
            await part.DisposeAsync();
    }

    private async Task StartPartsAsync(ServerSettings settings, ILoggerFactory logs, Action<string> onFault, CancellationToken stopping)
    {
        var place = NodePlace.Of(settings.DataDirectory, settings.ContextName);
        INodeNetwork? network = settings.Node is { } subnet ? new NodeNetwork(place, subnet)
            : settings.HostNode is { } address ? new HostNetwork(place, address) : null;
        if (network is not null)
        {
            var log = logs.CreateLogger("Orchestrator.Runtime.Kubelet.MachineNode");
            _node = await MachineNode.PrepareAsync(place, network, settings.Registries, settings.LogDirectory, log);
            _parts.Push(_node);
        }
        var certificates = settings.Server is { } server
            ? JoinServer(settings, server)
            : await StartServerAsync(settings, logs, onFault, stopping);
        WriteKubeconfigs(settings, certificates);
        await StartOthersAsync(settings, certificates, logs, stopping);
    }

    /// <returns>What the parts of this process show to the API server of another one.</returns>
    private ClusterCertificates JoinServer(ServerSettings settings, Uri server)
    {
        Address = server;
        return ClusterCertificates.Ensure(CertificatesOf(settings));
    }

    private async Task<ClusterCertificates> StartServerAsync(
        ServerSettings settings, ILoggerFactory logs, Action<string> onFault, CancellationToken stopping)
    {
        // The store opens its files while keys are made or read.
        var opening = StoreConnection.OpenAsync(settings, onFault, stopping);
        ClusterCertificates certificates;
        try
        {
            certificates = ClusterCertificates.Ensure(CertificatesOf(settings));
        }
        finally
        {
            _parts.Push(await opening);
        }
        if (settings.StoreEndpoints.Count == 0)
        {
            var room = new StoreRoom((await opening).Client, StoreConnection.DirectoryOf(settings), logs.CreateLogger("Orchestrator.Host.StoreRoom"));
            await room.LookAsync(stopping);
            _parts.Push(new RunningPart(room.KeepAsync));
        }
        Address = (await StartApiServerAsync(settings, certificates, (await opening).Client, logs, stopping)).Address;
        return certificates;
    }

    private async Task<ApiServerHost> StartApiServerAsync(
        ServerSettings settings, ClusterCertificates certificates, KvStore.Client.EtcdClient store, ILoggerFactory logs, CancellationToken stopping)
    {
        var meters = new MeterText(ControllerManager.MeterName);
        _parts.Push(new Disposing(meters));
        var options = new ApiServerOptions
        {
            Store = store,
            Meters = meters,
            Listen = [_node?.Network is { } network ? new NamespaceEndPoint(network, _node.Address, settings.HttpsPort) : new IPEndPoint(settings.BindAddress, settings.HttpsPort)],
            AdvertiseAddress = AdvertisedBy(settings),
            ServiceClusterIPRange = ServiceRange,
            NodeProxy = NodeProxyOf(certificates),
            MaxRequestsInFlight = settings.MaxRequestsInFlight,
            MaxMutatingRequestsInFlight = settings.MaxMutatingRequestsInFlight,
            LoggerFactory = logs,
        };
        ClusterSecurity.Secure(options, new ClusterSecurityOptions
        {
            Certificates = certificates,
            ProtectStorageInUse = true,
            NotReadyTolerationSeconds = settings.Timings.NotReadyTolerationSeconds ?? ClusterSecurityOptions.DefaultTolerationSeconds,
            UnreachableTolerationSeconds = settings.Timings.UnreachableTolerationSeconds ?? ClusterSecurityOptions.DefaultTolerationSeconds,
            JoinAddress = settings.HostNode is { } address ? new UriBuilder(Uri.UriSchemeHttps, address.ToString(), settings.HttpsPort).Uri : null,
        });
        var server = await ApiServerHost.StartAsync(options, stopping);
        _parts.Push(server);
        return server;
    }

    private NodeProxy NodeProxyOf(ClusterCertificates certificates)
    {
        var kubelets = new HttpMessageInvoker(NodeProxy.Handler(new SslClientAuthenticationOptions
        {
            ClientCertificates = [certificates.KubeletClient],
            CertificateChainPolicy = Trusting(certificates.ServerAuthority.Certificate),
        }));
        // Pods show what certificates they like.
        var pods = new HttpMessageInvoker(
            NodeProxy.Handler(new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true }));
        _parts.Push(new Disposing(kubelets));
        _parts.Push(new Disposing(pods));
        return new NodeProxy(kubelets, pods);
    }

    private async Task StartOthersAsync(ServerSettings settings, ClusterCertificates certificates, ILoggerFactory logs, CancellationToken stopping)
    {
        if (settings.Components.HasFlag(Components.ApiServer))
        {
            var admin = Client(settings, certificates.Admin, certificates, "orchestrator");
            var log = logs.CreateLogger("Orchestrator.Host.Manifests");
            await FirstObjects.EnsureAsync(admin, log, stopping);
            await new ManifestFolder(settings.ManifestDirectory, admin, log).ApplyAsync(stopping);
        }
        string identity = IdentityIn(settings.DataDirectory);
        if (settings.Components.HasFlag(Components.ControllerManager))
        {
            var log = logs.CreateLogger("Orchestrator.Runtime.Controllers.ControllerManager");
            var manager = new ControllerManager(
                Client(settings, certificates.ControllerManager, certificates, "kube-controller-manager"), ControllerList.All(ControllersOf(settings, certificates)),
                new ControllerManagerOptions
                {
                    Election = new LeaderElectorOptions { Name = "kube-controller-manager", Identity = identity, Log = log },
                    Signer = new ClusterSigner(certificates, TimeProvider.System),
                    TokenIssuer = TokenIssuerOf(certificates),
                    Log = log,
                });
            _parts.Push(new RunningPart(manager.RunAsync));
        }
        if (settings.Components.HasFlag(Components.Scheduler))
        {
            var log = logs.CreateLogger("Orchestrator.Runtime.Scheduling.Scheduler");
            var scheduler = new SchedulerRunner(
                Client(settings, certificates.Scheduler, certificates, "kube-scheduler"),
                new SchedulerOptions { Election = new LeaderElectorOptions { Name = "kube-scheduler", Identity = identity, Log = log }, Log = log });
            _parts.Push(new RunningPart(scheduler.RunAsync));
        }
        if (settings.HollowNodes > 0)
            _parts.Push(await StartNodesAsync(settings, certificates, stopping));
        if (_node is not null)
        {
            await _node.StartAsync(DutyOf(settings, certificates, _node.Address), stopping);
        }
    }

    /// <summary>Who leads is told apart by data directory, whose copies have other places. It has one process at a time (its lock), so who starts
    /// where another was killed goes on with that one's leases: nobody has to wait until they are over, with services that lead to pods that
    /// are gone.</summary>
    private static string IdentityIn(string dataDirectory)
    {
        string file = Path.Combine(dataDirectory, "leader.id");
        if (!File.Exists(file))
            SecretFiles.Write(file, Guid.NewGuid().ToString("N"));
        string place = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path.GetFullPath(dataDirectory))).AsSpan(0, 4));
        return $"{Dns.GetHostName()}_{File.ReadAllText(file)}_{place}";
    }

    private NodeDuty DutyOf(ServerSettings settings, ClusterCertificates certificates, IPAddress address) => new()
    {
        Name = settings.NodeName,
        Services = ServicesOfNodes(settings, certificates),
        // The admin's: this node serves the whole cluster.
        Client = Client(settings, certificates.Admin, certificates, "orchestrator"),
        Certificate = certificates.EnsureKubeletServing(settings.NodeName, [settings.NodeName], [address]),
        ClientAuthority = certificates.ClientAuthority.Certificate,
        LeaseDuration = settings.Timings.Lease,
        EvictionThresholds = settings.EvictionThresholds,
        StaticPods = settings.StaticPodDirectory,
        KeepsNameService = true,
    };

    private SecretTokenIssuer TokenIssuerOf(ClusterCertificates certificates)
    {
        var issuer = new SecretTokenIssuer(certificates);
        _parts.Push(new Disposing(issuer));
        return issuer;
    }

    private static ControllerSettings ControllersOf(ServerSettings settings, ClusterCertificates certificates) => new()
    {
        // Nothing listens at the addresses of hollow nodes.
        CloudProvider = settings.HollowNodes > 0 ? null : new CloudProviderSettings { ReservedPorts = [settings.HttpsPort] },
        RootCertificates = ClusterCertificates.CertificatePem(certificates.ServerAuthority.Certificate),
        ReadRequest = CertificateRequests.Read,
        NodeHealth = settings.Timings.Health,
    };

    private async Task<IAsyncDisposable> StartNodesAsync(
        ServerSettings settings, ClusterCertificates certificates, CancellationToken stopping)
    {
        var serving = certificates.EnsureKubeletServing("hollow", ["localhost"], [IPAddress.Loopback]);
        var server = await KubeletServer.StartAsync(
            new KubeletServerOptions { Port = 0, Certificate = serving, ClientAuthorities = [certificates.ClientAuthority.Certificate] }, stopping);
        _parts.Push(server);
        return await HollowNodes.StartAsync(
            new HollowOptions { NodeCount = settings.HollowNodes, StartDelay = settings.HollowReadyAfter, StopDelay = HollowStopDelay },
            ServicesOfNodes(settings, certificates), server, stopping);
    }

    /// <summary>Each node acts as itself, by impersonation: the connections are those of one who may do that.</summary>
    private KubeletServices ServicesOfNodes(ServerSettings settings, ClusterCertificates certificates) =>
        new(new ApiClientKubeletApi(Client(settings, certificates.Admin, certificates, "kubelet")), TimeProvider.System);

    private ApiClient Client(ServerSettings settings, X509Certificate2 identity, ClusterCertificates certificates, string userAgent)
    {
        var transport = new HttpTransport(new HttpTransportOptions(Loopback(settings))
        {
            CertificateAuthorities = [certificates.ServerAuthority.Certificate],
            ClientCertificate = identity,
            UserAgent = userAgent,
        });
        if (transport is IDisposable disposable)
            _parts.Push(new Disposing(disposable));
        return new ApiClient(transport);
    }

    /// <summary>The server, whatever it listens on.</summary>
    private Uri Loopback(ServerSettings settings) => settings.Server ?? (settings.BindAddress.Equals(IPAddress.Any) || settings.BindAddress.Equals(IPAddress.IPv6Any)
        ? new UriBuilder(Address) { Host = "127.0.0.1" }.Uri
        : Address);

    private void WriteKubeconfigs(ServerSettings settings, ClusterCertificates certificates)
    {
        AdminKubeconfig = Path.Combine(settings.DataDirectory, "admin.kubeconfig");
        var entry = new KubeconfigEntry(settings.ContextName, Loopback(settings), ClusterCertificates.CertificatePem(certificates.ServerAuthority.Certificate),
            ClusterCertificates.CertificatePem(certificates.Admin), ClusterCertificates.KeyPem(certificates.Admin));
        SecretFiles.Write(AdminKubeconfig, KubeconfigFile.Render(entry));
        if (settings.KubeconfigFile is { } file)
            KubeconfigFile.Merge(file, entry, makeCurrent: true);
    }

    private static ClusterCertificatesOptions CertificatesOf(ServerSettings settings) => new()
    {
        Directory = settings.CertificateDirectory,
        FirstServiceAddress = FirstServiceAddress,
        HostNames = [.. settings.TlsSans.Where(name => !IPAddress.TryParse(name, out _)), Dns.GetHostName()],
        Addresses = [.. settings.TlsSans.Where(name => IPAddress.TryParse(name, out _)).Select(IPAddress.Parse), .. Given(settings.BindAddress), AdvertisedBy(settings)],
    };

    /// <summary>What the endpoints of the service <c>kubernetes</c> say, where the loopback's addresses must not stand: the machine's own.</summary>
    private static IPAddress AdvertisedBy(ServerSettings settings)
    {
        if (settings.Node is { } subnet)
            return subnet.NodeAddress;
        if (settings.HostNode is { } address)
            return address;
        if (!IPAddress.IsLoopback(settings.BindAddress) && Given(settings.BindAddress).Any())
            return settings.BindAddress;
        var own = NetworkInterface.GetAllNetworkInterfaces().Where(link => link.OperationalStatus == OperationalStatus.Up)
            .SelectMany(link => link.GetIPProperties().UnicastAddresses).Select(unicast => unicast.Address)
            .FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address));
        // A machine without network: the service leads to itself.
        return own ?? FirstServiceAddress;
    }

    private static IEnumerable<IPAddress> Given(IPAddress address) =>
        address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) ? [] : [address];

    private static X509ChainPolicy Trusting(X509Certificate2 authority) => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { authority }, RevocationMode = X509RevocationMode.NoCheck,
    };

    private sealed class Disposing(IDisposable part) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            part.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
