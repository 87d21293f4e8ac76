using Google.Protobuf;
using KvStore.Chaos.History;
using KvStore.Protocol;

namespace KvStore.Chaos.Checkers.Store;

/// <summary>How keys, values, requests and times are spelled in a violation's sentence.</summary>
internal static class Wording
{
    private const int ValueLimit = 40;

    public static string Of(ByteString bytes)
    {
        string text = bytes.ToStringUtf8();
        text = string.Concat(text.Select(c => char.IsControl(c) ? '·' : c));
        return text.Length <= ValueLimit ? text : text[..ValueLimit] + "…";
    }

    public static string Of(KeyValue? kv)
    {
        if (kv is null)
            return "nothing";
        string lease = kv.Lease == 0 ? "" : $", lease {kv.Lease:x}";
        return $"{Of(kv.Key)}=\"{Of(kv.Value)}\" (modified at {kv.ModRevision}, created at {kv.CreateRevision}, version {kv.Version}{lease})";
    }

    public static string Of(KeyInterval interval) =>
        interval.IsSingle ? Of(interval.Key) : interval.IsOpen ? $"[{Of(interval.Key)}, ∞)"
            : $"[{Of(interval.Key)}, {Of(interval.End)})";

    public static string Of(Operation operation) =>
        $"{Of(operation.Request)} (operation {operation.Id} of client {operation.Client})";

    public static string Of(Request request) => request.RpcCase switch
    {
        Request.RpcOneofCase.Range => $"the range of {Of(new KeyInterval(request.Range.Key, request.Range.RangeEnd))}",
        Request.RpcOneofCase.Put => $"the put of {Of(request.Put.Key)}=\"{Of(request.Put.Value)}\"",
        Request.RpcOneofCase.DeleteRange =>
            $"the delete of {Of(new KeyInterval(request.DeleteRange.Key, request.DeleteRange.RangeEnd))}",
        Request.RpcOneofCase.Txn => $"the txn on {string.Join(", ", KeysOf(request.Txn).Distinct().Take(4))}",
        Request.RpcOneofCase.LeaseRevoke => $"the revocation of lease {request.LeaseRevoke.ID:x}",
        Request.RpcOneofCase.LeaseGrant => $"the grant of lease {request.LeaseGrant.ID:x}",
        Request.RpcOneofCase.LeaseKeepAlive => $"the renewal of lease {request.LeaseKeepAlive.ID:x}",
        Request.RpcOneofCase.Compaction => $"the compaction at {request.Compaction.Revision}",
        _ => $"the {request.RpcCase}",
    };

    public static string Seconds(long nanoseconds) => FormattableString.Invariant($"{nanoseconds / 1e9:0.000000} s");

    private static IEnumerable<string> KeysOf(TxnRequest txn) =>
        txn.Compare.Select(compare => Of(compare.Key)).Concat(txn.Success.Concat(txn.Failure).SelectMany(KeysOf));

    private static IEnumerable<string> KeysOf(RequestOp op) => op.RequestCase switch
    {
        RequestOp.RequestOneofCase.RequestPut => [Of(op.RequestPut.Key)],
        RequestOp.RequestOneofCase.RequestRange => [Of(op.RequestRange.Key)],
        RequestOp.RequestOneofCase.RequestDeleteRange => [Of(op.RequestDeleteRange.Key)],
        _ => KeysOf(op.RequestTxn),
    };
}
