using System.Net.Security;
using System.Security.Authentication;
using KvStore.Server.Logging;

namespace KvStore.Server.Configuration;

/// <summary>Makes options of values that are each valid, and checks that they make sense together.</summary>
/// <remarks>All that is wrong is found before anything is thrown, so that a user corrects it in one go.</remarks>
internal sealed class OptionsBuilder
{
    private const long DefaultQuotaBytes = 2L << 30;
    private const long MaxElectionTimeoutMs = 50_000;
    private const long RecommendedRequestBytes = 10 << 20;
    private const int MaxSamplingRate = 1_000_000;

    /// <summary>A request is read into one array, and gRPC adds half a MiB to the limit.</summary>
    private const long LargestRequestBytes = 1 << 30;

    /// <summary>Below this the value store has no room to write while it reads.</summary>
    private const long LeastValueMemoryBytes = 16 << 20;

    private static readonly TimeSpan LeastPeerSilence = TimeSpan.FromSeconds(5);

    private static readonly string[] ClientListeners = ["listen-client-urls", "listen-client-http-urls", "listen-metrics-urls"];

    private readonly FlagValues _values;
    private readonly ICollection<ConfigurationNotice> _notices;
    private readonly bool _isFromFile;
    private readonly List<string> _problems = [];

    private OptionsBuilder(FlagValues values, ICollection<ConfigurationNotice> notices, bool isFromFile)
    {
        _values = values;
        _notices = notices;
        _isFromFile = isFromFile;
    }

    /// <exception cref="ConfigurationException">Names all that is wrong.</exception>
    public static ServerOptions Build(FlagValues values, ICollection<ConfigurationNotice> notices, bool isFromFile)
    {
        var builder = new OptionsBuilder(values, notices, isFromFile);
        ServerOptions options = builder.Build();
        return builder._problems.Count == 0 ? options : throw new ConfigurationException(builder._problems);
    }

    private ServerOptions Build()
    {
        CheckRefused();
        CheckUrls();
        CheckTimes();
        CheckNames();
        CheckTlsOfListeners();
        CheckTlsOfPeers();
        IReadOnlyList<EtcdUrl> peers = _values.Urls("initial-advertise-peer-urls");
        string name = _values.Text("name");
        TlsOptions clientTls = ClientTls();
        return new ServerOptions
        {
            Name = name,
            DataDirectory = _values.Text("data-dir") is { Length: > 0 } directory ? directory : name + ".kvstore",
            ListenClientUrls = _values.Urls("listen-client-urls"),
            ListenClientHttpUrls = _values.Urls("listen-client-http-urls"),
            ListenMetricsUrls = _values.Urls("listen-metrics-urls"),
            ListenPeerUrls = _values.Urls("listen-peer-urls"),
            AdvertiseClientUrls = _values.Urls("advertise-client-urls"),
            InitialAdvertisePeerUrls = peers,
            InitialCluster = _values.Text("initial-cluster") is { Length: > 0 } cluster
                ? cluster
                : string.Join(',', peers.Select(url => $"{name}={url}")),
            InitialClusterState = _values.Text("initial-cluster-state") == "existing"
                ? InitialClusterState.Existing
                : InitialClusterState.New,
            InitialClusterToken = _values.Text("initial-cluster-token"),
            HeartbeatInterval = TimeSpan.FromMilliseconds(Bounded("heartbeat-interval", 1, int.MaxValue)),
            ElectionTimeout = TimeSpan.FromMilliseconds(Bounded("election-timeout", 1, int.MaxValue)),
            InitialElectionTickAdvance = _values.Bool("initial-election-tick-advance"),
            PreVote = _values.Bool("pre-vote"),
            SnapshotCount = SnapshotCount(),
            CatchUpEntries = (int)Bounded("snapshot-catchup-entries", 0, int.MaxValue),
            StrictReconfigCheck = _values.Bool("strict-reconfig-check"),
            MaxLearners = (int)Bounded("max-learners", 0, int.MaxValue),
            QuotaBytes = QuotaBytes(),
            MaxTxnOps = (int)Bounded("max-txn-ops", 1, int.MaxValue),
            MaxRequestBytes = MaxRequestBytes(),
            MaxConcurrentStreams = (uint)Bounded("max-concurrent-streams", 1, uint.MaxValue),
            AutoCompaction = AutoCompactionOf(),
            WatchProgressNotifyInterval = Positive("watch-progress-notify-interval"),
            WarningApplyDuration = Positive("warning-apply-duration"),
            WarningUnaryRequestDuration = Positive("warning-unary-request-duration"),
            KeepAliveInterval = ZeroIsNone("grpc-keepalive-interval"),
            KeepAliveTimeout = ZeroIsNone("grpc-keepalive-timeout"),
            ValueMemoryBytes = Bounded("value-memory-bytes", LeastValueMemoryBytes, 1L << 40),
            ClientTls = clientTls,
            PeerTls = PeerTls(clientTls),
            PeerSilenceTimeout = PeerSilenceTimeout(),
            CorsOrigins = AllOrListed("cors"),
            HostWhitelist = AllOrListed("host-whitelist"),
            CommandLine = [.. _values.Settings.Select(setting => setting.ToString()).Order(StringComparer.Ordinal)],
            Log = LogOptionsOf(),
            Telemetry = Telemetry(),
        };
    }

