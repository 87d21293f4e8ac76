using System.Net;
using Orchestrator.Host.Machine;
using Orchestrator.Host.Profiles;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Kubelet.Images.Registries;
using Orchestrator.Runtime.Kubelet.Pressure;

namespace Orchestrator.Host.Serving;

/// <summary>Everything that <c>orchestrator server</c> is told, valid and typed.</summary>
internal sealed record ServerSettings
{
    public const int DefaultHttpsPort = 6443;

    public required string DataDirectory { get; init; }

    /// <summary>Name of the kubeconfig's context, cluster and user.</summary>
    public required string ContextName { get; init; }

    public IPAddress BindAddress { get; init; } = IPAddress.Loopback;

    /// <summary>0 lets the system pick one.</summary>
    public int HttpsPort { get; init; } = DefaultHttpsPort;

    /// <summary>Further names and addresses of the serving certificate.</summary>
    public IReadOnlyList<string> TlsSans { get; init; } = [];

    /// <summary>Where the certificates are; several API servers on one store share them.</summary>
    public required string CertificateDirectory { get; init; }

    /// <summary>The API server that the parts work for; null: one of this process.</summary>
    public Uri? Server { get; init; }

    /// <summary>Reads that the API server serves at once; 0: no limit.</summary>
    public int MaxRequestsInFlight { get; init; } = ApiServerOptions.DefaultMaxRequestsInFlight;

    /// <summary>Writes that it serves at once; 0: no limit.</summary>
    public int MaxMutatingRequestsInFlight { get; init; } = ApiServerOptions.DefaultMaxMutatingRequestsInFlight;

    public IReadOnlyList<string> StoreEndpoints { get; init; } = [];

    public string? StoreCaFile { get; init; }

    public string? StoreCertFile { get; init; }

    public string? StoreKeyFile { get; init; }

    /// <summary>The network between this machine and its node of real containers; null: no such node.</summary>
    public NodeSubnet? Node { get; init; }

    /// <summary>The address of this machine as a node in its own network, which others may join; null: it is none.</summary>
    public IPAddress? HostNode { get; init; }

    /// <summary>Of this machine's node.</summary>
    public string NodeName { get; init; } = "";

    /// <summary>Mirrors and credentials of that node.</summary>
    public RegistriesFile Registries { get; init; } = RegistriesFile.Empty;

    /// <summary>When that node is under pressure.</summary>
    public IReadOnlyList<EvictionThreshold> EvictionThresholds { get; init; } = Runtime.Kubelet.Pressure.EvictionThresholds.Default;

    /// <summary>How soon a silent node is given up.</summary>
    public NodeTimings Timings { get; init; } = new();

    public int HollowNodes { get; init; }

    public TimeSpan HollowReadyAfter { get; init; }

    /// <summary>A folder of objects that the cluster is to have; it need not be there.</summary>
    public required string ManifestDirectory { get; init; }

    /// <summary>The folder of static pods' manifests of this machine's node; it need not be there.</summary>
    public string StaticPodDirectory { get; init; } = "";

    /// <summary>Which parts run in this process.</summary>
    public Components Components { get; init; } = Components.All;

    /// <summary>The admin's kubeconfig goes there; null leaves it to DATA/admin.kubeconfig alone.</summary>
    public string? KubeconfigFile { get; init; }

    /// <summary>Each part's log goes to a file here; null sends all to standard error.</summary>
    public string? LogDirectory { get; init; }
}

/// <summary>The parts of a control plane that a process can run.</summary>
[Flags]
internal enum Components
{
    None = 0,
    ApiServer = 1,
    ControllerManager = 2,
    Scheduler = 4,
    All = ApiServer | ControllerManager | Scheduler,
}
