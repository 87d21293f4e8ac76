using System.Diagnostics;
using Google.Protobuf;
using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Disks;
using KvStore.Crash.Tests.Processes;
using KvStore.Grpc;
using KvStore.Protocol;
using KvStore.Testing;

namespace KvStore.Crash.Tests;

public sealed class DiskFullTests
{
    private const string SpaceExceeded = "etcdserver: mvcc: database space exceeded";

    private const string SmallMemory = MemoryFlag + "16777216";

    private const string MemoryFlag = "--value-memory-bytes=";

    private const int ValueBytes = 256 << 10;

    /// <summary>More than all puts together could need before space runs out.</summary>
    private const int PutLimit = 4000;

    /// <param name="memoryBytes">With less memory the values want room sooner, with more of it the log does.</param>
    [Theory]
    [InlineData(16 << 20)]
    [InlineData(64 << 20)]
    public async Task A_full_disk_raises_the_alarm_and_all_that_frees_space_goes_on_until_it_is_disarmed(int memoryBytes)
    {
        string memory = MemoryFlag + memoryBytes;
        using var disk = new LoopDisk(448L << 20);
        var acknowledged = new Dictionary<string, string>();
        await using (var member = await MemberProcess.StartAsync(disk.At("data"), memory))
        {
            using var client = new EtcdClient(member.Url);
            await client.GrantAsync(7, 1_000_000);
            await client.PutAsync("leased", "value", lease: 7);
            Fill(disk.At("filler"));

            await PutUntilRefusedAsync(client, acknowledged);

            await AssertServesWhatFreesSpaceAsync(client, acknowledged, deleted: "big-00001");
            Assert.Contains(member.Log.Lines, line => line.Contains("raising the NOSPACE alarm"));
            await client.RevokeAsync(7);
            Assert.Empty((await client.GetAsync("leased")).Kvs);
            member.Kill();
            await member.ExitCodeAsync();
        }

        await using (var member = await MemberProcess.StartAsync(disk.At("data"), memory))
        {
            using var client = new EtcdClient(member.Url);
            Assert.Empty((await client.LeasesAsync()).Leases);
            await AssertServesWhatFreesSpaceAsync(client, acknowledged, deleted: "big-00002");
            File.Delete(disk.At("filler"));
            await AssertRefusedAsync(client); // There is space, but nobody has disarmed.

            await DisarmAsync(client);

            await PutAsync(client, acknowledged, "afterwards", "there is room again");
            Assert.Empty((await client.AlarmsAsync()).Alarms);
            member.Kill();
            await member.ExitCodeAsync();
        }

        await using var last = await MemberProcess.StartAsync(disk.At("data"), memory);
        using var reader = new EtcdClient(last.Url);
        await AssertHoldsAsync(reader, acknowledged);
        Figures.Report($"disk full, {memoryBytes >> 20} MiB of memory: {acknowledged.Count} acknowledged keys of up to {ValueBytes >> 10} KiB read again after each of two kills");
    }

    [Fact]
    public async Task What_was_deleted_and_compacted_on_a_full_disk_makes_room_by_itself()
    {
        using var disk = new LoopDisk(448L << 20);
        await using var member = await MemberProcess.StartAsync(disk.At("data"), SmallMemory);
        using var client = new EtcdClient(member.Url);
        for (int i = 0; i < 300; i++)
            await client.PutAsync($"old-{i:d5}", $"{i}-".PadRight(ValueBytes, 'x'));
        await client.PutAsync("kept", "as it was");
        Fill(disk.At("filler"));
        await PutUntilRefusedAsync(client, []);

        var others = new DeleteRangeRequest { Key = ByteString.CopyFromUtf8("kept\0"), RangeEnd = EtcdClient.AllKeys };
        await client.DeleteAsync(others);
        others = new DeleteRangeRequest { Key = EtcdClient.AllKeys, RangeEnd = ByteString.CopyFromUtf8("kept") };
        long revision = (await client.DeleteAsync(others)).Header.Revision;
        await client.CompactAsync(revision, physical: true);

        await PutOnceThereIsRoomAsync(client).WaitAsync(Limits.Patience);
        Assert.Equal("as it was", Assert.Single((await client.GetAsync("kept")).Kvs).Value.ToStringUtf8());
        Assert.Equal(2, (await client.GetAllAsync()).Count);
    }

