using Google.Protobuf;
using KvStore.Chaos.Checkers.Leases;
using KvStore.Chaos.Checkers.Revisions;
using KvStore.Chaos.History;
using KvStore.Chaos.Tests.Generation;
using KvStore.Protocol;

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

    [Theory]
    [InlineData(16, false)]
    [InlineData(12, true)]
    public void A_lease_has_its_time_anew_from_the_first_write_after_a_fault(int writesAgainAt, bool isLate)
    {
        // A lease of 5 s, a fault until 10 s, and its key seen at 23 s: 5 s and 5 more are allowed from the first write on.
        const long second = HistoryGenerator.Second;
        var history = RunHistory.Of(
        [
            new HistoryRecord { RunStarted = new RunStarted { Members = { "m1" } } },
            Done(1, 1, new Request { LeaseGrant = new LeaseGrantRequest { ID = 7, TTL = 5 } },
                new Response { LeaseGrant = new LeaseGrantResponse { ID = 7, TTL = 5, Header = new ResponseHeader { Revision = 1 } } }),
            Done(2, 2, new Request { Put = new PutRequest { Key = ByteString.CopyFromUtf8("l/1"), Value = ByteString.CopyFromUtf8("v"), Lease = 7 } },
                new Response { Put = new PutResponse { Header = new ResponseHeader { Revision = 2 } } }),
            new HistoryRecord { FaultInjected = new FaultInjected { Fault = 1, Name = "pause", At = 3 * second } },
            new HistoryRecord { FaultHealed = new FaultHealed { Fault = 1, At = 10 * second } },
            Done(3, writesAgainAt, new Request { LeaseGrant = new LeaseGrantRequest { ID = 8, TTL = 100 } },
                new Response { LeaseGrant = new LeaseGrantResponse { ID = 8, TTL = 100, Header = new ResponseHeader { Revision = 2 } } }),
            Done(4, 23, new Request { Range = new RangeRequest { Key = ByteString.CopyFromUtf8("l/1") } },
                new Response
                {
                    Range = new RangeResponse
                    {
                        Header = new ResponseHeader { Revision = 2 }, Count = 1,
                        Kvs = { new KeyValue { Key = ByteString.CopyFromUtf8("l/1"), Value = ByteString.CopyFromUtf8("v"), Lease = 7, CreateRevision = 2, ModRevision = 2, Version = 1 } },
                    },
                }),
            new HistoryRecord { RunEnded = new RunEnded { At = 24 * second } },
        ]);

        var result = LeaseChecker.Check(history, RevisionOrderChecker.Check(history).Timeline);

        Assert.Equal(isLate, result.Violations.Any(violation => violation.Kind == "ended late"));
    }

    private static HistoryRecord Done(long id, int at, Request request, Response response) => new()
    {
        Operation = new Operation
        {
            Id = id, Client = 1, Member = "m1", CalledAt = at * HistoryGenerator.Second - HistoryGenerator.Millisecond, ReturnedAt = at * HistoryGenerator.Second,
            Outcome = Outcome.Ok, Request = request, Response = response,
        },
    };
}
