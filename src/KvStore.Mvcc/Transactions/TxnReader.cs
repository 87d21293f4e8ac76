using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Ranges;
using KvStore.Mvcc.Requests;
using KvStore.Mvcc.Store;
using KvStore.Protocol;
using KvStore.Raft;

namespace KvStore.Mvcc.Transactions;

/// <summary>Answers transactions that only read, at one revision, on any thread.</summary>
public sealed class TxnReader(MvccStore store, RangeReader ranges)
{
    private readonly CompareEvaluator _compares = new(store);

    /// <param name="request">One that is <see cref="TxnShape.IsReadOnly"/>.</param>
    /// <exception cref="EtcdException">A range of the taken branch asks for a compacted or a future revision.</exception>
    public TxnResponse Read(TxnRequest request)
    {
        Invariant.Holds(TxnShape.IsReadOnly(request));
        while (true)
        {
            long current = store.CurrentRevision, oldest = current;
            try
            {
                var response = ReadAt(request, current, ref oldest);
                if (store.CompactRevision <= oldest)
                    return response;
            }
            catch (InvalidDataException) when (store.CompactRevision > oldest)
            {
                // Compaction overtook the read; the next try reads later, or is refused.
            }
        }
    }

    private TxnResponse ReadAt(TxnRequest request, long current, ref long oldest)
    {
        bool isSuccess = _compares.AllHold(request.Compare, current);
        var ops = isSuccess ? request.Success : request.Failure;
        foreach (var op in ops)
            oldest = Math.Min(oldest, ranges.ReadableRevision(op.RequestRange.Revision, current));
        var response = new TxnResponse { Header = new ResponseHeader { Revision = current }, Succeeded = isSuccess };
        foreach (var op in ops)
        {
            long revision = ranges.ReadableRevision(op.RequestRange.Revision, current);
            response.Responses.Add(new ResponseOp { ResponseRange = ranges.RangeAt(op.RequestRange, revision, current) });
        }
        return response;
    }
}
