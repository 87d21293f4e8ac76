using KvStore.Client.Tests.Servers;
using KvStore.Client.Tests.Support;
using KvStore.Testing;

namespace KvStore.Client.Tests;

/// <summary>A client whose connections are cut and stalled at random, on two ways to one member.</summary>
public class WeatherTests
{
    private const int Keys = 5;

    [Theory]
    [ClassData(typeof(ServerKinds))]
    public async Task In_bad_weather_watches_are_whole_writes_are_honest_and_leases_live(ServerKind kind)
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        await using var server = await ServerUnderTest.StartAsync(kind);
        await using var north = new FaultProxy(server.EndPoint);
        await using var south = new FaultProxy(server.EndPoint);
        await using var client = new EtcdClient(new ClientOptions
        {
            Endpoints = [north.Url, south.Url],
            MaxBackOff = TimeSpan.FromMilliseconds(100),
            ConnectTimeout = TimeSpan.FromMilliseconds(500),
            SilenceLimit = TimeSpan.FromMilliseconds(200),
        });
        await using var direct = Clients.Of(server.Url);
        await using var watch = await client.Watch.StartAsync(KeyRange.Prefix("k/"));
        await using var slow = await client.Watch.StartAsync(KeyRange.Prefix("k/"), new WatchOptions { BufferBytes = 2_000 });
        await using var lease = client.Lease.KeepAlive(await client.Lease.GrantAsync(TimeSpan.FromSeconds(10)));
        using var isDone = new CancellationTokenSource();
        var writers = Enumerable.Range(0, Keys).Select(WriteAsync).ToArray();
        int rounds = Lanes.Pick(10, 40, 2_000);

        for (int round = 0; round < rounds; round++)
        {
            var proxy = random.Next(2) == 0 ? north : south;
            long before = north.ForwardedBytes + south.ForwardedBytes;
            switch (random.Next(3))
            {
                case 0: proxy.Cut(); break;
                case 1: proxy.Stall(); break;
                case 2: proxy.Resume(); break;
            }

            // Some traffic between faults, on whichever way is open.
            long wanted = before + random.Next(20_000);
            if (north.ForwardedBytes + south.ForwardedBytes < wanted)
                await UntilOrResumeAsync(() => north.ForwardedBytes + south.ForwardedBytes >= wanted, north, south);
        }

        north.Resume();
        south.Resume();
        await isDone.CancelAsync();
        var outcomes = (await Task.WhenAll(writers).Soon()).SelectMany(outcome => outcome).ToList();
        long last = (await client.Kv.PutAsync("k/last", "").Soon()).Header.Revision;
        await using var history = await direct.Watch.StartAsync(KeyRange.Prefix("k/"), new WatchOptions { StartRevision = 1 });
        var expected = await history.ReadUntilAsync(last);

        Assert.Equal(expected, await watch.ReadUntilAsync(last));
        Assert.Equal(expected, await slow.ReadUntilAsync(last));
        var values = expected.Select(line => line[(line.IndexOf(' ') + 1)..]).ToList();
        Assert.Equal(values.Count, values.Distinct().Count()); // Each value was put once at most.
        Assert.All(outcomes.Where(outcome => outcome.IsDone == true), outcome => Assert.Contains(outcome.Line, values));
        Assert.All(outcomes.Where(outcome => outcome.IsDone == false), outcome => Assert.DoesNotContain(outcome.Line, values));
        Assert.True(lease.IsAlive);
        Figures.Report(
            $"client, {kind}: {rounds} faults (seed {seed}), {outcomes.Count} puts of which {outcomes.Count(o => o.IsDone is null)} "
            + $"of unknown outcome and {outcomes.Count(o => o.IsDone == false)} never sent, {expected.Count} events");

        async Task<List<(string Line, bool? IsDone)>> WriteAsync(int writer)
        {
            var outcomes = new List<(string, bool?)>();
            for (int i = 0; !isDone.IsCancellationRequested; i++)
            {
                string line = $"Put k/{writer}={i}";
                try
                {
                    await client.Kv.PutAsync($"k/{writer}", $"{i}", options: new RequestOptions { Timeout = TimeSpan.FromSeconds(1) });
                    outcomes.Add((line, true));
                }
                catch (UnknownOutcomeException)
                {
                    outcomes.Add((line, null));
                }
                catch (EtcdException)
                {
                    outcomes.Add((line, false));
                }
            }

            return outcomes;
        }
    }

    /// <summary>Both ways may be stalled: then nothing comes until one is let go.</summary>
    private static async Task UntilOrResumeAsync(Func<bool> condition, FaultProxy north, FaultProxy south)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!condition() && !patience.IsCancellationRequested)
            await timer.WaitForNextTickAsync();
        if (condition())
            return;
        north.Resume();
        south.Resume();
        await Waiting.Until(condition);
    }
}
