using KvStore.Testing;

namespace KvStore.Crash.Tests.Clusters;

public sealed class RestartTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task All_members_at_once_may_end_and_come_back_with_everything(bool byForce)
    {
        if (Lanes.IsFast)
            return; // Processes come and go, seconds each.
        await using var cluster = await LiveCluster.StartAsync(3, "--snapshot-count=300");
        await using var load = new ClusterLoad(cluster);
        var client = cluster[0].Client;
        await client.GrantAsync(5, 1000);
        await client.PutAsync("leased", "value", 5);
        load.Start();
        await load.ProgressAsync(1000);
        var before = await client.MembersAsync();
        // One that could not tell its name in time serves all the same.
        await Until.HoldsAsync(async () => (before = await client.MembersAsync()).Members.All(member => member.Name != ""), "all names are known");

        await Task.WhenAll(cluster.Members.Select(member => byForce ? member.KillAsync() : member.TerminateAsync()));
        await cluster.StartAllAsync();
        await load.ProgressAsync(200);

        await load.VerifyAsync();
        await cluster.AssertEqualAsync();
        var after = await cluster[1].Client.MembersAsync();
        Assert.Equal(before.Members.Select(member => (member.ID, member.Name)), after.Members.Select(member => (member.ID, member.Name)));
        var lease = await cluster[2].Client.TimeToLiveAsync(5);
        Assert.Equal("leased", Assert.Single(lease.Keys).ToStringUtf8());
        // A new leader gives every lease its time, or what was left at the last checkpoint, and an election's on top.
        Assert.InRange(lease.TTL, 900, 1001);
    }
}