    [Fact]
    public async Task An_alarm_that_was_disarmed_when_there_was_room_again_does_not_come_back()
    {
        using var disk = new LoopDisk(448L << 20);
        await using var member = await MemberProcess.StartAsync(disk.At("data"), SmallMemory);
        using var client = new EtcdClient(member.Url);
        Fill(disk.At("filler"));
        await PutUntilRefusedAsync(client, []);

        File.Delete(disk.At("filler"));
        await DisarmAsync(client);

        // The member looks after its space once a second: after that the alarm would be back.
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromSeconds(3))
            await client.PutAsync("afterwards", "there is room again");
        Assert.Empty((await client.AlarmsAsync()).Alarms);
    }

    [Fact]
    public async Task The_quota_raises_the_alarm_which_stays_until_it_is_disarmed()
    {
        using var directory = new TemporaryDirectory();
        string[] flags = [SmallMemory, "--quota-backend-bytes=8388608"];
        var acknowledged = new Dictionary<string, string>();
        await using (var member = await MemberProcess.StartAsync(directory.At("data"), flags))
        {
            using var client = new EtcdClient(member.Url);
            await PutUntilRefusedAsync(client, acknowledged);
            Assert.InRange(acknowledged.Count, 1, (8 << 20) / ValueBytes);
            await AssertServesWhatFreesSpaceAsync(client, acknowledged, deleted: "big-00001");
            member.Kill();
            await member.ExitCodeAsync();
        }

        await using var again = await MemberProcess.StartAsync(directory.At("data"), flags);
        using var after = new EtcdClient(again.Url);
        await AssertServesWhatFreesSpaceAsync(after, acknowledged, deleted: "big-00002");
        long revision = (await after.DeleteAsync(new DeleteRangeRequest { Key = EtcdClient.AllKeys, RangeEnd = EtcdClient.AllKeys })).Header.Revision;
        await after.CompactAsync(revision, physical: true);
        await AssertRefusedAsync(after);
        await DisarmAsync(after);
        await PutOnceThereIsRoomAsync(after);
        Assert.Single((await after.GetAllAsync()).Kvs);
    }

    /// <summary>Takes all the room there is.</summary>
    private static void Fill(string path)
    {
        using var filler = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        // Large pieces first: the small ones take what is left of the last large one.
        foreach (int pieceBytes in new[] { 1 << 20, 4096 })
        {
            try
            {
                while (true)
                    filler.Write(new byte[pieceBytes]);
            }
            catch (IOException full)
            {
                Assert.Contains("space", full.Message);
            }
        }
        filler.Flush(flushToDisk: true);
    }

    private static async Task PutUntilRefusedAsync(EtcdClient client, Dictionary<string, string> acknowledged)
    {
        for (int i = 1; i < PutLimit; i++)
        {
            try
            {
                await PutAsync(client, acknowledged, $"big-{i:d5}", $"{i}-".PadRight(ValueBytes, 'x'));
            }
            catch (RpcException refusal) when (refusal.StatusCode == StatusCode.ResourceExhausted)
            {
                Assert.Equal(SpaceExceeded, refusal.Status.Detail);
                return;
            }
            catch (RpcException refusal)
            {
                // It waited for room in vain: nobody promised anything. The alarm is under way.
                Assert.Equal("etcdserver: request timed out", refusal.Status.Detail);
            }
        }
        Assert.Fail($"{PutLimit} puts of {ValueBytes} bytes, and space did not run out");
    }

    private static async Task PutAsync(EtcdClient client, Dictionary<string, string> acknowledged, string key, string value)
    {
        await client.PutAsync(key, value);
        acknowledged[key] = value;
    }

    private static async Task AssertServesWhatFreesSpaceAsync(
        EtcdClient client, Dictionary<string, string> acknowledged, string deleted)
    {
        var alarm = Assert.Single((await client.AlarmsAsync()).Alarms);
        Assert.Equal(AlarmType.Nospace, alarm.Alarm);
        Assert.Contains((await client.StatusAsync()).Errors, error => error.Contains("NOSPACE"));
        await AssertRefusedAsync(client);
        await AssertHoldsAsync(client, acknowledged);
        var deletion = await client.DeleteAsync(deleted);
        Assert.Equal(1, deletion.Deleted);
        acknowledged.Remove(deleted);
        await client.CompactAsync(deletion.Header.Revision, physical: true);
        Assert.Empty((await client.GetAsync(deleted)).Kvs);
    }

    private static async Task AssertRefusedAsync(EtcdClient client)
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(() => client.PutAsync("refused", "value"));
        Assert.Equal(new Status(StatusCode.ResourceExhausted, SpaceExceeded), refusal.Status with { DebugException = null });
    }

    private static async Task AssertHoldsAsync(EtcdClient client, Dictionary<string, string> acknowledged)
    {
        foreach (var (key, value) in acknowledged)
            Assert.Equal(value, Assert.Single((await client.GetAsync(key)).Kvs).Value.ToStringUtf8());
    }

    private static async Task DisarmAsync(EtcdClient client)
    {
        foreach (var alarm in (await client.AlarmsAsync()).Alarms)
            await client.DisarmAsync(alarm);
    }

    /// <summary>What a compaction frees is given back beside the requests; until then the quota may be met once more.</summary>
    private static async Task PutOnceThereIsRoomAsync(EtcdClient client)
    {
        while (true)
        {
            try
            {
                await client.PutAsync("afterwards", "there is room again");
                return;
            }
            catch (RpcException refusal) when (refusal.StatusCode == StatusCode.ResourceExhausted)
            {
                await client.DefragmentAsync();
                await DisarmAsync(client);
            }
        }
    }
}
