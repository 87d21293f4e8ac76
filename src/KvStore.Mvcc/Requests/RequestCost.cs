using KvStore.Protocol;

namespace KvStore.Mvcc.Requests;

/// <summary>Bytes of the database that a request may take, as etcd estimates them against its quota.</summary>
public static class RequestCost
{
    private const long KeyOverheadBytes = 256;
    private const long LeaseBytes = 64;

    public static long Of(PutRequest request) => KeyOverheadBytes + request.Key.Length + request.Value.Length;

    public static long Of(LeaseGrantRequest _) => LeaseBytes;

    /// <summary>The dearer branch; 0 when nothing is put.</summary>
    public static long Of(TxnRequest request) => Math.Max(Of(request.Success), Of(request.Failure));

    private static long Of(IReadOnlyList<RequestOp> branch)
    {
        long cost = 0;
        foreach (var op in branch)
        {
            if (op.RequestPut is { } put)
                cost += Of(put);
            else if (op.RequestTxn is { } nested)
                cost += Of(nested);
        }
        return cost;
    }
}
