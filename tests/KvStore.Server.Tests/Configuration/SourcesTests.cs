using KvStore.Server.Configuration;
using KvStore.Server.Logging;

namespace KvStore.Server.Tests.Configuration;

/// <summary>Command line, environment and file, each alone and against each other.</summary>
public class SourcesTests
{
    private static LoadedConfiguration Read(
        string[] arguments, Dictionary<string, string>? variables = null, string? file = null) =>
        ConfigurationReader.Read(
            arguments, variables ?? [], path => file ?? throw new FileNotFoundException($"Could not find file '{path}'."));

    private static string FailureOf(string[] arguments, Dictionary<string, string>? variables = null, string? file = null) =>
        Assert.Throws<ConfigurationException>(() => Read(arguments, variables, file)).Message;

    [Fact]
    public void A_variable_sets_its_flag_and_the_log_says_so()
    {
        LoadedConfiguration loaded = Read([], new() { ["ETCD_MAX_TXN_OPS"] = "200", ["PATH"] = "/bin" });

        Assert.Equal(200, loaded.Options.MaxTxnOps);
        ConfigurationNotice notice = Assert.Single(loaded.Notices, n => n.Message == "recognized and used environment variable");
        Assert.Equal([("variable-name", "ETCD_MAX_TXN_OPS"), ("variable-value", "200")], notice.Fields);
    }

    [Fact]
    public void A_flag_and_its_variable_together_are_refused() =>
        Assert.Equal(
            "conflicting environment variable is shadowed by corresponding command-line flag "
            + "(either unset environment variable or disable flag): ETCD_NAME",
            FailureOf(["--name=a"], new() { ["ETCD_NAME"] = "b" }));

    [Fact]
    public void A_flag_under_its_former_name_conflicts_with_the_variable_too() =>
        Assert.StartsWith(
            "conflicting environment variable",
            FailureOf(["--experimental-warning-apply-duration=1s"], new() { ["ETCD_WARNING_APPLY_DURATION"] = "2s" }));

    [Fact]
    public void An_unknown_variable_is_warned_of()
    {
        LoadedConfiguration loaded = Read([], new() { ["ETCD_FOO"] = "bar" });

        ConfigurationNotice notice = Assert.Single(loaded.Notices, n => n.Message == "unrecognized environment variable");
        Assert.Equal(LogLevel.Warn, notice.Level);
        Assert.Equal([("environment-variable", "ETCD_FOO=bar")], notice.Fields);
    }

    [Fact]
    public void An_empty_variable_is_not_set() =>
        Assert.Equal("default", Read(["--pre-vote"], new() { ["ETCD_NAME"] = "" }).Options.Name);

    [Fact]
    public void A_bad_variable_is_refused_by_its_name() =>
        Assert.Equal(
            "invalid value \"x\" for ETCD_MAX_TXN_OPS: parse error (write a whole number that is not negative)",
            FailureOf([], new() { ["ETCD_MAX_TXN_OPS"] = "x" }));

    [Fact]
    public void A_secret_is_not_repeated()
    {
        LoadedConfiguration loaded = Read([], new() { ["ETCD_DISCOVERY_PASSWORD"] = "hunter2" });

        Assert.DoesNotContain(loaded.Notices, notice => notice.Fields.Any(field => field.Value is "hunter2"));
    }

    [Fact]
    public void A_file_sets_everything_and_flags_beside_it_are_ignored_and_named()
    {
        const string file = """
            # A comment.
            name: m1
            data-dir: /var/lib/m1
            listen-client-urls: http://127.0.0.1:1,http://127.0.0.1:2
            advertise-client-urls: [http://127.0.0.1:1]
            grpc-keepalive-interval: 5000000000
            watch-progress-notify-interval: 1h5m
            pre-vote: false
            quota-backend-bytes: -1
            cipher-suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
            log-outputs: [stderr, stdout]
            max-wals: null
            client-transport-security:
              cert-file: server.pem
              key-file: server.key
              client-cert-auth: true
              trusted-ca-file: ca.pem
              allowed-hostname: [a, b]
            peer-transport-security:
              cert-file: peer.pem
              key-file: peer.key
            """;

        LoadedConfiguration loaded = Read(["--config-file=f.yml", "--name=x"], new() { ["ETCD_NAME"] = "y" }, file);

        ServerOptions options = loaded.Options;
        Assert.Equal("m1", options.Name);
        Assert.Equal("/var/lib/m1", options.DataDirectory);
        Assert.Equal(2, options.ListenClientUrls.Count);
        Assert.Equal(TimeSpan.FromSeconds(5), options.KeepAliveInterval);
        Assert.Equal(TimeSpan.FromMinutes(65), options.WatchProgressNotifyInterval);
        Assert.False(options.PreVote);
        Assert.Null(options.QuotaBytes);
        Assert.Equal(["stderr", "stdout"], options.Log.Outputs);
        Assert.Equal("server.pem", options.ClientTls.CertFile);
        Assert.True(options.ClientTls.RequiresClientCertificate);
        Assert.Equal(["a", "b"], options.ClientTls.AllowedHostnames);
        Assert.Single(options.ClientTls.CipherSuites);
        Assert.Equal("peer.key", options.PeerTls.Tls.KeyFile);
        ConfigurationNotice notice = Assert.Single(loaded.Notices, n => n.Message.StartsWith("loaded server configuration"));
        Assert.Equal(["name"], Assert.IsType<string[]>(notice.Fields[1].Value));
    }

