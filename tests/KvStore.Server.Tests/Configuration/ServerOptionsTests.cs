using System.Security.Authentication;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;

namespace KvStore.Server.Tests.Configuration;

public class ServerOptionsTests
{
    private static IReadOnlyList<string> ProblemsOf(params string[] arguments) =>
        Assert.Throws<ConfigurationException>(() => ConfigurationReader.FromFlags(arguments)).Problems;

    [Fact]
    public void The_defaults_are_etcds()
    {
        ServerOptions options = ConfigurationReader.FromFlags();

        Assert.Equal("default", options.Name);
        Assert.Equal("default.kvstore", options.DataDirectory);
        Assert.Equal(["http://localhost:2379"], options.ListenClientUrls.Select(url => url.ToString()));
        Assert.Equal(["http://localhost:2379"], options.AdvertiseClientUrls.Select(url => url.ToString()));
        Assert.Equal(["http://localhost:2380"], options.ListenPeerUrls.Select(url => url.ToString()));
        Assert.Equal("default=http://localhost:2380", options.InitialCluster);
        Assert.Equal(InitialClusterState.New, options.InitialClusterState);
        Assert.Equal(TimeSpan.FromMilliseconds(100), options.HeartbeatInterval);
        Assert.Equal(10, options.ElectionTicks);
        Assert.True(options.PreVote);
        Assert.Equal(10_000, options.SnapshotCount);
        Assert.Equal(2L << 30, options.QuotaBytes);
        Assert.Equal(128, options.MaxTxnOps);
        Assert.Equal(1_572_864, options.MaxRequestBytes);
        Assert.Equal(uint.MaxValue, options.MaxConcurrentStreams);
        Assert.Equal(AutoCompaction.Off, options.AutoCompaction);
        Assert.Equal(TimeSpan.FromHours(2), options.KeepAliveInterval);
        Assert.Equal(64L << 20, options.ValueMemoryBytes);
        Assert.Equal(SslProtocols.Tls12 | SslProtocols.Tls13, options.ClientTls.Protocols);
        Assert.Empty(options.CorsOrigins);
        Assert.Equal(LogLevel.Info, options.Log.Level);
        Assert.Null(options.Telemetry.TracesEndpoint);
    }

    [Fact]
    public void The_data_directory_and_the_cluster_follow_the_name()
    {
        ServerOptions options = ConfigurationReader.FromFlags("--name=m1", "--initial-advertise-peer-urls=http://10.0.0.1:1,http://10.0.0.2:2");

        Assert.Equal("m1.kvstore", options.DataDirectory);
        Assert.Equal("m1=http://10.0.0.1:1,m1=http://10.0.0.2:2", options.InitialCluster);
    }

    [Fact]
    public void Listening_elsewhere_needs_an_advertised_url() =>
        Assert.Equal(
            ["--advertise-client-urls is required when --listen-client-urls is set explicitly"],
            ProblemsOf("--listen-client-urls=http://127.0.0.1:1"));

