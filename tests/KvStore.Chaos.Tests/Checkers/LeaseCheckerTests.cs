using KvStore.Chaos.Checkers.Leases;
using KvStore.Chaos.Checkers.Revisions;
using KvStore.Chaos.Tests.Generation;

namespace KvStore.Chaos.Tests.Checkers;

public sealed class LeaseCheckerTests
{
    private static readonly TrafficMix Mix = new() { Leases = 8, Locks = 1, OperationCount = 60, UnknownPercent = 0 };

    public static TheoryData<string> Corruptions() => [.. LeaseCorruptions.All.Keys];

    [Theory]
    [MemberData(nameof(Corruptions))]
    public void A_history_is_rejected_in_which(string corruption) => Assert.Empty(CorruptedHistory.Undetected(
        corruption, LeaseCorruptions.All[corruption], Mix, count: 20, history =>
            LeaseChecker.Check(history, RevisionOrderChecker.Check(history).Timeline)));
}
