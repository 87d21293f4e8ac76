using System.CommandLine;
using System.Net;
using Orchestrator.Api;
using Orchestrator.Host.Machine;
using Orchestrator.Host.Profiles;
using Orchestrator.Host.Serving;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Kubelet.Images.Registries;

namespace Orchestrator.Host.Commands;

/// <summary>The options of <c>orchestrator server</c> and their way into <see cref="ServerSettings"/>.</summary>
internal sealed class ServerCommandOptions
{
    /// <summary>What holds for all clusters of the machine.</summary>
    private const string MachineConfiguration = "/etc/orchestrator";

    private const string PodManifestsName = "pod-manifests";

    private const string RegistriesName = "registries.yaml";

    public readonly Option<string> DataDirectory = new("--data-dir")
    {
        Description = "Directory of all data (default: that of the profile)", HelpName = "DIR",
    };

    public readonly Option<string> BindAddress = new("--bind-address")
    {
        Description = "Address that the API server listens on (default: 127.0.0.1; with --node-network host all of the machine's)", HelpName = "ADDRESS",
    };

    public readonly Option<int> HttpsPort = new("--https-listen-port")
    {
        Description = "Port of the API server; 0 picks a free one", DefaultValueFactory = _ => ServerSettings.DefaultHttpsPort, HelpName = "PORT", CustomParser = CommonOptions.Number,
    };

    public readonly Option<string[]> TlsSan = new("--tls-san")
    {
        Description = "Further host name or address in the serving certificate", HelpName = "NAME",
    };

    public readonly Option<string> CertificateDirectory = new("--cert-dir")
    {
        Description = "Directory of the certificates, shared by the API servers of one store (default: tls in the data directory)", HelpName = "DIR",
    };

    public readonly Option<string> Server = new("--server")
    {
        Description = "URL of an API server to work for instead of running one; takes that server's --cert-dir", HelpName = "URL",
    };

    public readonly Option<string> StoreEndpoints = new("--store-endpoints")
    {
        Description = "Endpoints of an etcd or kvstore cluster to use instead of the embedded store, comma-separated", HelpName = "URLS",
    };

    public readonly Option<string> StoreCa = new("--store-cafile") { Description = "CA of the store's certificates", HelpName = "FILE" };

    public readonly Option<string> StoreCert = new("--store-certfile") { Description = "Client certificate for the store", HelpName = "FILE" };

    public readonly Option<string> StoreKey = new("--store-keyfile") { Description = "Key of the client certificate", HelpName = "FILE" };

    public readonly Option<int?> MaxRequestsInFlight = RequestsInFlight(isMutating: false);

    public readonly Option<int?> MaxMutatingRequestsInFlight = RequestsInFlight(isMutating: true);

    public readonly Option<string> NodeSubnet = new("--node-subnet")
    {
        Description = "Run a node of real containers, in a network namespace that this network joins to the machine (192.168.49.0/24)", HelpName = "CIDR",
    };

    public readonly Option<int> HollowNodes = new("--hollow-nodes")
    {
        Description = "Nodes whose containers are pretended", HelpName = "N", CustomParser = CommonOptions.Number,
    };

    public readonly Option<string> HollowReadyAfter = new("--hollow-ready-after")
    {
        Description = "Time that a pretended container takes to run (500ms, 2s)", DefaultValueFactory = _ => "0s", HelpName = "DURATION",
    };

    public readonly Option<string> Manifests = ManifestFolder();

    public readonly Option<string> PodManifests = PodManifestFolder();

    public readonly Option<string> Registries = RegistriesOption();
    public readonly Option<string?> EvictionHard = EvictionOptions.Hard();

    public readonly Option<string> Disable = new("--disable")
    {
        Description = "Parts not to run, comma-separated: controller-manager, scheduler", HelpName = "PARTS",
    };

    public readonly Option<string> Kubeconfig = new("--write-kubeconfig")
    {
        Description = "Also write the admin's kubeconfig to this file", HelpName = "FILE",
    };

    public readonly Option<string> LogDirectory = new("--log-dir")
    {
        Description = "Write each part's log to a file in this directory instead of standard error", HelpName = "DIR",
    };

    public readonly Option<string> NodeNetwork = NodeNetworkOption();

    public readonly Option<string?> NodeIp = AgentCommand.NodeIp("");

    public readonly Option<string?> NodeName = new("--node-name") { Description = "Name of this machine's node (default: the cluster's)", HelpName = "NAME" };

    private readonly NodeTimingOptions _timings = new();

    public IEnumerable<Option> All =>
    [
        DataDirectory, BindAddress, HttpsPort, TlsSan, CertificateDirectory, Server, StoreEndpoints, StoreCa, StoreCert, StoreKey, MaxRequestsInFlight,
        MaxMutatingRequestsInFlight, NodeSubnet, HollowNodes, HollowReadyAfter, Manifests, PodManifests, Registries, EvictionHard, Disable, Kubeconfig, LogDirectory,
        NodeNetwork, NodeIp, NodeName, .. _timings.All,
    ];

