using Google.Protobuf;
using KvStore.Chaos.Checkers.Leases;
using KvStore.Chaos.History;
using KvStore.Chaos.Tests.Generation;
using KvStore.Protocol;
using Rpc = KvStore.Chaos.History.Request.RpcOneofCase;

namespace KvStore.Chaos.Tests.Checkers;

/// <summary>Leases that end too early, too late, or not for good. Histories are without unknown outcomes: nothing excuses
/// them.</summary>
internal static class LeaseCorruptions
{
    private const long Millisecond = HistoryGenerator.Millisecond, Second = HistoryGenerator.Second;

    public static Dictionary<string, Corrupt> All { get; } = new()
    {
        ["keys vanish before the time of a renewal is over"] = ExpiredEarly,
        ["a renewal is acknowledged after the keys have vanished"] = history =>
            AfterExpiry(history, (lease, at) => Renewal(lease, at, 2)),
        ["a key is attached after the keys have vanished"] = history => AfterExpiry(history, Attachment),
        ["a renewal is told that a lease is gone before its time"] = history =>
            Promised(history, (lease, at) => Renewal(lease, at, 0)),
        ["who asks is told that a lease is gone before its time"] = history =>
            Promised(history, (lease, at) => Question(lease, at, -1, 0)),
        ["a put is refused for a lease that has time"] = history => Promised(history, RefusedPut),
        ["a lease has less time than was promised"] = history => Promised(history, (lease, at) => Question(lease, at, 0, 1000),
            ttl: 1000),
        ["a lease has more time than was granted"] = history => Promised(history, (lease, at) => Question(lease, at, 9, 2)),
        ["a renewal is acknowledged after a revocation"] = history => AfterRevocation(history, (lease, at) =>
            Renewal(lease, at, 2)),
        ["a key is attached after a revocation"] = history => AfterRevocation(history, Attachment),
        ["keys are still there long after the time is over"] = ExpiredLate,
    };

    /// <summary>Leases whose keys vanished by themselves: at which revision, and when that was first seen.</summary>
    private static IEnumerable<Expiry> Expiries(CorruptedHistory history)
    {
        foreach (var revision in history.Origin.Model.Events.GroupBy(change => change.KeyValue.ModRevision))
        {
            var first = revision.First();
            if (!first.IsDelete || history.Operations.Any(operation => operation.Outcome == Outcome.Ok
                && IsWriter(operation, revision.Key)))
                continue;
            long lease = history.Origin.Model.Before(first.KeyValue.Key, revision.Key)!.Lease;
            if (lease == 0)
                continue;
            long seenAt = history.Operations.Where(operation =>
                CorruptedHistory.RevisionOf(operation) >= revision.Key).Select(operation => operation.ReturnedAt)
                .Concat(history.Received.Where(received => received.Response.Header.Revision >= revision.Key).Select(received =>
                    received.At)).Min();
            yield return new Expiry(lease, revision.Key, seenAt);
        }
    }

    private static bool IsWriter(Operation operation, long revision) =>
        CorruptedHistory.RevisionOf(operation) == revision
            && operation.Request.RpcCase is Rpc.Put or Rpc.Txn or Rpc.DeleteRange or Rpc.LeaseRevoke;

    private static bool IsRevoked(CorruptedHistory history, long lease) =>
        history.Operations.Any(operation => operation.Request.LeaseRevoke?.ID == lease);

    private static bool ExpiredEarly(CorruptedHistory history)
    {
        if (!history.Pick(Expiries(history).Where(expiry => !IsRevoked(history, expiry.Lease)), out var expiry))
            return false;
        // Some of the expired lease's time was left, by a renewal that was acknowledged.
        Add(history, Renewal(expiry.Lease, expiry.SeenAt - history.Random.NextInt64(3 * Millisecond, Second - Millisecond), 1));
        return true;
    }

    private static bool AfterExpiry(CorruptedHistory history, Func<long, long, Operation> add)
    {
        if (!history.Pick(Expiries(history), out var expiry))
            return false;
        Add(history, add(expiry.Lease, expiry.SeenAt + history.Random.NextInt64(1, Second)));
        return true;
    }