    [Fact]
    public void Json_is_a_file_too() =>
        Assert.Equal("m1", Read(["--config-file=f.json"], null, """{"name": "m1", "max-txn-ops": 5}""").Options.Name);

    [Fact]
    public void The_file_may_be_named_by_its_variable() =>
        Assert.Equal("m1", Read([], new() { ["ETCD_CONFIG_FILE"] = "f.yml" }, "name: m1").Options.Name);

    [Theory]
    [InlineData("")]
    [InlineData("# nothing yet\n")]
    public void An_empty_file_leaves_the_defaults(string file) =>
        Assert.Equal("default", Read(["--config-file=f.yml"], null, file).Options.Name);

    [Fact]
    public void A_file_that_sets_only_where_to_listen_advertises_the_default_as_etcds_does() =>
        Assert.Equal(
            "http://localhost:2379",
            Assert.Single(Read(["--config-file=f.yml"], null, "listen-client-urls: http://127.0.0.1:1").Options.AdvertiseClientUrls)
                .ToString());

    [Fact]
    public void An_unknown_key_is_warned_of_with_its_line()
    {
        LoadedConfiguration loaded = Read(["--config-file=f.yml"], null, "name: m1\nmax-txn-opps: 3");

        ConfigurationNotice notice = Assert.Single(loaded.Notices, n => n.Message == "unrecognized configuration key");
        Assert.Equal([("path", "f.yml:2"), ("key", "max-txn-opps")], notice.Fields);
    }

    [Fact]
    public void All_bad_values_of_a_file_are_named_with_their_lines()
    {
        string message = FailureOf(["--config-file=f.yml"], null, "name: m1\nmax-txn-ops: x\npre-vote: maybe");

        Assert.Equal(
            $"f.yml:2: invalid value \"x\" for max-txn-ops: parse error (write a whole number that is not negative){Environment.NewLine}"
            + "f.yml:3: invalid value \"maybe\" for pre-vote: parse error (write true or false)",
            message);
    }

    [Theory]
    [InlineData("foo: [", "f.yml:2: this is not YAML")]
    [InlineData("- a\n- b", "f.yml: the file must be a mapping")]
    [InlineData("name: {a: b}", "f.yml:1: name takes one value")]
    [InlineData("name: [a]", "f.yml:1: name takes one value")]
    [InlineData("name: a\nname: b", "f.yml:2: this is not YAML")]
    public void A_file_that_cannot_be_read_is_refused(string file, string start) =>
        Assert.StartsWith(start, FailureOf(["--config-file=f.yml"], null, file));

    [Fact]
    public void A_missing_file_is_refused() =>
        Assert.Equal(
            "--config-file: cannot read \"f.yml\": Could not find file 'f.yml'.", FailureOf(["--config-file=f.yml"]));

    [Fact]
    public void A_flag_without_effect_says_so_once()
    {
        LoadedConfiguration loaded = Read(["--max-wals=3", "--max-wals=4"]);

        ConfigurationNotice notice = Assert.Single(loaded.Notices, n => n.Message == "flag has no effect");
        Assert.Equal(("flag", "max-wals"), notice.Fields[0]);
        Assert.Equal(LogLevel.Warn, notice.Level);
    }

    [Theory]
    [InlineData("--force-new-cluster")]
    [InlineData("--client-crl-file=crl.pem")]
    [InlineData("--auto-tls")]
    [InlineData("--wal-dir=/wal")]
    [InlineData("--discovery=http://x")]
    public void A_flag_that_must_not_be_ignored_is_refused(string argument) =>
        Assert.Contains("cannot be honoured", FailureOf([argument]));

    [Theory]
    [InlineData("--force-new-cluster=false")]
    [InlineData("--auto-tls=F")]
    [InlineData("--wal-dir=")]
    public void Its_default_may_be_said(string argument) => Assert.Equal("default", Read([argument]).Options.Name);
}
