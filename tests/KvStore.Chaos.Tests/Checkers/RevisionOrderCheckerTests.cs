using KvStore.Chaos.Checkers.Revisions;
using KvStore.Chaos.Tests.Generation;

namespace KvStore.Chaos.Tests.Checkers;

public sealed class RevisionOrderCheckerTests
{
    private static readonly TrafficMix Mix = TrafficMix.Everything with { UnknownPercent = 12 };

    public static TheoryData<string> Corruptions() => [.. RevisionCorruptions.All.Keys];

    [Theory]
    [MemberData(nameof(Corruptions))]
    public void A_history_is_rejected_in_which(string corruption) => Assert.Empty(CorruptedHistory.Undetected(
        corruption, RevisionCorruptions.All[corruption], Mix, count: 20, history => RevisionOrderChecker.Check(history).Result));
}
