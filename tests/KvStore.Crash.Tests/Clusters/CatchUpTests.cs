using KvStore.Testing;

namespace KvStore.Crash.Tests.Clusters;

public sealed class CatchUpTests
{
    // Checkpoints all the time, and a log that is soon forgotten.
    private static readonly string[] ShortLog = ["--snapshot-count=200", "--snapshot-catchup-entries=100"];

    [Fact]
    public async Task A_member_that_was_away_for_longer_than_the_log_goes_back_catches_up_by_a_snapshot_while_the_others_serve()
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        await using var cluster = await LiveCluster.StartAsync(3, ShortLog);
        var (leader, followers) = (await cluster.LeaderAsync(), await cluster.FollowersAsync());
        var away = followers[0];
        long gone = (await leader.Client.GrantAsync(7, 600)).ID;
        await leader.Client.PutAsync("leased", "value", gone);
        await away.KillAsync();
        await leader.Client.RevokeAsync(gone);
        long stays = (await leader.Client.GrantAsync(8, 600)).ID;
        await leader.Client.PutAsync("leased", "anew", stays);
        await using var load = new ClusterLoad(cluster);
        load.Start();
        await load.OutgrowLogAsync(leader);

        await away.StartAsync();
        var watch = new LiveWatch(away, load.Chronicle, 2);
        await away.Process.LineAsync("applied snapshot");
        await load.ProgressAsync(300);

        await watch.ReachAsync(load.LastRevision);
        await load.VerifyAsync();
        await cluster.AssertEqualAsync();
        Assert.Equal(600, (await away.Client.TimeToLiveAsync(stays)).GrantedTTL);
        Assert.Equal(-1, (await away.Client.TimeToLiveAsync(gone)).TTL);

        // What it holds now it must find again by itself.
        await away.KillAsync();
        await away.StartAsync();
        await cluster.AssertEqualAsync();
        Assert.DoesNotContain(away.Process.Log.Lines, line => line.Contains("applied snapshot"));
    }

    [Fact]
    public async Task A_member_that_was_held_still_goes_on_by_a_snapshot_with_its_streams_and_everything_else()
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        await using var cluster = await LiveCluster.StartAsync(3, ShortLog);
        var (leader, followers) = (await cluster.LeaderAsync(), await cluster.FollowersAsync());
        var held = followers[0];
        await using var load = new ClusterLoad(cluster);
        var watch = load.Watch(held);
        load.Start();
        await load.ProgressAsync(500);

        held.Process.Pause();
        // Until then what is sent to it waits in the buffers of its connection.
        await leader.Process.LineAsync("peer became inactive");
        await load.OutgrowLogAsync(leader);
        await leader.Client.GrantAsync(9, 600);
        var added = (await leader.Client.AddMemberAsync("http://127.0.0.1:1", isLearner: true)).Member;
        await load.ProgressAsync(300);
        held.Process.Resume();
        await held.Process.LineAsync("applied snapshot");
        await load.ProgressAsync(300);

        await watch.ReachAsync(load.LastRevision);
        await load.VerifyAsync();
        await cluster.AssertEqualAsync();
        Assert.Contains((await held.Client.MembersAsync(linearizable: false)).Members, member => member.ID == added.ID && member.IsLearner);
        Assert.Equal(600, await held.Client.KeepAliveAsync(9));
    }

    [Fact]
    public async Task A_leader_that_was_held_still_is_replaced_and_follows_when_it_goes_on()
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        await using var cluster = await LiveCluster.StartAsync(3);
        var leader = await cluster.LeaderAsync();
        await using var load = new ClusterLoad(cluster);
        var watch = load.Watch(leader);
        load.Start();
        await load.ProgressAsync(200);

        leader.Process.Pause();
        await load.NextAcknowledgementAsync();
        await load.ProgressAsync(200);
        leader.Process.Resume();
        await load.ProgressAsync(200);

        await watch.ReachAsync(load.LastRevision);
        await load.VerifyAsync();
        await cluster.AssertEqualAsync();
    }
}