    private void CheckRefused()
    {
        foreach (FlagSetting setting in _values.Settings)
        {
            if (setting.Flag.Status == FlagStatus.Refused && !IsDefault(setting))
                Refuse($"--{setting.Spelling} cannot be honoured: {setting.Flag.Reason}");
        }
    }

    private static bool IsDefault(FlagSetting setting) =>
        setting.Flag.Type == FlagType.Bool
            ? GoSyntax.TryParseBool(setting.Text, out bool value) && value == (setting.Flag.Default == "true")
            : setting.Text == setting.Flag.Default;

    private void CheckUrls()
    {
        foreach (string flag in (string[])["listen-peer-urls", .. ClientListeners])
        {
            foreach (EtcdUrl url in _values.Urls(flag).Where(url => !url.IsUnixSocket))
                Try(() => url.BindAddress());
        }
        CheckHosts("initial-advertise-peer-urls", "\"host:port\"");
        CheckHosts("advertise-client-urls", "in the format \"host:port\", \"unix:/path/to/socket\" or \"unixs:/path/to/socket\"");
        foreach (string flag in (string[])["listen-client-urls", "listen-peer-urls", "initial-advertise-peer-urls"])
        {
            if (_values.Urls(flag).Count == 0)
                Refuse($"--{flag} must not be empty");
        }
        // Advertising the default under an address of one's own would send clients elsewhere. etcd's file reader lets it pass.
        bool isUnsaid = _values.IsSet("listen-client-urls") && !_values.IsSet("advertise-client-urls") && !_isFromFile;
        if (isUnsaid || _values.Urls("advertise-client-urls").Count == 0)
            Refuse("--advertise-client-urls is required when --listen-client-urls is set explicitly");
        if (_values.Urls("listen-client-http-urls").Count == 0)
            _notices.Add(new(LogLevel.Info, "serving HTTP and gRPC on the same ports"));
    }

    private void CheckHosts(string flag, string form)
    {
        IReadOnlyList<EtcdUrl> urls = _values.Urls(flag);
        if (urls.FirstOrDefault(url => !url.IsUnixSocket && url.Host.Length == 0) is { } bad)
            Refuse($"--{flag} {GoSyntax.Quote(string.Join(',', urls))} must be {form} (unexpected empty host ({bad}))");
    }

    private void CheckTimes()
    {
        long heartbeatMs = _values.Integer("heartbeat-interval");
        long electionMs = _values.Integer("election-timeout");
        if (heartbeatMs == 0)
            Refuse($"--heartbeat-interval must be >0 (set to {heartbeatMs}ms)");
        if (electionMs == 0)
            Refuse($"--election-timeout must be >0 (set to {electionMs}ms)");
        if (heartbeatMs > 0 && electionMs > 0 && heartbeatMs > electionMs / 5)
            Refuse($"--election-timeout[{electionMs}ms] should be at least as 5 times as --heartbeat-interval[{heartbeatMs}ms]");
        if (electionMs > MaxElectionTimeoutMs)
            Refuse($"--election-timeout[{electionMs}ms] is too long, and should be set less than {MaxElectionTimeoutMs}ms");
    }

