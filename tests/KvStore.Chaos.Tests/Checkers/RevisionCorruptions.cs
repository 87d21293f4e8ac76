using KvStore.Chaos.Checkers.Revisions;
using KvStore.Chaos.History;
using KvStore.Chaos.Tests.Generation;
using KvStore.Protocol;
using static KvStore.Chaos.Tests.Generation.CorruptedHistory;
using Rpc = KvStore.Chaos.History.Request.RpcOneofCase;

namespace KvStore.Chaos.Tests.Checkers;

/// <summary>What a store would do that lost, reordered, invented or mixed up something.</summary>
internal static class RevisionCorruptions
{
    public static Dictionary<string, Corrupt> All { get; } = new()
    {
        ["a read shows an older state under its own revision"] = StaleUnderItsRevision,
        ["a read shows an older state and its revision"] = StaleWithItsRevision,
        ["a write is acknowledged at another's revision"] = AcknowledgedTwice,
        ["an acknowledged write is not in the last read"] = LostAtTheEnd,
        ["two writes one after the other have their revisions swapped"] = SwappedWrites,
        ["a put's previous value is missing"] = history => OnPut(history, put => put.PrevKv = null),
        ["a put's previous value is another"] = history => OnPut(history, put => put.PrevKv.Version++),
        ["a delete counts one too many"] = history => OnDelete(history, delete => delete.Deleted++),
        ["a delete does not show what it deleted"] = history => OnDelete(history, delete => delete.PrevKvs.RemoveAt(0),
            needsPrevious: true),
        ["a read shows another version"] = history => OnRead(history, read => read.Kvs[0].Version++),
        ["a read shows another creation"] = history => OnRead(history, read => read.Kvs[0].CreateRevision--),
        ["a read shows another lease"] = history => OnRead(history, read => read.Kvs[^1].Lease ^= 77),
        ["a read shows another modification"] = history => OnRead(history, read => read.Kvs[^1].ModRevision--),
        ["a read lacks a key"] = history => OnRead(history, read =>
        {
            read.Kvs.RemoveAt(0);
            read.Count--;
        }),
        ["a read shows a key twice"] = history => OnRead(history, read =>
        {
            read.Kvs.Add(read.Kvs[^1].Clone());
            read.Count++;
        }),
        ["a read miscounts"] = history => OnRead(history, read => read.Count++),
        ["a read is wrong about more"] = history => OnRead(history, read => read.More = !read.More),
        ["a read has its keys out of order"] = OutOfOrder,
        ["a read shows a deleted key"] = Undeleted,
        ["a transaction takes the other branch"] = OtherBranch,
        ["a refused write was done"] = RefusedButDone,
        ["a write is seen before its call"] = SeenBeforeItsCall,
        ["a write is in no record"] = WrittenByNobody,
        ["a member goes back"] = MemberWentBack,
        ["a revoked lease's key is still there"] = RevokedButThere,
        ["a compacted revision is read"] = CompactedButRead,
        ["a revision that is there is refused as compacted"] = history => Refused(history, CompactionRule.CompactedText),
        ["a revision that is there is refused as to come"] = history => Refused(history, CompactionRule.FutureText),
    };

    /// <summary>What a read would have been told at a revision.</summary>
    private static RangeResponse AnswerAt(GeneratedHistory history, RangeRequest request, long revision)
    {
        var plain = request.Clone();
        plain.Revision = 0;
        return history.Model.AsOf(revision, -1).Range(plain).Clone();
    }

    private static IEnumerable<Operation> Reads(CorruptedHistory history) =>
        history.Operations.Where(operation => operation.Request.RpcCase == Rpc.Range && operation.Outcome == Outcome.Ok
            && operation.Request.Range.Revision == 0);

    private static bool StaleUnderItsRevision(CorruptedHistory history)
    {
        if (!history.Pick(Reads(history), out var read))
            return false;
        long revision = RevisionOf(read);
        for (long older = revision - 1; older >= 1; older--)
        {
            var answer = AnswerAt(history.Origin, read.Request.Range, older);
            answer.Header = read.Response.Range.Header;
            if (IsEqualButForTies(read.Request.Range, answer, read.Response.Range))
                continue;
            read.Response.Range = answer;
            return true;
        }
        return false;
    }

    /// <summary>The order of equals is free: compared as sets.</summary>
    private static bool IsEqualButForTies(RangeRequest request, RangeResponse left, RangeResponse right) =>
        left.Count == right.Count && left.More == right.More
        && (left.Kvs.ToHashSet().SetEquals(right.Kvs) || (request.Limit > 0
            && request.SortOrder != RangeRequest.Types.SortOrder.None));

