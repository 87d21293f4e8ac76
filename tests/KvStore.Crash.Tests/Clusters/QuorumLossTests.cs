using System.Diagnostics;
using Google.Protobuf;
using KvStore.Crash.Tests.Clients;
using KvStore.Grpc;
using KvStore.Protocol;
using KvStore.Testing;

namespace KvStore.Crash.Tests.Clusters;

public sealed class QuorumLossTests
{
    private static readonly RangeRequest Serializable = new() { Key = ByteString.CopyFromUtf8("key"), Serializable = true };

    // etcd's: five seconds for the disk, and two elections.
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(5) + 2 * LiveCluster.ElectionTimeout;

    [Fact]
    public async Task Without_a_majority_nothing_is_agreed_on_and_with_it_back_everything_goes_on()
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        await using var cluster = await LiveCluster.StartAsync(3);
        long revision = (await cluster[0].Client.PutAsync("key", "before")).Header.Revision;
        var (leader, followers) = (await cluster.LeaderAsync(), await cluster.FollowersAsync());
        var left = followers[0];
        long lease = (await left.Client.GrantAsync(0, 600)).ID;
        using var insisting = new EtcdClient(left.Url) { Headers = new Metadata { { "hasleader", "true" } } };
        using var cut = await insisting.WatchAsync(revision + 1);
        Assert.True(await cut.ResponseStream.MoveNext());

        await leader.KillAsync();
        await followers[1].KillAsync();
        long start = Stopwatch.GetTimestamp();
        // Sent while the leader is still believed in: handed to it, and lost.
        var lost = Refusals.OfAsync(() => left.Client.PutAsync("key", "lost"));
        await Until.HoldsAsync(async () => (await left.Client.StatusAsync()).Leader == 0, "the loss is noticed");
        var write = Refusals.OfAsync(() => left.Client.PutAsync("key", "never"));
        var read = Refusals.OfAsync(() => left.Client.GetAsync("key"));
        var members = Refusals.OfAsync(() => left.Client.MembersAsync());
        var renewal = Refusals.OfAsync(() => left.Client.KeepAliveAsync(lease));

        Assert.Equal("before", Assert.Single((await left.Client.RangeAsync(Serializable)).Kvs).Value.ToStringUtf8());
        Assert.Equal(3, (await left.Client.MembersAsync(linearizable: false)).Members.Count);
        Assert.Equal("etcdserver: no leader", Assert.Single((await left.Client.StatusAsync()).Errors));
        Assert.Equal("Unavailable: etcdserver: no leader", await Refusals.OfAsync(() => insisting.GetAsync("key")));
        Assert.Equal("Unavailable: etcdserver: no leader", await Refusals.OfAsync(() => insisting.RangeAsync(Serializable)));
        Assert.Equal("Unavailable: etcdserver: no leader", await Refusals.OfAsync(() => cut.ResponseStream.MoveNext()));
        Assert.Equal("Unavailable: etcdserver: no leader", await Refusals.OfAsync(async () =>
        {
            using var refused = await insisting.WatchAsync(revision + 1);
            await refused.ResponseStream.MoveNext();
        }));
        Assert.Equal("Unavailable: etcdserver: request timed out", await lost);
        // Nobody took it: nothing will come of it.
        Assert.Equal("DeadlineExceeded: context deadline exceeded", await write);
        Assert.Equal("Unavailable: etcdserver: request timed out", await read);
        Assert.Equal("Unavailable: etcdserver: request timed out", await members);
        Assert.Equal("Unavailable: etcdserver: no leader", await renewal);
        // Timed by what started last, with as much again for a busy machine.
        Assert.InRange(Stopwatch.GetElapsedTime(start), RequestTimeout, 3 * RequestTimeout);

        await cluster.StartAllAsync();
        await Until.HoldsAsync(async () => (await left.Client.StatusAsync()).Leader != 0, "somebody leads again");
        await left.Client.PutAsync("key", "after");
        await cluster.AssertEqualAsync();
        foreach (var member in cluster.Members)
        {
            Assert.Equal("after", Assert.Single((await member.Client.GetAsync("key")).Kvs).Value.ToStringUtf8());
            Assert.Equal(600, await member.Client.KeepAliveAsync(lease));
        }
    }
}
