using KvStore.Server.Configuration;

namespace KvStore.Server.Tests.Configuration;

public class CommandLineTests
{
    [Theory]
    [InlineData("--name=m1")]
    [InlineData("-name=m1")]
    [InlineData("--name", "m1")]
    [InlineData("-name", "m1")]
    [InlineData("--name=m0", "--name", "m1")]
    public void A_flag_is_written_in_any_of_Gos_ways(params string[] arguments) =>
        Assert.Equal("m1", ConfigurationReader.FromFlags(arguments).Name);

    [Theory]
    [InlineData("--pre-vote=false", false)]
    [InlineData("--pre-vote=F", false)]
    [InlineData("--pre-vote", true)]
    [InlineData("--pre-vote=1", true)]
    public void A_boolean_needs_no_value(string argument, bool expected) =>
        Assert.Equal(expected, ConfigurationReader.FromFlags(argument).PreVote);

    [Fact]
    public void A_value_may_look_like_a_flag()
    {
        ServerOptions options = ConfigurationReader.FromFlags("--name", "--pre-vote", "--quota-backend-bytes", "-1");

        Assert.Equal("--pre-vote", options.Name);
        Assert.Null(options.QuotaBytes);
    }

    [Theory]
    [InlineData("flag provided but not defined: -foo", "--foo")]
    [InlineData("flag provided but not defined: -foo", "-foo=1")]
    [InlineData("flag provided but not defined: -listen-client-url (did you mean --listen-client-urls?)", "--listen-client-url=x")]
    [InlineData("flag needs an argument: -name", "--name")]
    [InlineData("bad flag syntax: ---name", "---name")]
    [InlineData("bad flag syntax: --=x", "--=x")]
    [InlineData("\"foo\" is not a valid flag: write --name=value", "foo")]
    [InlineData("\"false\" is not a valid flag: write --name=value", "--pre-vote", "false")]
    [InlineData("\"--\" is not a valid flag: write --name=value", "--")]
    [InlineData("invalid boolean value \"x\" for -auto-tls: parse error (write true or false)", "--auto-tls=x")]
    [InlineData("invalid value \"abc\" for flag -heartbeat-interval: parse error (write a whole number that is not negative)",
        "--heartbeat-interval=abc")]
    [InlineData("invalid value \"-1\" for flag -max-txn-ops: parse error (write a whole number that is not negative)", "--max-txn-ops=-1")]
    [InlineData("invalid value \"1x\" for flag -quota-backend-bytes: parse error (write a whole number)", "--quota-backend-bytes=1x")]
    [InlineData(
        "invalid value \"99999999999999999999\" for flag -quota-backend-bytes: value out of range "
        + "(from -9223372036854775808 to 9223372036854775807)", "--quota-backend-bytes=99999999999999999999")]
    [InlineData("invalid value \"4294967296\" for flag -max-concurrent-streams: value out of range (from 0 to 4294967295)",
        "--max-concurrent-streams=4294967296")]
    [InlineData("invalid value \"5\" for flag -grpc-keepalive-interval: parse error (write a number with a unit: 100ms, 5s, 1h5m)",
        "--grpc-keepalive-interval=5")]
    [InlineData("invalid value \"ftp://127.0.0.1:1\" for flag -listen-client-urls: URL scheme must be http, https, unix, or unixs: ftp://127.0.0.1:1",
        "--listen-client-urls=ftp://127.0.0.1:1")]
    [InlineData("invalid value \"foo\" for flag -initial-cluster-state: invalid value (must be one of: new, existing)",
        "--initial-cluster-state=foo")]
    [InlineData("invalid value \"Foo=true\" for flag -feature-gates: unrecognized feature gate: Foo", "--feature-gates=Foo=true")]
    public void A_bad_command_line_is_refused_in_etcds_words(string message, params string[] arguments) =>
        Assert.Equal(message, Assert.Throws<UsageException>(() => ConfigurationReader.FromFlags(arguments)).Message);

    [Fact]
    public void A_former_name_means_the_same()
    {
        ServerOptions options = ConfigurationReader.FromFlags("--experimental-watch-progress-notify-interval=3s");

        Assert.Equal(TimeSpan.FromSeconds(3), options.WatchProgressNotifyInterval);
    }

    [Fact]
    public void A_flag_under_both_its_names_is_refused() =>
        Assert.Equal(
            "cannot set --experimental-warning-apply-duration and --warning-apply-duration at the same time, "
            + "please use --warning-apply-duration only",
            Assert.Throws<ConfigurationException>(() => ConfigurationReader.FromFlags(
                "--experimental-warning-apply-duration=1s", "--warning-apply-duration=2s")).Message);
}