    private static bool Promised(CorruptedHistory history, Func<long, long, Operation> add, long ttl = 0)
    {
        var promises = history.Operations.Where(operation => operation.Outcome == Outcome.Ok && operation.Request.LeaseGrant
            is { } grant && !IsRevoked(history, grant.ID));
        if (!history.Pick(promises, out var promise))
            return false;
        if (ttl > 0)
        {
            promise.Response.LeaseGrant.TTL = ttl;
            history.Records.RemoveAll(record => record.Operation is { Outcome: Outcome.Failed });
        }
        Add(history, add(promise.Response.LeaseGrant.ID, promise.ReturnedAt + history.Random.NextInt64(1, 900 * Millisecond)));
        return true;
    }

    private static bool AfterRevocation(CorruptedHistory history, Func<long, long, Operation> add)
    {
        if (!history.Pick(history.Operations.Where(operation => operation.Outcome == Outcome.Ok
            && operation.Request.LeaseRevoke is not null), out var revocation))
            return false;
        Add(history, add(revocation.Request.LeaseRevoke.ID, revocation.ReturnedAt + 1));
        return true;
    }

    private static bool ExpiredLate(CorruptedHistory history)
    {
        if (!history.Pick(Expiries(history), out var expiry))
            return false;
        var read = New(expiry.SeenAt + 100 * Second, new Request { Range =
            new RangeRequest { Key = ByteString.CopyFromUtf8("s/") } });
        read.Response = new Response { Range = new RangeResponse { Header =
            new ResponseHeader { Revision = expiry.Revision - 1 } } };
        Add(history, read);
        // The cluster is well: it acknowledges what has to go through its log.
        var grant = New(expiry.SeenAt + 50 * Second, new Request { LeaseGrant = new LeaseGrantRequest { ID = 88_888, TTL = 1000 } });
        grant.Response = new Response { LeaseGrant = new LeaseGrantResponse { ID = 88_888, TTL = 1000, Header =
            new ResponseHeader { Revision = expiry.Revision - 1 } } };
        Add(history, grant);
        return true;
    }

    private static void Add(CorruptedHistory history, Operation operation)
    {
        operation.Id = 99_999;
        history.Records.Add(new HistoryRecord { Operation = operation });
    }

    private static Operation New(long at, Request request) =>
        new() { Client = 9_999, Member = "m1", CalledAt = at, ReturnedAt = at + Millisecond, Outcome = Outcome.Ok,
            Request = request };

    private static Operation Renewal(long lease, long at, long ttl)
    {
        var operation = New(at, new Request { LeaseKeepAlive = new LeaseKeepAliveRequest { ID = lease } });
        operation.Response = new Response { LeaseKeepAlive = new LeaseKeepAliveResponse { ID = lease, TTL = ttl } };
        return operation;
    }

    private static Operation Question(long lease, long at, long ttl, long granted)
    {
        var operation = New(at, new Request { LeaseTimeToLive = new LeaseTimeToLiveRequest { ID = lease } });
        operation.Response = new Response { LeaseTimeToLive = new LeaseTimeToLiveResponse { ID = lease, TTL = ttl,
            GrantedTTL = granted } };
        return operation;
    }

    private static Operation Attachment(long lease, long at)
    {
        var operation = New(at, new Request { Put = new PutRequest { Key = ByteString.CopyFromUtf8("s/x"), Lease = lease } });
        operation.Response = new Response { Put = new PutResponse { Header = new ResponseHeader { Revision = 100_000 } } };
        return operation;
    }

    private static Operation RefusedPut(long lease, long at)
    {
        var operation = New(at, new Request { Put = new PutRequest { Key = ByteString.CopyFromUtf8("s/x"), Lease = lease } });
        (operation.Outcome, operation.ErrorText) = (Outcome.Failed, "etcdserver: " + LeaseLives.LeaseNotFoundText);
        return operation;
    }

    private sealed record Expiry(long Lease, long Revision, long SeenAt);
}
