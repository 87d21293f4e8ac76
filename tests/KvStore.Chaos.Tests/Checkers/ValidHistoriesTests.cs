using KvStore.Chaos.Checkers;
using KvStore.Chaos.Checkers.Leases;
using KvStore.Chaos.Checkers.Listings;
using KvStore.Chaos.Checkers.Locks;
using KvStore.Chaos.Checkers.Revisions;
using KvStore.Chaos.Checkers.Watches;
using KvStore.Chaos.History;
using KvStore.Chaos.Tests.Generation;

namespace KvStore.Chaos.Tests.Checkers;

public sealed class ValidHistoriesTests
{
    [Fact]
    public void Ten_thousand_valid_histories_pass()
    {
        for (int seed = 0; seed < 10_000; seed++)
        {
            var history = HistoryGenerator.Generate(seed, TrafficMix.Everything);

            var run = RunHistory.Of(history.Records);
            var (order, timeline) = RevisionOrderChecker.Check(run);
            foreach (var result in (CheckResult[])[order, WatchChecker.Check(run, timeline), LeaseChecker.Check(run, timeline),
                LockChecker.Check(timeline), ListWatchChecker.Check(run, timeline)])
                Assert.True(result.IsPassed,
                    $"seed {seed}: {string.Join("\n", result.Violations.Select(v => v.Sentence).Concat(result.Undecided))}");
        }
    }
}
