using KvStore.Mvcc.Errors;
using KvStore.Protocol;
using static KvStore.Protocol.RangeRequest.Types;

namespace KvStore.Mvcc.Requests;

/// <summary>What is checked before a request is proposed, in etcd's order: it needs the request alone, not the store.</summary>
public static class RequestChecks
{
    public const int DefaultTxnOpsLimit = 128;

    /// <exception cref="EtcdException">The key is missing, or the sort option is unknown.</exception>
    public static void Check(RangeRequest request)
    {
        CheckKey(request.Key);
        if (request.SortOrder is < SortOrder.None or > SortOrder.Descend
            || request.SortTarget is < SortTarget.Key or > SortTarget.Value)
        {
            throw new EtcdException(EtcdError.InvalidSortOption);
        }
    }

    /// <exception cref="EtcdException">The key is missing, or the request gives what it asks to keep.</exception>
    public static void Check(PutRequest request)
    {
        CheckKey(request.Key);
        if (request.IgnoreValue && !request.Value.IsEmpty)
            throw new EtcdException(EtcdError.ValueProvided);
        if (request.IgnoreLease && request.Lease != 0)
            throw new EtcdException(EtcdError.LeaseProvided);
    }

    /// <exception cref="EtcdException">The key is missing.</exception>
    public static void Check(DeleteRangeRequest request) => CheckKey(request.Key);

    /// <exception cref="EtcdException">Too many operations, one that is wrong by itself, or a key changed twice.</exception>
    public static void Check(TxnRequest request, int opsLimit = DefaultTxnOpsLimit)
    {
        CheckOps(request, opsLimit);
        DuplicateKeyCheck.Check(request);
    }

    /// <exception cref="EtcdException">The TTL is more than etcd takes.</exception>
    public static void Check(LeaseGrantRequest request) => LeaseRules.CheckTtl(request.TTL);

    private static void CheckOps(TxnRequest request, int opsLimit)
    {
        int ops = Math.Max(request.Compare.Count, Math.Max(request.Success.Count, request.Failure.Count));
        if (ops > opsLimit)
            throw new EtcdException(EtcdError.TooManyOperations);
        foreach (var compare in request.Compare)
            CheckKey(compare.Key);
        // A nested transaction may hold what its parent leaves.
        foreach (var op in request.Success)
            CheckOp(op, opsLimit - ops);
        foreach (var op in request.Failure)
            CheckOp(op, opsLimit - ops);
    }

    private static void CheckOp(RequestOp op, int opsLimit)
    {
        switch (op.RequestCase)
        {
            case RequestOp.RequestOneofCase.RequestRange: Check(op.RequestRange); break;
            case RequestOp.RequestOneofCase.RequestPut: Check(op.RequestPut); break;
            case RequestOp.RequestOneofCase.RequestDeleteRange: Check(op.RequestDeleteRange); break;
            case RequestOp.RequestOneofCase.RequestTxn: CheckOps(op.RequestTxn, opsLimit); break;
            default: throw new EtcdException(EtcdError.KeyNotFound);
        }
    }

    private static void CheckKey(Google.Protobuf.ByteString key)
    {
        if (key.IsEmpty)
            throw new EtcdException(EtcdError.KeyNotProvided);
    }
}
