using Google.Protobuf;
using KvStore.Protocol;
using static KvStore.Protocol.Compare.Types;

namespace KvStore.Mvcc.Tests.Support;

/// <summary>Requests, short enough to be read in a test.</summary>
internal static class Build
{
    public static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    public static PutRequest Put(string key, string value = "", long lease = 0, bool prevKv = false) =>
        new() { Key = Bytes(key), Value = Bytes(value), Lease = lease, PrevKv = prevKv };

    public static DeleteRangeRequest Delete(string key, string end = "", bool prevKv = false) =>
        new() { Key = Bytes(key), RangeEnd = Bytes(end), PrevKv = prevKv };

    public static RangeRequest Range(string key, string end = "", long revision = 0, long limit = 0) =>
        new() { Key = Bytes(key), RangeEnd = Bytes(end), Revision = revision, Limit = limit };

    public static TxnRequest Txn(Compare[] compares, IMessage[] success, IMessage[]? failure = null)
    {
        var txn = new TxnRequest();
        txn.Compare.Add(compares);
        txn.Success.Add(success.Select(Op));
        txn.Failure.Add((failure ?? []).Select(Op));
        return txn;
    }

    public static TxnRequest Txn(params IMessage[] success) => Txn([], success);

    public static RequestOp Op(IMessage request) => request switch
    {
        PutRequest put => new RequestOp { RequestPut = put },
        DeleteRangeRequest delete => new RequestOp { RequestDeleteRange = delete },
        RangeRequest range => new RequestOp { RequestRange = range },
        TxnRequest txn => new RequestOp { RequestTxn = txn },
        RequestOp op => op,
        _ => throw new ArgumentException($"{request.GetType().Name} is no operation of a transaction", nameof(request)),
    };

    public static Compare Version(string key, CompareResult result, long version, string end = "") => new()
    {
        Key = Bytes(key),
        RangeEnd = Bytes(end),
        Target = CompareTarget.Version,
        Result = result,
        Version = version,
    };

    public static Compare Value(string key, CompareResult result, string value, string end = "") => new()
    {
        Key = Bytes(key),
        RangeEnd = Bytes(end),
        Target = CompareTarget.Value,
        Result = result,
        Value = Bytes(value),
    };

    public static string Text(KeyValue? kv) => kv is null
        ? "none"
        : $"{kv.Key.ToStringUtf8()}={kv.Value.ToStringUtf8()} c{kv.CreateRevision} m{kv.ModRevision} v{kv.Version}"
            + (kv.Lease == 0 ? "" : $" l{kv.Lease}");

    public static string Keys(RangeResponse response) => string.Join(" ", response.Kvs.Select(kv => kv.Key.ToStringUtf8()));
}
