using System.Diagnostics;
using KvStore.Testing;

namespace KvStore.Crash.Tests.Clusters;

public sealed class LeaseTests
{
    [Fact]
    public async Task A_lease_of_a_follower_is_renewed_through_it_and_runs_out_when_nobody_renews_it_any_more()
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        await using var cluster = await LiveCluster.StartAsync(3);
        var followers = await cluster.FollowersAsync();
        const long kept = 1, id = 2;
        await followers[0].Client.GrantAsync(kept, 60);
        await followers[1].Client.PutAsync("kept", "value", kept);
        long granting = Stopwatch.GetTimestamp();
        await followers[0].Client.GrantAsync(id, 5);
        await followers[1].Client.PutAsync("key", "value", id);

        await Until.HoldsAsync(async () => (await followers[1].Client.GetAsync("key")).Kvs.Count == 0, "the short lease runs out");
        var ranOutAfter = Stopwatch.GetElapsedTime(granting);
        // A machine that stands still between the three may show no gain; then they are asked again.
        await Until.HoldsAsync(
            async () =>
            {
                long before = (await followers[1].Client.TimeToLiveAsync(kept)).TTL;
                Assert.Equal(60, await followers[0].Client.KeepAliveAsync(kept));
                return (await followers[1].Client.TimeToLiveAsync(kept)).TTL > before;
            },
            "a renewal gives the long lease its time back");

        Assert.True(ranOutAfter >= TimeSpan.FromSeconds(5), $"a lease of 5 s ran out after {ranOutAfter}");
        var asked = await followers[1].Client.TimeToLiveAsync(kept);
        Assert.Equal((60, "kept"), (asked.GrantedTTL, Assert.Single(asked.Keys).ToStringUtf8()));
        Assert.Equal(0, await followers[0].Client.KeepAliveAsync(id));
        Assert.Equal(-1, (await followers[1].Client.TimeToLiveAsync(id)).TTL);
        Assert.Equal("NotFound: etcdserver: requested lease not found", await Refusals.OfAsync(() => followers[0].Client.RevokeAsync(id)));
        await cluster.AssertEqualAsync();
    }

    [Fact]
    public async Task A_change_of_the_leader_makes_no_lease_run_out_early_nor_for_long_too_late()
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        await using var cluster = await LiveCluster.StartAsync(3);
        var (leader, followers) = (await cluster.LeaderAsync(), await cluster.FollowersAsync());
        long granting = Stopwatch.GetTimestamp();
        await followers[0].Client.GrantAsync(1, 4);
        await followers[0].Client.PutAsync("short", "value", 1);
        await followers[0].Client.GrantAsync(2, 100);
        await followers[0].Client.PutAsync("long", "value", 2);
        Assert.InRange((await followers[0].Client.TimeToLiveAsync(2)).TTL, 90, 100);

        await leader.KillAsync();
        var successor = await cluster.LeaderAsync();
        long promoted = Stopwatch.GetTimestamp();
        Assert.InRange((await followers[0].Client.TimeToLiveAsync(2)).TTL, 90, 101);
        Assert.Equal(100, await followers[0].Client.KeepAliveAsync(2));
        await Until.HoldsAsync(async () => (await followers[1].Client.GetAsync("short")).Kvs.Count == 0, "the lease runs out");

        Assert.True(Stopwatch.GetElapsedTime(granting) >= TimeSpan.FromSeconds(4));
        // Its time begins anew with the leader, and an election's comes on top; the rest is for a machine that stands still.
        Assert.InRange(Stopwatch.GetElapsedTime(promoted), TimeSpan.Zero, TimeSpan.FromSeconds(4 + 1 + 25));
        Assert.Single((await successor.Client.GetAsync("long")).Kvs);
        await leader.StartAsync();
        await cluster.AssertEqualAsync();
    }
}
