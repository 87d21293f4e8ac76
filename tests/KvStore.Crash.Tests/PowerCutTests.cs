using KvStore.Crash.Tests.Campaigns;
using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Disks;
using KvStore.Crash.Tests.Processes;
using KvStore.Grpc;
using KvStore.Testing;

namespace KvStore.Crash.Tests;

public sealed class PowerCutTests
{
    private const long DiskBytes = 1L << 30;

    [Fact]
    public async Task Nothing_acknowledged_is_lost_when_the_power_is_cut_at_random_moments()
    {
        using var disk = new LoopDisk(DiskBytes);
        int seed = Environment.TickCount;
        var random = new Random(seed);
        var campaign = new CrashCampaign(disk.At("data"), seed, member => CutPowerAsync(disk, member, random.Next(2) == 0));

        await campaign.RunAsync(Lanes.Pick(4, 50, 500));

        Figures.Report($"power cuts under load: {campaign.Summary}");
    }

    [Fact]
    public async Task A_member_whose_disk_fails_acknowledges_nothing_more_and_ends_with_a_clear_message()
    {
        using var disk = new LoopDisk(DiskBytes);
        await using (var member = await MemberProcess.StartAsync(disk.At("data")))
        {
            using var client = new EtcdClient(member.Url);
            Assert.Equal(2, (await client.PutAsync("before", "kept")).Header.Revision);
            disk.CutPower();

            await Assert.ThrowsAsync<RpcException>(() => client.PutAsync("after", "never acknowledged"));

            Assert.NotEqual(0, await member.ExitCodeAsync());
            string fatal = Assert.Single(member.Log.Lines, line => line.Contains("\"level\":\"fatal\""));
            Assert.Equal("the member stops", MemberProcess.Field(fatal, "msg"));
            Assert.Contains("Input/output error", MemberProcess.Field(fatal, "error"));
            Assert.Contains("the disk failed", MemberProcess.Field(fatal, "advice"));
        }

        disk.Restart();
        await using var again = await MemberProcess.StartAsync(disk.At("data"));
        using var reader = new EtcdClient(again.Url);
        Assert.Equal("kept", (await reader.GetAsync("before")).Kvs.Single().Value.ToStringUtf8());
        Assert.Empty((await reader.GetAsync("after")).Kvs);
    }

    /// <param name="awaitEnd">Leave the member to find out and end by itself; else kill it at once.</param>
    private static async Task CutPowerAsync(LoopDisk disk, MemberProcess member, bool awaitEnd)
    {
        disk.CutPower();
        if (!awaitEnd)
            member.Kill();
        int code = await member.ExitCodeAsync();
        if (awaitEnd)
            Assert.NotEqual(0, code);
        disk.Restart();
    }
}
