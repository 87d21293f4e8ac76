using System.Collections.Frozen;

namespace KvStore.Server.Configuration;

/// <summary>Every flag there is: all of etcd 3.6 under its names, and a few of our own. A new flag is a row here.</summary>
internal static class FlagTable
{
    private const string NoPeers = "a single member exchanges no traffic with peers";
    private const string NoBolt = "the store has no bbolt file";
    private const string NoAuth = "authentication is not served yet";
    private const string NoDiscovery = "bootstrapping by discovery is not supported: name the member in --initial-cluster";
    private const string NothingToCompare = "a single member has no peers to compare its data with";
    private const string Removed = "etcd itself has ignored it for many versions";

    public static readonly IReadOnlyList<FlagSection> Sections =
    [
        new("Member",
        [
            Text("name", "default", "Human-readable name of this member."),
            Text("data-dir", "", "Path of the data directory (default '${name}.kvstore')."),
            Text("wal-dir", "", "Path of a directory of its own for the write-ahead log.")
                .Refused("the log lies in the data directory; link <data-dir>/wal elsewhere if it needs a disk of its own"),
            Uint("snapshot-count", "10000", "Number of applied entries after which a checkpoint is taken."),
            Uint("snapshot-catchup-entries", "5000", "Number of entries kept in the log for slow followers.")
                .Formerly("experimental-snapshot-catchup-entries", "experimental-snapshot-catch-up-entries"),
            Uint("heartbeat-interval", "100", "Time between heartbeats, in milliseconds."),
            Uint("election-timeout", "1000", "Time without a leader after which an election starts, in milliseconds."),
            Bool("initial-election-tick-advance", "true", "Let the first election after a start come sooner."),
            Urls("listen-peer-urls", "http://localhost:2380", "URLs to listen on for peers, comma-separated."),
            Urls("listen-client-urls", "http://localhost:2379",
                "URLs to listen on for clients (gRPC, and HTTP unless --listen-client-http-urls is given), comma-separated."),
            Urls("listen-client-http-urls", "", "URLs to listen on for HTTP only; takes HTTP away from --listen-client-urls."),
            Uint("max-snapshots", "5", "Number of snapshot files to keep.")
                .Accepted("checkpoints are kept as long as recovery needs them"),
            Uint("max-wals", "5", "Number of log files to keep.").Accepted("log files are kept as long as recovery needs them"),
            Int("quota-backend-bytes", "0",
                "Size of the database at which the NOSPACE alarm is raised: 0 means 2 GiB, a negative number no limit."),
            Text("backend-bbolt-freelist-type", "map", "Free list of bbolt.").Accepted(NoBolt),
            Duration("backend-batch-interval", "0s", "Longest time before bbolt commits.").Accepted(NoBolt),
            Int("backend-batch-limit", "0", "Most operations before bbolt commits.").Accepted(NoBolt),
            Uint("max-txn-ops", "128", "Most operations in one transaction."),
            Uint("max-request-bytes", "1572864", "Largest request of a client, in bytes."),
            Uint32("max-concurrent-streams", "4294967295", "Most streams that a client may have open on one connection."),
            Bool("enable-grpc-gateway", "true", "Serve the JSON gateway.").Accepted("the JSON gateway is not served yet"),
            Duration("grpc-keepalive-min-time", "5s", "Shortest time between pings of a client.")
                .Accepted("clients are not punished for pinging often"),
            Duration("grpc-keepalive-interval", "2h", "Time without traffic after which a client is pinged; 0 is never."),
            Duration("grpc-keepalive-timeout", "20s", "Time a pinged client has to answer; 0 is without end."),
            Bool("socket-reuse-port", "false", "Set SO_REUSEPORT on listening sockets.")
                .Accepted("a port in use is an error, since two members behind one port serve no one"),
            Bool("socket-reuse-address", "false", "Set SO_REUSEADDR on listening sockets.").Accepted("it is always set"),
            Duration("raft-read-timeout", "5s", "Time without a sign of life after which a connection between peers is given up."),
            Duration("raft-write-timeout", "5s", "The same for writing; the shorter of the two counts, but at least 5s."),
            Int("value-memory-bytes", "67108864",
                "Memory for values, in bytes; values beyond it are read from disk. Not one of etcd's flags."),
            Text("config-file", "", "YAML or JSON file with these settings; other flags and variables are then ignored."),
        ]),
        new("Clustering",
        [
            Urls("initial-advertise-peer-urls", "http://localhost:2380",
                "URLs under which peers reach this member, comma-separated."),
            Text("initial-cluster", "",
                "Members at the first start, name=URL, comma-separated (default: this member under its advertised URLs)."),
            Text("initial-cluster-state", "new", "Whether the first start makes a cluster ('new') or joins one ('existing').")
                .OneOf("new", "existing"),
            Text("initial-cluster-token", "etcd-cluster", "Keeps clusters apart that were started with the same URLs."),
            Urls("advertise-client-urls", "http://localhost:2379",
                "URLs under which clients reach this member, comma-separated."),
            Text("discovery", "", "URL of the v2 discovery service.").Refused(NoDiscovery),
            Text("discovery-fallback", "exit", "What to do when discovery fails.").OneOf("exit", "proxy").Accepted(NoDiscovery),
            Text("discovery-proxy", "", "Proxy for the v2 discovery service.").Accepted(NoDiscovery),
            Text("discovery-srv", "", "DNS domain whose SRV records name the members.").Refused(NoDiscovery),
            Text("discovery-srv-name", "", "Suffix of the SRV records' service.").Refused(NoDiscovery),
            List("discovery-endpoints", "", "Endpoints of the v3 discovery service.").Refused(NoDiscovery),
            Text("discovery-token", "", "Token of the v3 discovery service.").Secret().Refused(NoDiscovery),
            Duration("discovery-dial-timeout", "2s", "Dial timeout of v3 discovery.").Accepted(NoDiscovery),
            Duration("discovery-request-timeout", "5s", "Request timeout of v3 discovery.").Accepted(NoDiscovery),
            Duration("discovery-keepalive-time", "2s", "Keep-alive time of v3 discovery.").Accepted(NoDiscovery),
            Duration("discovery-keepalive-timeout", "6s", "Keep-alive timeout of v3 discovery.").Accepted(NoDiscovery),
            Bool("discovery-insecure-transport", "true", "No TLS for v3 discovery.").Accepted(NoDiscovery),
            Bool("discovery-insecure-skip-tls-verify", "false", "No check of v3 discovery's certificate.").Accepted(NoDiscovery),
            Text("discovery-cert", "", "Client certificate for v3 discovery.").Accepted(NoDiscovery),
            Text("discovery-key", "", "Client key for v3 discovery.").Accepted(NoDiscovery),
            Text("discovery-cacert", "", "CA of v3 discovery.").Accepted(NoDiscovery),
            Text("discovery-user", "", "User of v3 discovery.").Secret().Accepted(NoDiscovery),
            Text("discovery-password", "", "Password of v3 discovery.").Secret().Accepted(NoDiscovery),
            Bool("strict-reconfig-check", "true", "Refuse membership changes that would lose the quorum."),
            Bool("pre-vote", "true", "Ask whether an election can be won before starting it."),
            Text("auto-compaction-retention", "0", "History to keep when compacting by itself; 0 is off."),
            Text("auto-compaction-mode", "periodic",
                "Meaning of the retention: 'periodic' (a duration, or a number of hours) or 'revision' (a number of revisions)."),
            Text("v2-deprecation", "write-only", "Phase of the end of the v2 store.").Accepted("there is no v2 store"),
            Int("max-learners", "1", "Most learners in a cluster.").Formerly("experimental-max-learners"),
        ]),
        new("Security",
        [
            Text("cert-file", "", "Certificate shown to clients (PEM)."),
            Text("key-file", "", "Its key (PEM)."),
            Bool("client-cert-auth", "false", "Demand a certificate from clients."),
            Text("client-cert-file", "", "Certificate of the server's own client.")
                .Accepted("the server calls itself without a connection"),
            Text("client-key-file", "", "Its key.").Accepted("the server calls itself without a connection"),
            Text("client-crl-file", "", "Revoked client certificates.")
                .Refused("revocation lists are not read yet, and revoked certificates would be let in"),
            List("client-cert-allowed-hostname", "",
                "Host names one of which a client's certificate must have, comma-separated."),
            Text("trusted-ca-file", "", "CA that signs clients' certificates (PEM); a certificate is then demanded."),
            Bool("auto-tls", "false", "Serve clients with a self-made certificate.")
                .Refused("certificates are not made here yet: give --cert-file and --key-file"),
            Text("peer-cert-file", "", "Certificate shown to peers (PEM)."),
            Text("peer-key-file", "", "Its key (PEM)."),
            Bool("peer-client-cert-auth", "false", "Demand a certificate from peers that call."),
            Text("peer-trusted-ca-file", "", "CA that signs peers' certificates (PEM); a certificate is then demanded."),
            List("peer-cert-allowed-cn", "", "Common names one of which a peer's certificate must have, comma-separated."),
            List("peer-cert-allowed-hostname", "", "Host names one of which a peer's certificate must have, comma-separated."),
            Bool("peer-auto-tls", "false", "Encrypt the traffic with peers with a self-made certificate, if none is given."),
            Text("peer-client-cert-file", "", "Certificate for calling peers, where it is not the one of --peer-cert-file (PEM)."),
            Text("peer-client-key-file", "", "Its key (PEM)."),
            Text("peer-crl-file", "", "Revocation list for peers' certificates (DER or PEM)."),
            Bool("peer-skip-client-san-verification", "false",
                "Let peers call from addresses that their certificates do not name.")
                .Formerly("experimental-peer-skip-client-san-verification"),
            Uint("self-signed-cert-validity", "1", "Years for which a self-made certificate is valid."),
            List("cipher-suites", "", "TLS 1.2 cipher suites to offer, comma-separated; empty means the system's."),
            List("cors", "*", "Origins that browsers may call from, comma-separated; * or empty means all."),
            List("host-whitelist", "*",
                "Host names that HTTP requests without TLS may ask for, comma-separated; * or empty means all."),
            Text("tls-min-version", "TLS1.2", "Lowest version of TLS.").OneOf("TLS1.2", "TLS1.3"),
            Text("tls-max-version", "", "Highest version of TLS; empty means the system's.").OneOf("", "TLS1.2", "TLS1.3"),
        ]),
        new("Auth",
        [
            Text("auth-token", "simple", "Kind of tokens and its options.").Accepted(NoAuth),
            Uint("bcrypt-cost", "10", "Cost of hashing passwords.").Accepted(NoAuth),
            Uint("auth-token-ttl", "300", "Seconds for which a token is good.").Accepted(NoAuth),
        ]),
        new("Profiling and Monitoring",
        [
            Bool("enable-pprof", "false", "Serve Go's profiler.")
                .Accepted("this is no Go program: dotnet-trace and dotnet-counters profile it"),
            Text("metrics", "basic", "'extensive' adds histograms of the time that each RPC takes.").OneOf("basic", "extensive"),
            Urls("listen-metrics-urls", "", "URLs to listen on for /metrics and health only, comma-separated."),
            Bool("enable-distributed-tracing", "false", "Send traces to an OpenTelemetry collector (OTLP over gRPC).")
                .Formerly("experimental-enable-distributed-tracing"),
            Text("distributed-tracing-address", "localhost:4317", "Address of the collector of traces.")
                .Formerly("experimental-distributed-tracing-address"),
            Text("distributed-tracing-service-name", "etcd", "Service name in traces, the same for all members.")
                .Formerly("experimental-distributed-tracing-service-name"),
            Text("distributed-tracing-instance-id", "", "Name of this member in traces.")
                .Formerly("experimental-distributed-tracing-instance-id"),
            Int("distributed-tracing-sampling-rate", "0", "Requests traced out of a million.")
                .Formerly("experimental-distributed-tracing-sampling-rate"),
            Text("metrics-otlp-address", "",
                "Address of a collector to send metrics to (OTLP over gRPC); empty is off. Not one of etcd's flags."),
            Duration("metrics-otlp-interval", "1m", "Time between two such sendings. Not one of etcd's flags."),
        ]),
        new("Logging",
        [
            Text("logger", "zap", "Kind of logger; there is one."),
            List("log-outputs", "default", "Where the log goes: default, stderr, stdout or paths of files, comma-separated."),
            Text("log-level", "info", "debug, info, warn, error, panic or fatal."),
            Text("log-format", "json", "json or console."),
            Bool("enable-log-rotation", "false", "Rotate the log file.")
                .Accepted("the log is not rotated; logrotate with copytruncate does it"),
            Text("log-rotation-config-json",
                """{"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false, "compress": false}""",
                "Settings of the rotation.").Accepted("the log is not rotated; logrotate with copytruncate does it"),
            Bool("disable-log-sampling", "false", "Log every line of a burst.").Accepted("every line is logged"),
        ]),
        new("Tuning",
        [
            Duration("watch-progress-notify-interval", "10m",
                "Time without events after which a watch that asked for it is told so.")
                .Formerly("experimental-watch-progress-notify-interval"),
            Duration("warning-apply-duration", "100ms", "Applying a request for longer is logged.")
                .Formerly("experimental-warning-apply-duration"),
            Duration("warning-unary-request-duration", "300ms", "Serving a request for longer is logged.")
                .Formerly("experimental-warning-unary-request-duration"),
            Int("compaction-batch-limit", "1000", "Revisions removed in one step of a compaction.")
                .Formerly("experimental-compaction-batch-limit").Accepted("compaction chooses its steps by the time they take"),
            Duration("compaction-sleep-interval", "10ms", "Pause between two such steps.")
                .Formerly("experimental-compaction-sleep-interval")
                .Accepted("compaction chooses its steps by the time they take"),
            Bool("memory-mlock", "false", "Keep the memory from being swapped out.")
                .Formerly("experimental-memory-mlock").Accepted("the runtime's memory is not locked"),
            Uint("bootstrap-defrag-threshold-megabytes", "0", "Defragment at start if it frees that much.")
                .Formerly("experimental-bootstrap-defrag-threshold-megabytes")
                .Accepted("the store reuses its space without defragmenting"),
            Duration("downgrade-check-time", "5s", "Time between two looks at a downgrade.")
                .Formerly("experimental-downgrade-check-time").Accepted("there is no older version to go back to"),
            Duration("corrupt-check-time", "0s", "Time between two comparisons of the members' data.")
                .Formerly("experimental-corrupt-check-time").Accepted(NothingToCompare),
            Duration("compact-hash-check-time", "1m", "Time between two comparisons of the members' compaction hashes.")
                .Formerly("experimental-compact-hash-check-time").Accepted(NothingToCompare),
            new Flag("feature-gates", FlagType.FeatureGates, "", "Features to switch on or off, Feature=true, comma-separated.")
                .Accepted("none of these features changes how a single member works"),
            Gate("experimental-initial-corrupt-check", "false", "InitialCorruptCheck"),
            Gate("experimental-compact-hash-check-enabled", "false", "CompactHashCheck"),
            Gate("experimental-enable-lease-checkpoint", "false", "LeaseCheckpoint"),
            Gate("experimental-enable-lease-checkpoint-persist", "false", "LeaseCheckpointPersist"),
            Gate("experimental-txn-mode-write-with-shared-buffer", "true", "TxnModeWriteWithSharedBuffer"),
            Gate("experimental-stop-grpc-service-on-defrag", "false", "StopGRPCServiceOnDefrag"),
        ]),
        new("Unsafe",
        [
            Bool("force-new-cluster", "false", "Make a new cluster of this member's data.")
                .Refused("it is not supported: a single member starts from its data directory as it is"),
            Bool("unsafe-no-fsync", "false", "Acknowledge writes that are not on disk.")
                .Accepted("every acknowledged write is on disk first"),
        ]),
        new("Other",
        [
            Bool("version", "false", "Print the version and exit."),
            .. Legacy("cluster-active-size", "cluster-remove-delay", "cluster-sync-interval", "config", "force",
                "max-result-buffer",
                "max-retry-attempts", "peer-heartbeat-interval", "peer-election-timeout", "retry-interval", "snapshot", "v", "vv",
                "test.coverprofile", "test.outputdir"),
        ]),
    ];

