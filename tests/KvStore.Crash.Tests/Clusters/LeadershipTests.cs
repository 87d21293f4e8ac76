using KvStore.Testing;

namespace KvStore.Crash.Tests.Clusters;

public sealed class LeadershipTests
{
    [Fact]
    public async Task A_leader_that_is_told_to_stop_hands_over_first()
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        await using var cluster = await LiveCluster.StartAsync(3, LiveCluster.Steady);
        await using var load = new ClusterLoad(cluster);
        load.Start();
        await load.ProgressAsync(100);
        var leader = await cluster.LeaderAsync();
        ulong term = (await leader.Client.StatusAsync()).RaftTerm;

        await leader.TerminateAsync();
        await load.ProgressAsync(50);

        await load.VerifyAsync();
        // One election, which nobody had to wait for: the successor was told to begin it.
        var successor = await cluster.LeaderAsync();
        Assert.Equal(term + 1, (await successor.Client.StatusAsync()).RaftTerm);
        Assert.Contains(successor.Process.Log.Lines.Concat(leader.Process.Log.Lines), line => line.Contains("closed member"));
        Assert.DoesNotContain(leader.Process.Log.Lines, line => line.Contains("leadership transfer failed"));
    }

    [Fact]
    public async Task The_leadership_moves_where_it_is_told_to()
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        await using var cluster = await LiveCluster.StartAsync(3, LiveCluster.Steady);
        await using var load = new ClusterLoad(cluster);
        load.Start();

        for (int i = 0; i < 3; i++)
        {
            await load.ProgressAsync(50);
            var (leader, follower) = (await cluster.LeaderAsync(), (await cluster.FollowersAsync())[0]);
            var refusal = await Refusals.OfAsync(() => follower.Client.MoveLeaderAsync(leader.Id));
            Assert.Equal("FailedPrecondition: etcdserver: not leader", refusal);
            await leader.Client.MoveLeaderAsync(follower.Id);
            Assert.Equal(follower, await cluster.LeaderAsync());
        }
        var last = await cluster.LeaderAsync();
        Assert.Equal("FailedPrecondition: etcdserver: bad leader transferee", await Refusals.OfAsync(() => last.Client.MoveLeaderAsync(1)));

        await load.VerifyAsync();
        await cluster.AssertEqualAsync();
    }
}
