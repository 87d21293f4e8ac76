using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Fixtures;
using KvStore.Crash.Tests.Histories;
using KvStore.Crash.Tests.Processes;

namespace KvStore.Crash.Tests;

public sealed class FixtureTests
{
    [Fact]
    public async Task A_data_directory_of_an_earlier_build_opens_with_all_that_it_holds()
    {
        if (DataDirectoryFixture.IsToBeWritten)
            await DataDirectoryFixture.WriteAsync();
        using var directory = new TemporaryDirectory();
        await DataDirectoryFixture.ExtractAsync(directory.At("data"));
        Assert.NotEmpty(Directory.GetFiles(directory.At("data/checkpoints"), "*.checkpoint"));

        for (int start = 0; start < 2; start++)
        {
            await using var member = await MemberProcess.StartAsync(directory.At("data"));
            Assert.DoesNotContain(member.Log.Lines, line => line.Contains("recovered another way"));
            using var client = new EtcdClient(member.Url);
            await AssertHoldsAllAsync(client);
            member.Kill();
            await member.ExitCodeAsync();
        }

        await using var last = await MemberProcess.StartAsync(directory.At("data"));
        using var writer = new EtcdClient(last.Url);
        Assert.Equal(FixtureScript.States().Keys.Max() + 1, (await writer.PutAsync("new", "value")).Header.Revision);
    }

    /// <summary>A checkpoint only saves time: as long as the log is whole, nothing depends on it.</summary>
    [Theory]
    [InlineData("checkpoints", "*.checkpoint")]
    [InlineData("checkpoints", "*.index")]
    [InlineData("values", "checkpoint-*")]
    [InlineData("values", "index-*")]
    public async Task A_damaged_file_of_a_checkpoint_is_noticed_and_done_without(string folder, string pattern)
    {
        using var directory = new TemporaryDirectory();
        await DataDirectoryFixture.ExtractAsync(directory.At("data"));
        string path = Assert.Single(Directory.GetFiles(directory.At("data/" + folder), pattern));
        byte[] bytes = File.ReadAllBytes(path);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(path, bytes);

        await using var member = await MemberProcess.StartAsync(directory.At("data"));

        Assert.Contains(member.Log.Lines, line => line.Contains("recovered another way"));
        using var client = new EtcdClient(member.Url);
        await AssertHoldsAllAsync(client);
    }

    private static async Task AssertHoldsAllAsync(EtcdClient client)
    {
        var states = FixtureScript.States();
        long last = states.Keys.Max();
        var current = await client.GetAllAsync();
        Assert.Equal(last, current.Header.Revision);
        Assert.Equal((0xcdf818194e3a8c32, 0x8e9e05c52164694d), (current.Header.ClusterId, current.Header.MemberId));
        for (long revision = FixtureScript.CompactedRevision; revision <= last; revision++)
        {
            var found = await client.GetAllAsync(revision);
            Assert.Equal(states[revision].Keys.Values, found.Kvs.Select(KeyVersion.Of));
        }
        await AssertTellsHistoryAsync(client, states, last);
        await AssertHasLeasesAsync(client, states[last]);
    }

    private static async Task AssertTellsHistoryAsync(EtcdClient client, IReadOnlyDictionary<long, StoreState> states, long last)
    {
        var chronicle = new Chronicle();
        Assert.Equal(
            FixtureScript.CompactedRevision, await new WatchReader(client, chronicle, "a watch from the beginning", 1).ReadAsync(last));
        await new WatchReader(client, chronicle, "a watch of what is left", FixtureScript.CompactedRevision + 1).ReadAsync(last);
        for (long revision = FixtureScript.CompactedRevision + 1; revision <= last; revision++)
            Assert.Equal(states[revision].Keys.Values, states[revision - 1].Next(chronicle.At(revision)).Keys.Values);
    }

    private static async Task AssertHasLeasesAsync(EtcdClient client, StoreState state)
    {
        var leases = (await client.LeasesAsync()).Leases.Select(lease => lease.ID).Order();
        Assert.Equal([FixtureScript.AttachedLease, FixtureScript.TailLease], leases);
        foreach (long id in leases)
        {
            var lease = await client.TimeToLiveAsync(id);
            Assert.Equal(FixtureScript.LongTtlSeconds, lease.GrantedTTL);
            Assert.Equal(state.AttachedTo(id).Select(version => version.Key), lease.Keys.Select(key => key.ToStringUtf8()).Order(StringComparer.Ordinal));
        }
    }
}
