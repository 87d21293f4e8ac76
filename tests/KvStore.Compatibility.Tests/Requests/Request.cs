using Google.Protobuf;
using KvStore.Protocol;

namespace KvStore.Compatibility.Tests.Requests;

/// <summary>Requests in one line each.</summary>
internal static class Request
{
    /// <summary>As the end of a range: all keys from the first on.</summary>
    public const string FromKey = "\0";

    public static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    public static RangeRequest Range(string key, string rangeEnd = "") => new() { Key = Bytes(key), RangeEnd = Bytes(rangeEnd) };

    public static PutRequest Put(string key, string value, long lease = 0) =>
        new() { Key = Bytes(key), Value = Bytes(value), Lease = lease };

    public static DeleteRangeRequest Delete(string key, string rangeEnd = "", bool prevKv = false) =>
        new() { Key = Bytes(key), RangeEnd = Bytes(rangeEnd), PrevKv = prevKv };

    public static TxnRequest Txn(Compare[]? compare = null, RequestOp[]? success = null, RequestOp[]? failure = null) =>
        new() { Compare = { compare ?? [] }, Success = { success ?? [] }, Failure = { failure ?? [] } };

    public static RequestOp Op(PutRequest request) => new() { RequestPut = request };

    public static RequestOp Op(RangeRequest request) => new() { RequestRange = request };

    public static RequestOp Op(DeleteRangeRequest request) => new() { RequestDeleteRange = request };

    public static RequestOp Op(TxnRequest request) => new() { RequestTxn = request };

    public static RequestOp[] Ops(int count, Func<int, RequestOp> create) => [.. Enumerable.Range(0, count).Select(create)];

    public static WatchCreateRequest Watch(string key, string rangeEnd = "", long start = 0) =>
        new() { Key = Bytes(key), RangeEnd = Bytes(rangeEnd), StartRevision = start };
}
