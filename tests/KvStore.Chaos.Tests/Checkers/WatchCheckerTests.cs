using Google.Protobuf;
using KvStore.Chaos.Checkers.Revisions;
using KvStore.Chaos.Checkers.Watches;
using KvStore.Chaos.History;
using KvStore.Chaos.Tests.Generation;
using KvStore.Protocol;

namespace KvStore.Chaos.Tests.Checkers;

public sealed class WatchCheckerTests
{
    private static readonly TrafficMix Mix = new() { Ranges = 8, Leases = 3, Compactions = 1, WatchCount = 3, CrashCount = 2,
        OperationCount = 50 };

    public static TheoryData<string> Corruptions() => [.. WatchCorruptions.All.Keys];

    [Theory]
    [MemberData(nameof(Corruptions))]
    public void A_history_is_rejected_in_which(string corruption) => Assert.Empty(CorruptedHistory.Undetected(
        corruption, WatchCorruptions.All[corruption], Mix, count: 20, history =>
            WatchChecker.Check(history, RevisionOrderChecker.Check(history).Timeline)));

    [Fact]
    public void A_client_may_cancel_a_watch_twice()
    {
        var create = new WatchRequest { CreateRequest = new WatchCreateRequest { Key = ByteString.CopyFromUtf8("a"),
            WatchId = 1 } };
        var cancel = new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = 1 } };
        var history = RunHistory.Of(
        [
            Sent(1, create), Received(2, new WatchResponse { Created = true }), Sent(3, cancel),
                Received(4, new WatchResponse { Canceled = true }), Sent(5, cancel),
        ]);

        Assert.True(WatchChecker.Check(history, RevisionOrderChecker.Check(history).Timeline).IsPassed);
    }

    private static HistoryRecord Sent(long at, WatchRequest request) =>
        new() { WatchSent = new WatchSent { Stream = 1, Member = "m1", At = at, Request = request } };

    private static HistoryRecord Received(long at, WatchResponse response)
    {
        (response.WatchId, response.Header) = (1, new ResponseHeader { Revision = 1 });
        return new HistoryRecord { WatchReceived = new WatchReceived { Stream = 1, At = at, Response = response } };
    }
}