    private void CheckNames()
    {
        if (_values.Text("name").Length == 0)
            Refuse("--name must not be empty");
        if (_values.Text("logger") is var logger and not "zap")
            Refuse($"unknown logger option {GoSyntax.Quote(logger)}");
    }

    private void CheckTlsOfListeners()
    {
        string cert = _values.Text("cert-file");
        string key = _values.Text("key-file");
        if (cert.Length == 0 != (key.Length == 0))
            Refuse($"--cert-file and --key-file must both be present[key: {key}, cert: {cert}]");
        bool requiresCertificate = _values.Bool("client-cert-auth");
        foreach (EtcdUrl url in ClientListeners.SelectMany(_values.Urls))
        {
            if (url.IsSecure && cert.Length == 0)
                Refuse($"TLS key/cert (--cert-file, --key-file) must be provided for client url {url} with HTTPS scheme");
            if (!url.IsSecure && cert.Length > 0)
                Notice("scheme is http or unix while key and cert files are present; ignoring key and cert files", url);
            if (!url.IsSecure && requiresCertificate)
                Notice("scheme is http or unix while --client-cert-auth is enabled; ignoring client cert auth for this URL", url);
        }
    }

    private void CheckTlsOfPeers()
    {
        string cert = _values.Text("peer-cert-file");
        string key = _values.Text("peer-key-file");
        if (cert.Length == 0 != (key.Length == 0))
            Refuse($"--peer-cert-file and --peer-key-file must both be present[key: {key}, cert: {cert}]");
        CheckCallingCertificate();
        if (_values.List("peer-cert-allowed-cn") is { Count: > 0 } names && _values.List("peer-cert-allowed-hostname") is { Count: > 0 } hosts)
        {
            Refuse("--peer-cert-allowed-cn and --peer-cert-allowed-hostname are mutually exclusive "
                + $"(cns=[{string.Join(' ', names)}], hostnames=[{string.Join(' ', hosts)}])");
        }
        bool isAutomatic = _values.Bool("peer-auto-tls");
        if (isAutomatic && cert.Length > 0)
            _notices.Add(new(LogLevel.Warn, "ignoring peer auto TLS since certs given"));
        bool isSetUp = isAutomatic || cert.Length > 0;
        foreach (EtcdUrl url in _values.Urls("listen-peer-urls"))
        {
            if (url.IsSecure && !isSetUp)
                Refuse($"TLS key/cert (--peer-cert-file, --peer-key-file) must be provided for peer url {url} with HTTPS scheme");
            if (!url.IsSecure && cert.Length > 0)
                PeerNotice("scheme is http or unix while key and cert files are present; ignoring key and cert files", url);
            if (!url.IsSecure && _values.Bool("peer-client-cert-auth"))
                PeerNotice("scheme is http or unix while --peer-client-cert-auth is enabled; ignoring client cert auth for this URL", url);
        }
    }

    private void CheckCallingCertificate()
    {
        string cert = _values.Text("peer-client-cert-file");
        string key = _values.Text("peer-client-key-file");
        if (cert.Length == 0 != (key.Length == 0))
            Refuse($"--peer-client-cert-file and --peer-client-key-file must both be present or both absent[key: {key}, cert: {cert}]");
        if (cert.Length > 0 && _values.Text("peer-cert-file").Length == 0)
            Refuse("--peer-client-cert-file needs --peer-cert-file and --peer-key-file too");
    }

    private void PeerNotice(string message, EtcdUrl url) => _notices.Add(new(LogLevel.Warn, message, ("peer-url", url)));

    private void Notice(string message, EtcdUrl url) => _notices.Add(new(LogLevel.Warn, message, ("client-url", url)));

    private long SnapshotCount() =>
        // etcd takes 0 as "the default" too.
        _values.Integer("snapshot-count") is > 0 and var count ? count : 10_000;

