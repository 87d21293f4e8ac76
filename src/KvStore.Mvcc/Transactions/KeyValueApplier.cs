using Google.Protobuf;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Leases;
using KvStore.Mvcc.Ranges;
using KvStore.Mvcc.Store;
using KvStore.Protocol;

namespace KvStore.Mvcc.Transactions;

/// <summary>Applies puts, deletes and transactions: all checks first, then all changes.</summary>
internal sealed class KeyValueApplier(MvccStore store, LeaseTable leases, RangeReader ranges, WriteTransaction changes)
{
    private readonly CompareEvaluator _compares = new(store);

    /// <exception cref="EtcdException">The lease or the kept key is missing; nothing is changed.</exception>
    public PutResponse Put(PutRequest request)
    {
        // etcd looks for the lease first here, and for the kept key first in a transaction.
        CheckLease(request);
        CheckKeptKey(request);
        return WritePut(request);
    }

    /// <exception cref="EtcdException">More keys than one revision can change; nothing is changed.</exception>
    public DeleteRangeResponse DeleteRange(DeleteRangeRequest request)
    {
        if (!request.RangeEnd.IsEmpty)
            CheckChangeCount([new RequestOp { RequestDeleteRange = request }]);
        return RunDeleteRange(request);
    }

    private DeleteRangeResponse RunDeleteRange(DeleteRangeRequest request)
    {
        var range = new KeyRange(request.Key.Memory, request.RangeEnd.Memory);
        var response = new DeleteRangeResponse();
        if (request.PrevKv)
            response.PrevKvs.Add(Live(request.Key, request.RangeEnd));
        response.Deleted = changes.DeleteRange(range);
        response.Header = HeaderNow();
        return response;
    }

    /// <exception cref="EtcdException">An operation of the taken branches cannot be done; nothing is changed.</exception>
    public TxnResponse Txn(TxnRequest request)
    {
        var path = Decide(request);
        CheckTaken(request, path);
        var response = Run(request, path);
        response.Header = HeaderNow();
        return response;
    }

    private TxnPath Decide(TxnRequest request) => TxnPath.Decide(request, _compares, store.CurrentRevision);

    private void CheckTaken(TxnRequest request, TxnPath path)
    {
        var ops = new List<RequestOp>();
        path.CollectTaken(request, ops);
        foreach (var op in ops)
        {
            if (op.RequestPut is not { } put)
                continue;
            CheckKeptKey(put);
            CheckLease(put);
        }
        foreach (var op in ops)
        {
            // A revision is judged before the transaction: it cannot ask for what the transaction itself makes.
            if (op.RequestRange is { } range)
                ranges.ReadableRevision(range.Revision, store.CurrentRevision);
        }
        CheckChangeCount(ops);
    }

    private void CheckLease(PutRequest request)
    {
        if (request.Lease != 0 && !leases.Contains(new LeaseId(request.Lease)))
            throw new EtcdException(EtcdError.LeaseNotFound);
    }

    private void CheckKeptKey(PutRequest request)
    {
        if ((request.IgnoreValue || request.IgnoreLease) && !store.Index.TryGet(request.Key.Span, store.CurrentRevision, out _))
            throw new EtcdException(EtcdError.KeyNotFound);
    }

    /// <summary>Refuses what one revision may not hold, judging alike on every member.</summary>
    private void CheckChangeCount(List<RequestOp> ops)
    {
        int rangeCount = ops.Count(op => op.RequestDeleteRange?.RangeEnd.IsEmpty == false);
        // What the index still holds differs between members, so it may only tell that no count can be too high.
        if (rangeCount == 0 || 2 * ops.Count + rangeCount * store.Index.KeyCount <= MvccStore.ChangesPerRevisionLimit)
            return;
        // A key that is put may be deleted again.
        long changeCount = 2 * ops.Count;
        using var scope = store.Index.BeginRead();
        foreach (var op in ops)
        {
            if (op.RequestDeleteRange is { RangeEnd.IsEmpty: false } delete)
                changeCount += store.Index.Count(new KeyRange(delete.Key.Memory, delete.RangeEnd.Memory), store.CurrentRevision);
        }
        if (changeCount > MvccStore.ChangesPerRevisionLimit)
            throw new EtcdException(EtcdError.RequestTooLarge);
    }

    private TxnResponse Run(TxnRequest request, TxnPath path)
    {
        var response = new TxnResponse { Succeeded = path.IsSuccess };
        int nested = 0;
        foreach (var op in path.TakenOps(request))
            response.Responses.Add(op.RequestTxn is { } inner ? RunNested(inner, path.Nested[nested++]) : RunOne(op));
        return response;
    }

    private ResponseOp RunNested(TxnRequest request, TxnPath path)
    {
        var response = Run(request, path);
        // There, and all zero: clients of etcd see it so.
        response.Header = new ResponseHeader();
        return new ResponseOp { ResponseTxn = response };
    }

    private ResponseOp RunOne(RequestOp op) => op.RequestCase switch
    {
        RequestOp.RequestOneofCase.RequestPut => new ResponseOp { ResponsePut = WritePut(op.RequestPut) },
        RequestOp.RequestOneofCase.RequestRange => new ResponseOp { ResponseRange = Range(op.RequestRange) },
        RequestOp.RequestOneofCase.RequestDeleteRange =>
            new ResponseOp { ResponseDeleteRange = RunDeleteRange(op.RequestDeleteRange) },
        // The request's checks let none through; an answer keeps the positions of the others.
        _ => new ResponseOp(),
    };

    private RangeResponse Range(RangeRequest request)
    {
        long current = changes.ReadRevision;
        return ranges.RangeAt(request, request.Revision > 0 ? request.Revision : current, current);
    }

    private PutResponse WritePut(PutRequest request)
    {
        var response = new PutResponse();
        var key = request.Key.Span;
        if (!request.PrevKv && !request.IgnoreValue && !request.IgnoreLease)
        {
            changes.Put(key, request.Value.Span, new LeaseId(request.Lease));
            response.Header = HeaderNow();
            return response;
        }
        var previous = Live(request.Key, ByteString.Empty) is [var only] ? only : null;
        var value = request.IgnoreValue ? previous?.Value ?? ByteString.Empty : request.Value;
        long lease = request.IgnoreLease ? previous?.Lease ?? 0 : request.Lease;
        changes.Put(key, value.Span, new LeaseId(lease));
        if (request.PrevKv && previous is not null)
            response.PrevKv = previous;
        response.Header = HeaderNow();
        return response;
    }

    /// <summary>The KeyValues that live now, the transaction's own changes included.</summary>
    private IReadOnlyList<KeyValue> Live(ByteString key, ByteString rangeEnd)
    {
        long revision = changes.ReadRevision;
        return ranges.RangeAt(new RangeRequest { Key = key, RangeEnd = rangeEnd }, revision, revision).Kvs;
    }

    private ResponseHeader HeaderNow() => new() { Revision = changes.ReadRevision };
}
