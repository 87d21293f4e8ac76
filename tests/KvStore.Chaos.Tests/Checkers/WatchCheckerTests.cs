using KvStore.Chaos.Checkers.Revisions;
using KvStore.Chaos.Checkers.Watches;
using KvStore.Chaos.Tests.Generation;

namespace KvStore.Chaos.Tests.Checkers;

public sealed class WatchCheckerTests
{
    private static readonly TrafficMix Mix = new() { Ranges = 8, Leases = 3, Compactions = 1, WatchCount = 3, CrashCount = 2, OperationCount = 50 };

    public static TheoryData<string> Corruptions() => [.. WatchCorruptions.All.Keys];

    [Theory]
    [MemberData(nameof(Corruptions))]
    public void A_history_is_rejected_in_which(string corruption) => Assert.Empty(CorruptedHistory.Undetected(
        corruption, WatchCorruptions.All[corruption], Mix, count: 20, history => WatchChecker.Check(history, RevisionOrderChecker.Check(history).Timeline)));
}
