namespace KvStore.Chaos.Runs;

/// <summary>How much must have happened for a run without violation to mean anything.</summary>
internal static class Floors
{
    private const double Minutes = 3;

    private static readonly (string What, double PerThreeMinutes, Func<RunSummary, long> Count)[] All =
    [
        ("operations", 20_000, summary => summary.Operations),
        ("effective faults", 30, summary => summary.EffectiveFaults),
        ("elections", 5, summary => summary.Elections),
        ("snapshots sent", 1, summary => summary.SnapshotsSent),
        ("resumed watches", 20, summary => summary.ResumedWatches),
        ("unknown outcomes", 50, summary => summary.UnknownOutcomes),
        ("compactions", 3, summary => summary.Compactions),
    ];

    /// <returns>What stayed below, in words. Shorter runs have floors as much lower, rounded down.</returns>
    public static IReadOnlyList<string> Missed(RunSummary summary) =>
        [.. All.Select(floor => (floor.What, Least: (long)(floor.PerThreeMinutes * summary.Minutes / Minutes), Found: floor.Count(summary)))
            .Where(floor => floor.Found < floor.Least).Select(floor => $"{floor.Found} {floor.What}, {floor.Least} are the least")];
}
