using KvStore.Chaos.Checkers;
using KvStore.Chaos.History;

namespace KvStore.Chaos.Tests.Generation;

/// <summary>Makes a valid history invalid, whatever else is in it; says false where it finds nothing to work on.</summary>
internal delegate bool Corrupt(CorruptedHistory history);

/// <summary>A copy of a valid history that may be changed.</summary>
internal sealed class CorruptedHistory(GeneratedHistory origin, Random random)
{
    public GeneratedHistory Origin => origin;

    public Random Random => random;

    public List<HistoryRecord> Records { get; } = [.. origin.Records.Select(record => record.Clone())];

    public IEnumerable<Operation> Operations => Records.Where(record => record.Operation is not null).Select(record =>
        record.Operation);

    public IEnumerable<WatchReceived> Received => Records.Where(record => record.WatchReceived is not null).Select(record =>
        record.WatchReceived);

    public Operation FinalRead => Operations.Last();

    public static long RevisionOf(Operation operation) =>
        operation.Outcome == Outcome.Ok ? Chaos.Checkers.Store.OperationFacts.Header(operation.Response)?.Revision ?? 0 : 0;

    /// <summary>One of them, or false.</summary>
    public bool Pick<T>(IEnumerable<T> from, out T picked) where T : class
    {
        var all = from.ToList();
        picked = all.Count == 0 ? null! : all[random.Next(all.Count)];
        return all.Count > 0;
    }

    public void Remove(Operation operation) => Records.RemoveAll(record => ReferenceEquals(record.Operation, operation));

    /// <summary>Every kind of corruption is tried on seed after seed until so many histories were corrupted.</summary>
    /// <returns>Histories that passed though they must not.</returns>
    public static List<string> Undetected(string name, Corrupt corrupt, TrafficMix mix, int count, Func<RunHistory,
        CheckResult> check)
    {
        var undetected = new List<string>();
        int done = 0;
        for (int seed = 0; done < count; seed++)
        {
            Assert.True(seed < 300 * count, $"{name}: only {done} histories gave it something to work on");
            var history = new CorruptedHistory(HistoryGenerator.Generate(seed, mix), new Random(seed));
            if (!corrupt(history))
                continue;
            done++;
            if (check(RunHistory.Of(history.Records)).ViolationCount == 0)
                undetected.Add($"{name}, seed {seed}");
        }
        return undetected;
    }
}