    private long? QuotaBytes() => _values.Integer("quota-backend-bytes") switch
    {
        0 => DefaultQuotaBytes,
        < 0 => null,
        var bytes => bytes,
    };

    private int MaxRequestBytes()
    {
        long bytes = Bounded("max-request-bytes", 1, LargestRequestBytes);
        if (bytes > RecommendedRequestBytes)
        {
            _notices.Add(new(
                LogLevel.Warn, "exceeded recommended request limit", ("max-request-bytes", bytes),
                ("recommended-request-bytes", RecommendedRequestBytes)));
        }
        return (int)bytes;
    }

    private AutoCompaction AutoCompactionOf() =>
        Try(() => AutoCompaction.Parse(_values.Text("auto-compaction-mode"), _values.Text("auto-compaction-retention")))
        ?? AutoCompaction.Off;

    private TlsOptions ClientTls() => new()
    {
        CertFile = _values.Text("cert-file"),
        KeyFile = _values.Text("key-file"),
        TrustedCaFile = _values.Text("trusted-ca-file"),
        RequiresClientCertificate = _values.Bool("client-cert-auth") || _values.Text("trusted-ca-file").Length > 0,
        AllowedHostnames = _values.List("client-cert-allowed-hostname"),
        Protocols = Protocols(),
        CipherSuites = CipherSuites(),
    };

    private PeerTlsOptions PeerTls(TlsOptions clientTls) => new()
    {
        Tls = clientTls with
        {
            CertFile = _values.Text("peer-cert-file"),
            KeyFile = _values.Text("peer-key-file"),
            TrustedCaFile = _values.Text("peer-trusted-ca-file"),
            RequiresClientCertificate = _values.Bool("peer-client-cert-auth") || _values.Text("peer-trusted-ca-file").Length > 0,
            AllowedHostnames = _values.List("peer-cert-allowed-hostname"),
        },
        CallCertFile = _values.Text("peer-client-cert-file"),
        CallKeyFile = _values.Text("peer-client-key-file"),
        AllowedCommonNames = _values.List("peer-cert-allowed-cn"),
        SkipsClientSanVerification = _values.Bool("peer-skip-client-san-verification"),
        RevocationListFile = _values.Text("peer-crl-file"),
        IsAutomatic = _values.Bool("peer-auto-tls"),
        SelfSignedYears = (int)Bounded("self-signed-cert-validity", 1, 1000),
    };

    private TimeSpan PeerSilenceTimeout()
    {
        TimeSpan read = Positive("raft-read-timeout");
        TimeSpan write = Positive("raft-write-timeout");
        TimeSpan shorter = read < write ? read : write;
        // etcd takes less for the default too: a collector's pause must not look like a dead peer.
        return shorter > LeastPeerSilence ? shorter : LeastPeerSilence;
    }

    private SslProtocols Protocols()
    {
        string least = _values.Text("tls-min-version");
        string most = _values.Text("tls-max-version");
        switch (least, most)
        {
            case ("TLS1.3", "TLS1.2"):
                Refuse($"min version ({least}) is greater than max version ({most})");
                return SslProtocols.None;
            case ("TLS1.3", _): return SslProtocols.Tls13;
            case (_, "TLS1.2"): return SslProtocols.Tls12;
            default: return SslProtocols.Tls12 | SslProtocols.Tls13;
        }
    }

    private List<TlsCipherSuite> CipherSuites()
    {
        var suites = new List<TlsCipherSuite>();
        foreach (string name in _values.List("cipher-suites"))
        {
            // Enum.TryParse would also take numbers.
            if (!char.IsAsciiDigit(name[0]) && Enum.TryParse(name, out TlsCipherSuite suite))
                suites.Add(suite);
            else
                Refuse($"unexpected TLS cipher suite {GoSyntax.Quote(name)}");
        }
        if (suites.Count > 0 && _values.Text("tls-min-version") == "TLS1.3")
            Refuse("cipher suites cannot be configured when only TLS1.3 is enabled");
        return suites;
    }

