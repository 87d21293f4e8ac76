using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>The operations of a <see cref="Txn"/>.</summary>
public static class Do
{
    public static RequestOp Get(KeyRange range, long limit = 0) => Get(
        new RangeRequest { Key = range.Key, RangeEnd = range.End, Limit = limit });

    public static RequestOp Get(RangeRequest request) => new() { RequestRange = request };

    public static RequestOp Put(Bytes key, Bytes value, LeaseId lease = default) => Put(
        new PutRequest { Key = key.Value, Value = value.Value, Lease = lease.Value });

    public static RequestOp Put(PutRequest request) => new() { RequestPut = request };

    public static RequestOp Delete(KeyRange range) => Delete(new DeleteRangeRequest { Key = range.Key, RangeEnd = range.End });

    public static RequestOp Delete(DeleteRangeRequest request) => new() { RequestDeleteRange = request };

    public static RequestOp Txn(TxnRequest request) => new() { RequestTxn = request };
}
