using Google.Protobuf;
using KvStore.Client;
using KvStore.Protocol;
using static KvStore.Protocol.Compare.Types;

namespace KvStore.Chaos.Traffic;

/// <summary>Requests in few words.</summary>
internal static class Requests
{
    public static ByteString Utf8(string text) => ByteString.CopyFromUtf8(text);

    public static RangeRequest Get(string key) => new() { Key = Utf8(key) };

    public static RangeRequest GetPrefix(string prefix)
    {
        var range = KeyRange.Prefix(prefix);
        return new RangeRequest { Key = range.Key, RangeEnd = range.End };
    }

    public static PutRequest Put(string key, string value, long lease = 0) =>
        new() { Key = Utf8(key), Value = Utf8(value), Lease = lease };

    public static DeleteRangeRequest Delete(string key) => new() { Key = Utf8(key) };

    public static Compare ModIs(string key, long revision) => new()
    {
        Key = Utf8(key), Target = CompareTarget.Mod, Result = CompareResult.Equal, ModRevision = revision,
    };

    public static Compare CreateIs(string key, long revision) => new()
    {
        Key = Utf8(key), Target = CompareTarget.Create, Result = CompareResult.Equal, CreateRevision = revision,
    };

    public static Compare ValueIs(string key, string value) => new()
    {
        Key = Utf8(key), Target = CompareTarget.Value, Result = CompareResult.Equal, Value = Utf8(value),
    };

    public static RequestOp Op(RangeRequest range) => new() { RequestRange = range };

    public static RequestOp Op(PutRequest put) => new() { RequestPut = put };

    public static RequestOp Op(DeleteRangeRequest delete) => new() { RequestDeleteRange = delete };

    public static RequestOp Op(TxnRequest txn) => new() { RequestTxn = txn };

    /// <summary>Without branches where there is nothing to compare.</summary>
    public static TxnRequest Txn(
        IEnumerable<Compare> compares, IEnumerable<RequestOp> then, params IEnumerable<RequestOp> otherwise) =>
        new() { Compare = { compares }, Success = { then }, Failure = { otherwise } };
}
