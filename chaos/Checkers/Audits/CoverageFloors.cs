using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;

namespace KvStore.Chaos.Checkers.Audits;

/// <summary>A run that little happened in proves little: below its floors it is not valid.</summary>
internal static class CoverageFloors
{
    private const double MinutesOfFloors = 3;

    /// <summary>A revision that nobody saw weakens the checks of what it may have changed.</summary>
    private const double UnseenShareLimit = 0.001;

    /// <summary>For three minutes.</summary>
    private static readonly (string Name, long Least)[] ForThreeMinutes =
    [
        ("operations", 20_000), ("effective faults", 30), ("elections", 5), ("snapshots sent", 1), ("resumed watches", 20),
            ("unknown outcomes", 50), ("compactions", 3),
    ];

    public static IReadOnlyList<Floor> Of(RunHistory history, Timeline timeline, double minutes)
    {
        var counts = Counts(history);
        var floors = ForThreeMinutes.Select(floor => new Floor(floor.Name, counts[floor.Name],
            (long)Math.Floor(floor.Least * minutes / MinutesOfFloors))).ToList();
        long unseen = Enumerable.Range(2, (int)(timeline.LastRevision - Timeline.FirstRevision)).Count(revision =>
            timeline.CauseOf(revision).Kind == CauseKind.Unseen);
        long seen = timeline.LastRevision - Timeline.FirstRevision - unseen;
        floors.Add(new Floor("revisions that somebody saw", seen, (long)((seen + unseen) * (1 - UnseenShareLimit))));
        return floors;
    }

    private static Dictionary<string, long> Counts(RunHistory history) => new()
    {
        ["operations"] = history.Operations.Count(operation => operation.Outcome == Outcome.Ok),
        ["effective faults"] = history.Faults.Count(fault => fault.IsEffective),
        // The first leader was not elected in spite of anything.
        ["elections"] = Math.Max(0, history.Observations.Where(observed => observed.Role == Role.Leader).Select(observed =>
            observed.Term).Distinct().Count() - 1),
        ["snapshots sent"] = SnapshotsSent(history),
        ["resumed watches"] = history.Watches.Count(watch => watch.Resumes is not null),
        ["unknown outcomes"] = history.Operations.Count(operation => operation.Outcome == Outcome.Unknown),
        ["compactions"] = history.Operations.Count(operation => operation.Request.RpcCase == Request.RpcOneofCase.Compaction
            && operation.Outcome == Outcome.Ok),
    };

    /// <summary>Each process counts from 0.</summary>
    private static long SnapshotsSent(RunHistory history)
    {
        long sent = 0;
        foreach (var member in history.Observations.Where(observed => observed.Role != Role.Unknown).GroupBy(observed =>
            observed.Member))
        {
            long last = 0;
            foreach (var observed in member)
            {
                sent += observed.SnapshotsSent >= last ? observed.SnapshotsSent - last : observed.SnapshotsSent;
                last = observed.SnapshotsSent;
            }
        }
        return sent;
    }
}
