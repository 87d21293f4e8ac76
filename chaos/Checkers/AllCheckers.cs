using System.Diagnostics;
using KvStore.Chaos.Checkers.Appends;
using KvStore.Chaos.Checkers.Audits;
using KvStore.Chaos.Checkers.Leases;
using KvStore.Chaos.Checkers.Listings;
using KvStore.Chaos.Checkers.Locks;
using KvStore.Chaos.Checkers.Registers;
using KvStore.Chaos.Checkers.Revisions;
using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.Checkers.Watches;
using KvStore.Chaos.History;

namespace KvStore.Chaos.Checkers;

/// <summary>Runs every checker on a history. The next one takes a class and a line here.</summary>
public static class AllCheckers
{
    /// <param name="minutes">What the floors are for.</param>
    public static Verdict Check(RunHistory history, double minutes)
    {
        Timeline timeline = null!;
        CheckResult[] results =
        [
            Timed(() =>
            {
                (var result, timeline) = RevisionOrderChecker.Check(history);
                return result;
            }),
            Timed(() => WatchChecker.Check(history, timeline)),
            Timed(() => LeaseChecker.Check(history, timeline)),
            Timed(() => RegisterChecker.Check(history)),
            Timed(() => AppendChecker.Check(history)),
            Timed(() => LockChecker.Check(timeline)),
            Timed(() => ListWatchChecker.Check(history, timeline)),
            Timed(() => AuditChecker.Check(history)),
        ];
        return new Verdict
        {
            IsTorn = history.IsTorn, IsComplete = history.IsComplete, Results = results,
                Floors = CoverageFloors.Of(history, timeline, minutes),
        };
    }

    private static CheckResult Timed(Func<CheckResult> check)
    {
        long begun = Stopwatch.GetTimestamp();
        var result = check();
        result.Elapsed = Stopwatch.GetElapsedTime(begun);
        return result;
    }
}