    private static bool StaleWithItsRevision(CorruptedHistory history)
    {
        if (!history.Pick(Reads(history).Where(read => !read.Request.Range.Serializable), out var read))
            return false;
        long floor = history.Operations.Where(other =>
            other.ReturnedAt < read.CalledAt).Select(RevisionOf).DefaultIfEmpty().Max();
        if (floor < 2)
            return false;
        read.Response.Range = AnswerAt(history.Origin, read.Request.Range, history.Random.NextInt64(1, floor));
        return true;
    }

    private static IEnumerable<Operation> Acknowledged(CorruptedHistory history, params Rpc[] kinds) =>
        history.Operations.Where(operation => operation.Outcome == Outcome.Ok && kinds.Contains(operation.Request.RpcCase));

    private static bool AcknowledgedTwice(CorruptedHistory history)
    {
        if (!history.Pick(NeverDone(history, Rpc.Put), out var lost) || !history.Pick(Acknowledged(history, Rpc.Put),
            out var other))
            return false;
        Acknowledge(lost, RevisionOf(other));
        return true;
    }

    private static bool LostAtTheEnd(CorruptedHistory history)
    {
        if (!history.Pick(NeverDone(history, Rpc.Put), out var lost) || lost.ReturnedAt >= history.FinalRead.CalledAt)
            return false;
        Acknowledge(lost, history.Origin.Model.Revision + 1);
        return true;
    }

    private static IEnumerable<Operation> NeverDone(CorruptedHistory history, Rpc kind) => history.Operations.Where(operation =>
        operation.Request.RpcCase == kind && operation.Outcome == Outcome.Unknown
            && !history.Origin.DoneUnknown.ContainsKey(operation.Id));

    private static void Acknowledge(Operation put, long revision)
    {
        put.Request.Put.PrevKv = false;
        put.Outcome = Outcome.Ok;
        put.Response = new Response { Put = new PutResponse { Header = new ResponseHeader { Revision = revision } } };
    }

    private static bool SwappedWrites(CorruptedHistory history)
    {
        if (!history.Pick(Acknowledged(history, Rpc.Put), out var first)
            || !history.Pick(Acknowledged(history, Rpc.Put).Where(other => other.CalledAt > first.ReturnedAt), out var second))
            return false;
        (first.Response.Put.Header, second.Response.Put.Header) = (second.Response.Put.Header, first.Response.Put.Header);
        return true;
    }

    private static bool OnPut(CorruptedHistory history, Action<PutResponse> change)
    {
        if (!history.Pick(Acknowledged(history, Rpc.Put).Where(put => put.Response.Put.PrevKv is not null), out var put))
            return false;
        change(put.Response.Put);
        return true;
    }

    private static bool OnDelete(CorruptedHistory history, Action<DeleteRangeResponse> change, bool needsPrevious = false)
    {
        if (!history.Pick(Acknowledged(history, Rpc.DeleteRange).Where(delete => !needsPrevious
            || delete.Response.DeleteRange.PrevKvs.Count > 0), out var delete))
            return false;
        change(delete.Response.DeleteRange);
        return true;
    }

    private static bool OnRead(CorruptedHistory history, Action<RangeResponse> change)
    {
        var reads = Acknowledged(history, Rpc.Range).Where(read => read.Response.Range.Kvs.Count > 0);
        if (!history.Pick(reads, out var read))
            return false;
        change(read.Response.Range);
        return true;
    }

    private static bool OutOfOrder(CorruptedHistory history)
    {
        if (!history.Pick(Reads(history).Where(read => read.Request.Range.SortTarget == RangeRequest.Types.SortTarget.Key
            && read.Response.Range.Kvs.Count > 1), out var read))
            return false;
        var kvs = read.Response.Range.Kvs;
        (kvs[0], kvs[1]) = (kvs[1].Clone(), kvs[0].Clone());
        return true;
    }

    private static bool Undeleted(CorruptedHistory history)
    {
        var kvs = history.FinalRead.Response.Range.Kvs;
        var deleted = history.Origin.Model.Events.Where(change => change.IsDelete
            && kvs.All(kv => !kv.Key.Equals(change.KeyValue.Key)));
        if (!history.Pick(deleted, out var change))
            return false;
        var before = history.Origin.Model.Before(change.KeyValue.Key, change.KeyValue.ModRevision)!;
        kvs.Insert(kvs.Count(kv => kv.Key.Span.SequenceCompareTo(before.Key.Span) < 0), before.Clone());
        history.FinalRead.Response.Range.Count++;
        return true;
    }

