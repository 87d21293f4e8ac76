using KvStore.Server.Cluster;
using KvStore.Server.Configuration;

namespace KvStore.Server.Tests.Cluster;

public class BootstrapTests
{
    private static Bootstrap Decide(params string[] arguments) => Bootstrap.Decide(ConfigurationReader.FromFlags(arguments));

    private static string FailureOf(params string[] arguments) =>
        Assert.Throws<ConfigurationException>(() => Decide(arguments)).Message;

    [Fact]
    public void The_defaults_make_etcds_well_known_ids()
    {
        Bootstrap bootstrap = Decide();

        Assert.Equal("8e9e05c52164694d", bootstrap.Id.ToString());
        Assert.Equal("cdf818194e3a8c32", bootstrap.ClusterId.ToString());
        Assert.Equal("default", Assert.Single(bootstrap.Members).Name);
    }

    [Fact]
    public void A_member_may_have_several_urls()
    {
        Bootstrap bootstrap = Decide(
            "--name=m1", "--initial-cluster=m1=http://10.0.0.1:1,m1=http://10.0.0.2:1",
            "--initial-advertise-peer-urls=http://10.0.0.2:1,http://10.0.0.1:1");

        Assert.Equal(2, Assert.Single(bootstrap.Members).PeerUrls.Count);
    }

    [Theory]
    [InlineData("couldn't find local name \"default\" in the initial cluster configuration", "--initial-cluster=a=http://127.0.0.1:1")]
    [InlineData("--initial-cluster has default=http://127.0.0.1:1 but missing from --initial-advertise-peer-urls=http://localhost:2380",
        "--initial-cluster=default=http://127.0.0.1:1,default=http://localhost:2380")]
    [InlineData("--initial-advertise-peer-urls has http://10.0.0.1:1 but missing from --initial-cluster=default=http://localhost:2380",
        "--initial-cluster=default=http://localhost:2380", "--initial-advertise-peer-urls=http://10.0.0.1:1,http://localhost:2380")]
    [InlineData("error setting up initial cluster: URL scheme must be http, https, unix, or unixs: ", "--initial-cluster=abc")]
    [InlineData("initial cluster b=http://localhost:2380,default=http://localhost:2380 has duplicate url",
        "--initial-cluster=default=http://localhost:2380,b=http://localhost:2380")]
    public void A_cluster_that_does_not_fit_the_member_is_refused_in_etcds_words(string message, params string[] arguments) =>
        Assert.Equal(message, FailureOf(arguments));

    [Fact]
    public void A_cluster_of_three_is_refused_as_long_as_there_are_none() =>
        Assert.StartsWith(
            "--initial-cluster names 3 members (a, b, default)",
            FailureOf("--initial-cluster=default=http://localhost:2380,a=http://a:1,b=http://b:1"));

    [Fact]
    public void Joining_is_refused_as_long_as_it_cannot_be_done() =>
        Assert.StartsWith("--initial-cluster-state=existing: ", FailureOf("--initial-cluster-state=existing"));
}
