using KvStore.Client.Tests.Servers;
using KvStore.Client.Tests.Support;
using KvStore.Testing;

namespace KvStore.Client.Tests;

/// <summary>A server that is killed and comes back, as its clients see it.</summary>
public class RestartTests
{
    [Theory]
    [ClassData(typeof(ServerKinds))]
    public async Task A_watch_goes_on_through_kills_without_gap_or_repetition(ServerKind kind)
    {
        await using var server = await ServerUnderTest.StartAsync(kind);
        await using var client = Clients.Of(server.Url);
        await using var watch = await client.Watch.StartAsync(KeyRange.Prefix("k/"));
        long started = (await client.Kv.RangeAsync("k/")).Header.Revision;
        using var isDone = new CancellationTokenSource();
        var writing = WriteAsync(server.Url, isDone.Token);
        int restarts = Lanes.Pick(2, 3, 20);

        for (int i = 0; i < restarts; i++)
        {
            for (int seen = 0; seen < 200;)
                seen += (await watch.ReadAsync().Soon()).Events.Count(change => Collect(change.Line()));
            await server.KillAsync();
            await server.StartAsync();
        }

        await isDone.CancelAsync();
        var outcome = await writing.Soon();
        long last = (await client.Kv.PutAsync("k/last", "")).Header.Revision;
        _seen.AddRange(await watch.ReadUntilAsync(last));
        await using var history = await client.Watch.StartAsync(
            KeyRange.Prefix("k/"), new WatchOptions { StartRevision = started + 1 });
        Assert.Equal(await history.ReadUntilAsync(last), _seen);
        Assert.Empty(outcome.Acknowledged.Except(_seen));
        Figures.Report(
            $"client, {kind}: {_seen.Count} events watched through {restarts} kills; {outcome.Acknowledged.Count} puts "
            + $"acknowledged, {outcome.Unknown} unknown, {outcome.Refused} never sent");
    }

    [Theory]
    [ClassData(typeof(ServerKinds))]
    public async Task A_lease_is_kept_alive_through_a_kill(ServerKind kind)
    {
        await using var server = await ServerUnderTest.StartAsync(kind);
        await using var client = Clients.Of(server.Url);
        var granted = await client.Lease.GrantAsync(TimeSpan.FromSeconds(20));
        await client.Kv.PutAsync("owned", "", granted.Id);
        await using var lease = client.Lease.KeepAlive(granted);

        await server.KillAsync();
        await server.StartAsync();
        int before = lease.RenewalCount;
        await Waiting.Until(() => lease.RenewalCount >= before + 2);

        Assert.True(lease.IsAlive);
        Assert.NotNull(await client.Kv.GetAsync("owned"));
        await client.Lease.RevokeAsync(granted.Id);
        Assert.Equal(LeaseEnd.Gone, await lease.Ended.Soon());
        await Waiting.Until(() => lease.Lost.IsCancellationRequested);
    }

    [Theory]
    [ClassData(typeof(ServerKinds))]
    public async Task Unknown_outcomes_surface_and_the_final_state_agrees_with_every_certain_one(ServerKind kind)
    {
        await using var server = await ServerUnderTest.StartAsync(kind);
        await using var client = Clients.Of(server.Url);
        using var isDone = new CancellationTokenSource();
        int acknowledged = 0, unknownOutcomes = 0, kills = 0;
        var writers = Enumerable.Range(0, 20).Select(writer => WriteKeysAsync(writer)).ToArray();

        // A kill can fall between a group's answers and the requests behind them: then nothing is unknown.
        while (Volatile.Read(ref unknownOutcomes) == 0 && kills++ < 20)
        {
            int enough = Volatile.Read(ref acknowledged) + (kills == 1 ? 500 : 50);
            await Waiting.Until(() => Volatile.Read(ref acknowledged) >= enough);
            await server.KillAsync();
            await server.StartAsync();
        }

        await isDone.CancelAsync();
        var outcomes = (await Task.WhenAll(writers).Soon()).SelectMany(outcome => outcome).ToList();

        var present = new HashSet<string>();
        await foreach (var page in client.Kv.RangeStreamAsync(KeyRange.Prefix("u/")))
        {
            present.UnionWith(page.Kvs.Select(kv => kv.Key.ToStringUtf8()));
            Assert.All(page.Kvs, kv => Assert.Equal(1, kv.Version)); // Put once each: nothing was made twice.
        }

        Assert.All(outcomes.Where(outcome => outcome.IsDone == true), outcome => Assert.Contains(outcome.Key, present));
        Assert.All(outcomes.Where(outcome => outcome.IsDone == false), outcome => Assert.DoesNotContain(outcome.Key, present));
        Assert.Contains(outcomes, outcome => outcome.IsDone is null);
        var unknown = outcomes.Where(outcome => outcome.IsDone is null).ToList();
        Figures.Report(
            $"client, {kind}: {outcomes.Count} puts through {kills} kills: {unknown.Count} unknown outcomes, "
            + $"{unknown.Count(outcome => present.Contains(outcome.Key))} of them done");

        async Task<List<(string Key, bool? IsDone)>> WriteKeysAsync(int writer)
        {
            var outcomes = new List<(string, bool?)>();
            for (int i = 0; !isDone.IsCancellationRequested; i++)
            {
                string key = $"u/{writer}/{i}";
                try
                {
                    await client.Kv.PutAsync(key, "");
                    outcomes.Add((key, true));
                    Interlocked.Increment(ref acknowledged);
                }
                catch (UnknownOutcomeException)
                {
                    outcomes.Add((key, null));
                    Interlocked.Increment(ref unknownOutcomes);
                }
                catch (EtcdException)
                {
                    outcomes.Add((key, false));
                }
            }

            return outcomes;
        }
    }

    private readonly List<string> _seen = [];

    private bool Collect(string line)
    {
        _seen.Add(line);
        return true;
    }

    private static async Task<(HashSet<string> Acknowledged, int Unknown, int Refused)> WriteAsync(
        string url, CancellationToken isDone)
    {
        await using var client = Clients.Of(url);
        var acknowledged = new HashSet<string>();
        int unknown = 0, refused = 0;
        for (int i = 0; !isDone.IsCancellationRequested; i++)
        {
            try
            {
                string key = $"k/{i % 7}";
                var response = await client.Kv.PutAsync(key, $"{i}", cancellationToken: CancellationToken.None);
                acknowledged.Add($"{response.Header.Revision} Put {key}={i}");
            }
            catch (UnknownOutcomeException)
            {
                unknown++;
            }
            catch (EtcdException)
            {
                refused++;
            }
        }

        return (acknowledged, unknown, refused);
    }
}
