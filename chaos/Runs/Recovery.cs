using KvStore.Chaos.History;
using KvStore.Chaos.Rig;
using KvStore.Chaos.Traffic;

namespace KvStore.Chaos.Runs;

/// <summary>Measures how long service stays away once all faults are healed.</summary>
internal sealed class Recovery(ClusterRig rig) : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly Dictionary<string, RecordedClient> _clients = [];

    private Recorder Recorder => rig.Recorder;

    /// <summary>Until the first acknowledged write, and until all members answer a linearizable read: for each time.</summary>
    public List<(TimeSpan FirstWrite, TimeSpan AllAnswer)> Times { get; } = [];

    /// <param name="faults">What was healed just now.</param>
    /// <exception cref="RecoveryException">It does not come back.</exception>
    public async Task MeasureAsync(IReadOnlyList<string> faults, CancellationToken cancellationToken)
    {
        var clock = RunClock.StartNow();
        long from = Recorder.Now;
        string name = string.Join(", ", faults);
        var write = FirstAsync(rig.Members.Select(member => UntilAsync(member, WriteAsync, clock, cancellationToken)));
        var reads = Task.WhenAll(rig.Members.Select(async member =>
        {
            long at = await UntilAsync(member, ReadAsync, clock, cancellationToken);
            Recorder.Write(new HistoryRecord { Recovered = new Recovered { Name = name, From = from, To = at, Member = member.Name } });
            return at;
        }));
        long firstWrite = await write;
        Recorder.Write(new HistoryRecord { Recovered = new Recovered { Name = name, From = from, To = firstWrite } });
        long[] all = await reads;
        Times.Add((Span(firstWrite - from), Span(all.Max() - from)));
    }

    public void Dispose()
    {
        foreach (var client in _clients.Values)
            client.Dispose();
    }

    private static TimeSpan Span(long nanoseconds) => TimeSpan.FromMicroseconds(nanoseconds / 1000.0);

    private static async Task<long> FirstAsync(IEnumerable<Task<long>> tasks)
    {
        long[] all = await Task.WhenAll(tasks);
        return all.Min();
    }

    // Each member is asked by one client for writes and one for reads: requests of one client do not overlap.
    private async Task<long> UntilAsync(
        RigMember member, Func<RigMember, RecordedClient, Task<bool>> isDone, RunClock clock, CancellationToken cancellationToken)
    {
        string key = $"{member.Name} {isDone.Method.Name}";
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (await isDone(member, Client(key)))
                return Recorder.Now;
            if (clock.Elapsed > Limit)
                throw new RecoveryException($"{member.Name} does not answer {Limit.TotalSeconds} s after all faults were healed");
            await Task.Delay(Pause, cancellationToken);
        }
    }

    private RecordedClient Client(string key)
    {
        lock (_clients)
        {
            if (_clients.TryGetValue(key, out var client) && !client.IsRetired)
                return client;
            client?.Dispose();
            return _clients[key] = new RecordedClient(Recorder, rig.Addresses);
        }
    }

    private async Task<bool> WriteAsync(RigMember member, RecordedClient client)
    {
        var request = Requests.Put($"r/probe-{client.Id}", client.NewValue());
        return (await client.CallAsync(Rpcs.Put, member.Name, request, CallLimit, CancellationToken.None)).IsOk;
    }

    private async Task<bool> ReadAsync(RigMember member, RecordedClient client)
    {
        var request = Requests.Get($"r/probe-{client.Id}");
        return (await client.CallAsync(Rpcs.Range, member.Name, request, CallLimit, CancellationToken.None)).IsOk;
    }
}