    /// <exception cref="CommandException">A value makes no sense.</exception>
    public ServerSettings Read(ParseResult result, Profile profile)
    {
        string data = Path.GetFullPath(result.GetValue(DataDirectory) ?? profile.Directory);
        var server = ReadServer(result);
        bool isHost = result.GetValue(NodeNetwork) == HostNetworkName;
        if (isHost && (result.GetValue(NodeSubnet) is not null || server is not null || result.GetValue(HttpsPort) == 0))
            throw new CommandException("--node-network host: the API server is this machine's, with a port that others know: it goes with none of --node-subnet, --server and --https-listen-port 0");
        return new ServerSettings
        {
            DataDirectory = data,
            ContextName = profile.Name,
            BindAddress = result.GetValue(BindAddress) is { } bind ? ReadAddress(bind) : isHost ? IPAddress.Any : IPAddress.Loopback,
            HttpsPort = ReadPort(result.GetValue(HttpsPort)),
            TlsSans = result.GetValue(TlsSan) ?? [],
            CertificateDirectory = result.GetValue(CertificateDirectory) is { } certificates ? Path.GetFullPath(certificates) : Path.Combine(data, "tls"),
            Server = server,
            StoreEndpoints = ReadEndpoints(result.GetValue(StoreEndpoints)),
            StoreCaFile = ReadFile(result, StoreCa),
            StoreCertFile = ReadFile(result, StoreCert),
            StoreKeyFile = ReadFile(result, StoreKey),
            MaxRequestsInFlight = ReadLimit(MaxRequestsInFlight.Name, result.GetValue(MaxRequestsInFlight)) ?? ApiServerOptions.DefaultMaxRequestsInFlight,
            MaxMutatingRequestsInFlight = ReadLimit(MaxMutatingRequestsInFlight.Name, result.GetValue(MaxMutatingRequestsInFlight))
                ?? ApiServerOptions.DefaultMaxMutatingRequestsInFlight,
            Node = result.GetValue(NodeSubnet) is { } subnet ? Machine.NodeSubnet.Parse(subnet) : null,
            Registries = ReadRegistries(result.GetValue(Registries), data),
            EvictionThresholds = EvictionOptions.Read(result.GetValue(EvictionHard)),
            HostNode = isHost ? result.GetValue(NodeIp) is { } ip ? HostNetwork.Parse(ip) : HostNetwork.AddressOfMachine() : null,
            NodeName = result.GetValue(NodeName) is { } nodeName ? AgentCommand.ReadNodeName(nodeName) : profile.Name,
            Timings = _timings.Read(result, new NodeTimings()),
            HollowNodes = ReadCount(result.GetValue(HollowNodes)),
            HollowReadyAfter = ReadDuration(HollowReadyAfter.Name, result.GetValue(HollowReadyAfter)!),
            ManifestDirectory = result.GetValue(Manifests) is { } manifests ? ReadFolder(Manifests.Name, manifests) : Path.Combine(data, "manifests"),
            StaticPodDirectory = ReadPodManifests(result.GetValue(PodManifests), data),
            Components = Components.All & ~ReadParts(result.GetValue(Disable)) & ~(server is null ? Components.None : Components.ApiServer),
            KubeconfigFile = result.GetValue(Kubeconfig) is { } kubeconfig ? Path.GetFullPath(kubeconfig) : null,
            LogDirectory = result.GetValue(LogDirectory) is { } logs ? Path.GetFullPath(logs) : null,
        };
    }

    /// <summary>Most hollow nodes to a process: what the pods' address range can number.</summary>
    public const int MostHollowNodes = 5000;

    public static int ReadCount(int count) => count is >= 0 and <= MostHollowNodes
        ? count
        : throw new CommandException($"--hollow-nodes: {count} is not between 0 and {MostHollowNodes}");

    public static Option<string> ManifestFolder(string hint = "") => new("--manifests")
    {
        Description = $"Folder of objects in YAML or JSON to apply at each start (default: manifests in the data directory{hint})", HelpName = "DIR",
    };

    /// <summary>The kubelet's own name.</summary>
    public static Option<string> PodManifestFolder(string hint = "") => new("--pod-manifest-path")
    {
        Description = $"Folder of static pods of this machine's node, one in a file, in YAML or JSON (default: {PodManifestsName} in the data directory{hint})", HelpName = "DIR",
    };

    /// <exception cref="CommandException">There is no such folder.</exception>
    public static string ReadPodManifests(string? given, string dataDirectory) =>
        given is null ? Path.Combine(dataDirectory, PodManifestsName) : ReadFolder("--pod-manifest-path", given);

    public const string HostNetworkName = "host";