    private static bool OtherBranch(CorruptedHistory history)
    {
        if (!history.Pick(Acknowledged(history, Rpc.Txn).Where(txn => txn.Request.Txn.Compare.Count > 0), out var txn))
            return false;
        txn.Response.Txn.Succeeded = !txn.Response.Txn.Succeeded;
        return true;
    }

    private static bool RefusedButDone(CorruptedHistory history)
    {
        if (!history.Pick(Acknowledged(history, Rpc.Put).Where(put => !put.Request.Put.IgnoreValue), out var put))
            return false;
        (put.Outcome, put.Response, put.ErrorText) = (Outcome.Failed, null, "etcdserver: too many requests");
        return true;
    }

    private static bool SeenBeforeItsCall(CorruptedHistory history)
    {
        if (!history.Pick(history.Operations.Where(operation => operation.Request.RpcCase == Rpc.Put
            && !operation.Request.Put.IgnoreValue
            && history.Origin.DoneUnknown.ContainsKey(operation.Id)), out var put))
            return false;
        put.CalledAt = history.FinalRead.ReturnedAt + 1;
        put.ReturnedAt = put.CalledAt + 1;
        return true;
    }

    private static bool WrittenByNobody(CorruptedHistory history)
    {
        if (!history.Pick(Acknowledged(history, Rpc.Put).Where(put => !put.Request.Put.IgnoreValue), out var put))
            return false;
        history.Remove(put);
        return true;
    }

    private static bool MemberWentBack(CorruptedHistory history)
    {
        if (!history.Pick(Reads(history).Where(read => read.Request.Range.Serializable), out var read))
            return false;
        long life = history.Records.Where(record => record.ProcessChanged is { } process && process.Member == read.Member
            && process.At <= read.CalledAt)
            .Max(record => record.ProcessChanged.At);
        bool ends = history.Records.Exists(record => record.ProcessChanged is { } process && process.Member == read.Member
            && process.At > read.CalledAt && process.At <= read.ReturnedAt);
        long floor = history.Operations.Where(other => other.Member == read.Member && other.CalledAt >= life
            && other.ReturnedAt < read.CalledAt)
            .Select(RevisionOf).DefaultIfEmpty().Max();
        if (floor < 2 || ends)
            return false;
        read.Response.Range = AnswerAt(history.Origin, read.Request.Range, history.Random.NextInt64(1, floor));
        return true;
    }

    private static bool RevokedButThere(CorruptedHistory history)
    {
        foreach (var revocation in NeverDone(history, Rpc.LeaseRevoke))
        {
            foreach (var other in Acknowledged(history, Rpc.Put).Where(put => put.ReturnedAt > revocation.CalledAt))
            {
                long revision = RevisionOf(other);
                if (!history.Origin.Model.AsOf(revision, -1).KeysOf(revocation.Request.LeaseRevoke.ID).Any())
                    continue;
                revocation.Outcome = Outcome.Ok;
                revocation.Response =
                    new Response { LeaseRevoke = new LeaseRevokeResponse { Header =
                    new ResponseHeader { Revision = revision } } };
                return true;
            }
        }
        return false;
    }

    private static bool CompactedButRead(CorruptedHistory history)
    {
        var past = Acknowledged(history, Rpc.Range).Where(read => read.Request.Range.Revision > 0
            && !read.Request.Range.Serializable);
        if (!history.Pick(past, out var read))
            return false;
        history.Records.Add(new HistoryRecord
        {
            Operation = new Operation
            {
                Id = 99_999, Client = 99_999, Member = "m1", CalledAt = 0, ReturnedAt = read.CalledAt - 1, Outcome = Outcome.Ok,
                Request = new Request { Compaction = new CompactionRequest { Revision = read.Request.Range.Revision + 1 } },
                Response = new Response { Compaction = new CompactionResponse { Header = new ResponseHeader { Revision = 1 } } },
            },
        });
        return true;
    }

    private static bool Refused(CorruptedHistory history, string text)
    {
        var past = Acknowledged(history, Rpc.Range).Where(read => read.Request.Range.Revision > 0
            && !read.Request.Range.Serializable
            && history.Operations.Any(other => other.ReturnedAt < read.CalledAt
                && RevisionOf(other) >= read.Request.Range.Revision)
            && !history.Operations.Any(other => other.Request.Compaction is { } compaction
                && compaction.Revision > read.Request.Range.Revision));
        if (!history.Pick(past, out var read))
            return false;
        (read.Outcome, read.Response, read.ErrorCode, read.ErrorText) = (Outcome.Failed, null, 11, "etcdserver: mvcc: " + text);
        return true;
    }
}