    [Theory]
    [InlineData("--election-timeout[1000ms] should be at least as 5 times as --heartbeat-interval[300ms]", "--heartbeat-interval=300")]
    [InlineData("--heartbeat-interval must be >0 (set to 0ms)", "--heartbeat-interval=0")]
    [InlineData("--election-timeout[50001ms] is too long, and should be set less than 50000ms", "--election-timeout=50001")]
    [InlineData("expected IP in URL for binding (http://example.com:1)", "--listen-peer-urls=http://example.com:1")]
    [InlineData(
        "--advertise-client-urls \"http://:1\" must be in the format \"host:port\", \"unix:/path/to/socket\" or "
        + "\"unixs:/path/to/socket\" (unexpected empty host (http://:1))", "--advertise-client-urls=http://:1")]
    [InlineData("unknown auto-compaction-mode \"x\"", "--auto-compaction-mode=x")]
    [InlineData("error parsing CompactionRetention: time: invalid duration \"x\"", "--auto-compaction-retention=x")]
    [InlineData("unknown logger option \"x\"", "--logger=x")]
    [InlineData("unexpected TLS cipher suite \"x\"", "--cipher-suites=x")]
    [InlineData("unexpected TLS cipher suite \"4865\"", "--cipher-suites=4865")]
    [InlineData("min version (TLS1.3) is greater than max version (TLS1.2)", "--tls-min-version=TLS1.3", "--tls-max-version=TLS1.2")]
    [InlineData("cipher suites cannot be configured when only TLS1.3 is enabled", "--tls-min-version=TLS1.3",
        "--cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")]
    [InlineData("--cert-file and --key-file must both be present[key: , cert: a.pem]", "--cert-file=a.pem")]
    [InlineData("TLS key/cert (--cert-file, --key-file) must be provided for client url https://127.0.0.1:1 with HTTPS scheme",
        "--listen-client-urls=https://127.0.0.1:1", "--advertise-client-urls=https://127.0.0.1:1")]
    [InlineData("--peer-cert-file and --peer-key-file must both be present[key: , cert: a.pem]", "--peer-cert-file=a.pem")]
    [InlineData("TLS key/cert (--peer-cert-file, --peer-key-file) must be provided for peer url https://127.0.0.1:1 with HTTPS scheme",
        "--listen-peer-urls=https://127.0.0.1:1")]
    [InlineData("--peer-client-cert-file and --peer-client-key-file must both be present or both absent[key: b.key, cert: ]",
        "--peer-client-key-file=b.key")]
    [InlineData("--peer-client-cert-file needs --peer-cert-file and --peer-key-file too",
        "--peer-client-cert-file=b.pem", "--peer-client-key-file=b.key")]
    [InlineData("--peer-cert-allowed-cn and --peer-cert-allowed-hostname are mutually exclusive (cns=[a b], hostnames=[c])",
        "--peer-cert-allowed-cn=a,b", "--peer-cert-allowed-hostname=c")]
    [InlineData("--self-signed-cert-validity must be from 1 to 1000 (set to 0)", "--self-signed-cert-validity=0")]
    [InlineData("--raft-read-timeout must be >0 (set to 0s)", "--raft-read-timeout=0s")]
    [InlineData("--value-memory-bytes must be from 16777216 to 1099511627776 (set to 1)", "--value-memory-bytes=1")]
    [InlineData("--max-txn-ops must be from 1 to 2147483647 (set to 0)", "--max-txn-ops=0")]
    [InlineData("--log-outputs must not be empty: write default, stderr, stdout or the path of a file", "--log-outputs=")]
    [InlineData("unrecognized level: \"foo\" (--log-level is one of debug, info, warn, error, panic, fatal)", "--log-level=foo")]
    [InlineData("unknown log format: \"x\", supported values json, console", "--log-format=x")]
    [InlineData("--distributed-tracing-sampling-rate must be less than 1000000, but got 1000001",
        "--enable-distributed-tracing", "--distributed-tracing-sampling-rate=1000001")]
    [InlineData("--metrics-otlp-address \"a b\" must be host:port, or a URL with http or https", "--metrics-otlp-address=a b")]
    [InlineData("--name must not be empty", "--name=", "--data-dir=d")]
    [InlineData("--listen-client-urls must not be empty", "--listen-client-urls=", "--advertise-client-urls=http://a:1")]
    [InlineData("--watch-progress-notify-interval must be >0 (set to 0s)", "--watch-progress-notify-interval=0s")]
    public void What_does_not_make_sense_is_refused(string problem, params string[] arguments) =>
        Assert.Equal([problem], ProblemsOf(arguments));

    [Fact]
    public void All_problems_are_named_at_once() =>
        Assert.Equal(3, ProblemsOf("--heartbeat-interval=0", "--logger=x", "--force-new-cluster").Count);

    [Theory]
    [InlineData("periodic", "0", null, null)]
    [InlineData("periodic", "5", 5 * 3600, null)]
    [InlineData("periodic", "5m", 300, null)]
    [InlineData("revision", "1000", null, 1000L)]
    [InlineData("revision", "0", null, null)]
    public void Automatic_compaction_is_by_age_or_by_number(string mode, string retention, int? seconds, long? revisions)
    {
        AutoCompaction compaction = AutoCompaction.Parse(mode, retention);

        Assert.Equal(seconds is { } value ? TimeSpan.FromSeconds(value) : null, compaction.Period);
        Assert.Equal(revisions, compaction.Revisions);
    }

    [Theory]
    [InlineData("revision", "5m")]
    [InlineData("periodic", "-5m")]
    [InlineData("", "1")]
    public void A_retention_that_is_neither_is_refused(string mode, string retention) =>
        Assert.Throws<ConfigurationException>(() => AutoCompaction.Parse(mode, retention));

    [Fact]
    public void Naming_a_CA_demands_certificates_of_clients() =>
        Assert.True(ConfigurationReader.FromFlags("--trusted-ca-file=ca.pem").ClientTls.RequiresClientCertificate);

    [Fact]
    public void Naming_a_CA_demands_certificates_of_peers() =>
        Assert.True(ConfigurationReader.FromFlags("--peer-trusted-ca-file=ca.pem").PeerTls.Tls.RequiresClientCertificate);

    [Theory]
    [InlineData("1s", "9s", 5)]
    [InlineData("8s", "9s", 8)]
    public void A_peers_silence_is_borne_for_the_shorter_of_the_timeouts_but_five_seconds_at_least(string read, string write, int expected) =>
        Assert.Equal(
            TimeSpan.FromSeconds(expected),
            ConfigurationReader.FromFlags($"--raft-read-timeout={read}", $"--raft-write-timeout={write}").PeerSilenceTimeout);

    [Fact]
    public void A_collector_is_an_address_or_a_url()
    {
        ServerOptions options = ConfigurationReader.FromFlags(
            "--enable-distributed-tracing", "--distributed-tracing-address=otel:4317", "--metrics-otlp-address=https://otel:1");

        Assert.Equal(new Uri("http://otel:4317"), options.Telemetry.TracesEndpoint);
        Assert.Equal(new Uri("https://otel:1"), options.Telemetry.MetricsEndpoint);
    }
}