    public static Option<string> NodeNetworkOption(string hint = "")
    {
        var option = new Option<string>("--node-network")
        {
            Description = $"Where this machine's node has its network: in a namespace of its own, or in the machine's (host), which nodes of other machines can join{hint}", HelpName = "namespace|host",
        };
        option.AcceptOnlyFromAmong("namespace", HostNetworkName);
        return option;
    }

    public static Option<string> RegistriesOption(string hint = "") => new("--registries")
    {
        Description = $"File of registries' mirrors, credentials and certificates, in k3s' form (default: registries.yaml in the data directory or in {MachineConfiguration}{hint})",
        HelpName = "FILE",
    };

    /// <param name="given">Null: the file at one of the usual places, if there is one.</param>
    /// <exception cref="CommandException">The file is not there or makes no sense.</exception>
    public static RegistriesFile ReadRegistries(string? given, string dataDirectory)
    {
        string? path = given ?? Array.Find(
            [Path.Combine(dataDirectory, RegistriesName), Path.Combine(MachineConfiguration, RegistriesName)], File.Exists);
        try
        {
            return path is null ? RegistriesFile.Empty : RegistriesFile.Read(path);
        }
        catch (RegistriesFileException fault)
        {
            throw new CommandException($"--registries: {fault.Message}");
        }
    }

    public static string ReadFolder(string option, string folder) => Directory.Exists(folder)
        ? Path.GetFullPath(folder)
        : throw new CommandException($"{option}: there is no folder {folder}");

    /// <summary>Kubernetes' own names.</summary>
    public static Option<int?> RequestsInFlight(bool isMutating, string hint = "") => isMutating
        ? new("--max-mutating-requests-inflight")
        {
            Description = $"Writes that the API server serves at once; more are refused with 429; 0 is no limit (default: {ApiServerOptions.DefaultMaxMutatingRequestsInFlight}{hint})", HelpName = "N",
            CustomParser = CommonOptions.OptionalNumber,
        }
        : new("--max-requests-inflight")
        {
            Description = $"Reads that the API server serves at once, watches and streams left out; more are refused with 429; 0 is no limit (default: {ApiServerOptions.DefaultMaxRequestsInFlight}{hint})", HelpName = "N",
            CustomParser = CommonOptions.OptionalNumber,
        };

    public static int? ReadLimit(string option, int? limit) => limit is not < 0
        ? limit
        : throw new CommandException($"{option}: {limit} is less than 0");

    public static TimeSpan ReadDuration(string option, string text) => GoDuration.Parse(text)
        ?? throw new CommandException($"{option}: \"{text}\" is no duration: give one like 500ms, 2s or 1m");

    public static IReadOnlyList<string> ReadEndpoints(string? text)
    {
        string[] endpoints = (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        foreach (string endpoint in endpoints)
        {
            bool isUrl = endpoint.StartsWith("unix:", StringComparison.Ordinal) || endpoint.StartsWith("unixs:", StringComparison.Ordinal)
                || (Uri.TryCreate(endpoint, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.Port > 0);
            if (!isUrl)
                throw new CommandException($"--store-endpoints: \"{endpoint}\" is no URL: give http://HOST:PORT or https://HOST:PORT, several with commas between");
        }
        return endpoints;
    }

    private Uri? ReadServer(ParseResult result)
    {
        if (result.GetValue(Server) is not { } text)
            return null;
        if (result.GetValue(StoreEndpoints) is not null)
            throw new CommandException("--server: the API server has the store: leave --store-endpoints away");
        if (result.GetValue(CertificateDirectory) is not { } certificates || !Directory.Exists(certificates))
            throw new CommandException("--server: give the API server's own certificates with --cert-dir DIR");
        return Uri.TryCreate(text, UriKind.Absolute, out var server) && server.Scheme == Uri.UriSchemeHttps
            ? server
            : throw new CommandException($"--server: \"{text}\" is no URL of an API server: give https://HOST:PORT");
    }

    /// <exception cref="CommandException">It is none.</exception>
    public static IPAddress ReadAddress(string text) => IPAddress.TryParse(text, out var address)
        ? address
        : throw new CommandException($"--bind-address: \"{text}\" is no IP address");

    private static int ReadPort(int port) => port is >= 0 and <= 65535
        ? port
        : throw new CommandException($"--https-listen-port: {port} is not between 0 and 65535");

    private static string? ReadFile(ParseResult result, Option<string> option)
    {
        string? path = result.GetValue(option);
        if (path is null)
            return null;
        path = Path.GetFullPath(path);
        return File.Exists(path) ? path : throw new CommandException($"{option.Name}: {path} does not exist");
    }

    private static Components ReadParts(string? text)
    {
        var parts = Components.None;
        foreach (string name in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            parts |= name switch
            {
                "controller-manager" => Components.ControllerManager,
                "scheduler" => Components.Scheduler,
                _ => throw new CommandException($"--disable: there is no part \"{name}\": controller-manager, scheduler"),
            };
        }
        return parts;
    }
}