    public static readonly IReadOnlyList<Flag> Flags = [.. Sections.SelectMany(section => section.Flags)];

    /// <summary>Features that <c>--feature-gates</c> may name, with their defaults.</summary>
    public static readonly FrozenDictionary<string, bool> FeatureGates = new Dictionary<string, bool>
    {
        ["StopGRPCServiceOnDefrag"] = false,
        ["InitialCorruptCheck"] = false,
        ["CompactHashCheck"] = false,
        ["TxnModeWriteWithSharedBuffer"] = true,
        ["LeaseCheckpoint"] = false,
        ["LeaseCheckpointPersist"] = false,
        ["SetMemberLocalAddr"] = false,
        ["PriorityRequest"] = false,
        ["FastLeaseKeepAlive"] = true,
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<string, Flag> ByName = Flags
        .SelectMany(flag => flag.OldNames.Append(flag.Name), (flag, name) => (flag, name))
        .ToFrozenDictionary(pair => pair.name, pair => pair.flag);

    /// <summary>By its name or a former one.</summary>
    public static Flag? Find(string name) => ByName.GetValueOrDefault(name);

    public static IEnumerable<string> Names => ByName.Keys;

    private static Flag Text(string name, string @default, string description) => new(name, FlagType.Text, @default, description);

    private static Flag List(string name, string @default, string description) => new(name, FlagType.List, @default, description);

    private static Flag Urls(string name, string @default, string description) => new(name, FlagType.Urls, @default, description);

    private static Flag Bool(string name, string @default, string description) => new(name, FlagType.Bool, @default, description);

    private static Flag Int(string name, string @default, string description) => new(name, FlagType.Int, @default, description);

    private static Flag Uint(string name, string @default, string description) => new(name, FlagType.Uint, @default, description);

    private static Flag Uint32(string name, string @default, string description) =>
        new(name, FlagType.Uint32, @default, description);

    private static Flag Duration(string name, string @default, string description) =>
        new(name, FlagType.Duration, @default, description);

    private static Flag Gate(string name, string @default, string feature) =>
        Bool(name, @default, $"Old spelling of --feature-gates={feature}.")
            .Gates(feature).Accepted("none of these features changes how a single member works");

    private static IEnumerable<Flag> Legacy(params string[] names) =>
        names.Select(name => Bool(name, "false", "").Hidden().Accepted(Removed));
}