    private IReadOnlyList<string> AllOrListed(string flag)
    {
        IReadOnlyList<string> listed = _values.List(flag);
        return listed.Contains("*") ? [] : listed;
    }

    private LogOptions LogOptionsOf()
    {
        IReadOnlyList<string> outputs = _values.List("log-outputs");
        if (outputs.Count == 0)
            Refuse("--log-outputs must not be empty: write default, stderr, stdout or the path of a file");
        return new LogOptions(LevelOf(_values.Text("log-level")), FormatOf(_values.Text("log-format")), outputs);
    }

    private LogLevel LevelOf(string level)
    {
        switch (level.ToLowerInvariant())
        {
            case "debug": return LogLevel.Debug;
            case "info" or "": return LogLevel.Info;
            case "warn": return LogLevel.Warn;
            case "error": return LogLevel.Error;
            case "dpanic" or "panic" or "fatal": return LogLevel.Fatal;
            default:
                Refuse(
                    $"unrecognized level: {GoSyntax.Quote(level)} "
                    + "(--log-level is one of debug, info, warn, error, panic, fatal)");
                return LogLevel.Info;
        }
    }

    private LogFormat FormatOf(string format)
    {
        if (format is not ("json" or "console"))
            Refuse($"unknown log format: {GoSyntax.Quote(format)}, supported values json, console");
        return format == "console" ? LogFormat.Console : LogFormat.Json;
    }

    private TelemetryOptions Telemetry()
    {
        bool isTracing = _values.Bool("enable-distributed-tracing");
        long rate = _values.Integer("distributed-tracing-sampling-rate");
        if (isTracing && rate < 0)
            Refuse($"--distributed-tracing-sampling-rate must be positive, but got {rate}");
        if (isTracing && rate > MaxSamplingRate)
            Refuse($"--distributed-tracing-sampling-rate must be less than {MaxSamplingRate}, but got {rate}");
        return new TelemetryOptions
        {
            IsExtensive = _values.Text("metrics") == "extensive",
            TracesEndpoint = isTracing ? CollectorOf("distributed-tracing-address") : null,
            SamplingRatePerMillion = (int)Math.Clamp(rate, 0, MaxSamplingRate),
            ServiceName = _values.Text("distributed-tracing-service-name"),
            InstanceId = _values.Text("distributed-tracing-instance-id"),
            MetricsEndpoint = _values.Text("metrics-otlp-address").Length > 0 ? CollectorOf("metrics-otlp-address") : null,
            MetricsInterval = Positive("metrics-otlp-interval"),
        };
    }

    /// <summary>etcd's form is host:port without TLS; a URL says https where it is wanted.</summary>
    private Uri? CollectorOf(string flag)
    {
        string text = _values.Text(flag);
        string url = text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text;
        if (Uri.TryCreate(url, UriKind.Absolute, out Uri? endpoint) && endpoint.Scheme is "http" or "https")
            return endpoint;
        Refuse($"--{flag} {GoSyntax.Quote(text)} must be host:port, or a URL with http or https");
        return null;
    }

    private long Bounded(string flag, long least, long most)
    {
        long value = _values.Integer(flag);
        if (value >= least && value <= most)
            return value;
        // The times have etcd's own texts.
        if (flag is not ("heartbeat-interval" or "election-timeout"))
            Refuse($"--{flag} must be from {least} to {most} (set to {value})");
        return least;
    }

    private TimeSpan Positive(string flag)
    {
        TimeSpan value = _values.Duration(flag);
        if (value <= TimeSpan.Zero)
            Refuse($"--{flag} must be >0 (set to {GoSyntax.FormatDuration(value)})");
        return value;
    }

    private TimeSpan? ZeroIsNone(string flag)
    {
        TimeSpan value = _values.Duration(flag);
        if (value < TimeSpan.Zero)
            Refuse($"--{flag} must not be negative (set to {GoSyntax.FormatDuration(value)})");
        return value == TimeSpan.Zero ? null : value;
    }

    private void Refuse(string problem) => _problems.Add(problem);

    private T? Try<T>(Func<T> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (ConfigurationException problem)
        {
            _problems.AddRange(problem.Problems);
            return null;
        }
    }
}
