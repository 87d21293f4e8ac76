using KvStore.Server.Cluster;
using KvStore.Server.Configuration;
using KvStore.Server.Peers.Calls;

namespace KvStore.Server.Tests.Cluster;

public sealed class BootstrapTests : IDisposable
{
    private readonly PeerCalls _peers = new(tls: null, TimeProvider.System);

    public void Dispose() => _peers.Dispose();

    private Task<Bootstrap> DecideAsync(params string[] arguments) => Bootstrap.DecideAsync(ConfigurationReader.FromFlags(arguments), _peers);

    private async Task<string> FailureOfAsync(params string[] arguments) =>
        (await Assert.ThrowsAsync<ConfigurationException>(() => DecideAsync(arguments))).Message;

    [Fact]
    public async Task The_defaults_make_etcds_well_known_ids()
    {
        Bootstrap bootstrap = await DecideAsync();

        Assert.Equal("8e9e05c52164694d", bootstrap.Id.ToString());
        Assert.Equal("cdf818194e3a8c32", bootstrap.ClusterId.ToString());
        Assert.Equal("default", Assert.Single(bootstrap.Members).Name);
    }

    [Fact]
    public async Task A_member_may_have_several_urls()
    {
        Bootstrap bootstrap = await DecideAsync(
            "--name=m1", "--initial-cluster=m1=http://10.0.0.1:1,m1=http://10.0.0.2:1",
            "--initial-advertise-peer-urls=http://10.0.0.2:1,http://10.0.0.1:1");

        Assert.Equal(2, Assert.Single(bootstrap.Members).PeerURLs.Count);
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
    public async Task A_cluster_that_does_not_fit_the_member_is_refused_in_etcds_words(string message, params string[] arguments) =>
        Assert.Equal(message, await FailureOfAsync(arguments));

    [Fact]
    public async Task A_cluster_of_three_has_the_same_id_whichever_member_computes_it()
    {
        const string Cluster = "--initial-cluster=default=http://localhost:2380,a=http://127.0.0.1:1,b=http://127.0.0.1:2";

        Bootstrap first = await DecideAsync(Cluster);
        Bootstrap second = await DecideAsync(Cluster, "--name=a", "--initial-advertise-peer-urls=http://127.0.0.1:1");

        Assert.Equal(first.ClusterId, second.ClusterId);
        Assert.Equal(first.Members, second.Members);
        Assert.NotEqual(first.Id, second.Id);
    }

    [Fact]
    public async Task Joining_needs_somebody_who_tells_who_the_members_are() =>
        Assert.StartsWith(
            "cannot fetch cluster info from peer urls",
            await FailureOfAsync("--initial-cluster-state=existing", "--initial-cluster=default=http://localhost:2380,a=http://127.0.0.1:1"));
}
