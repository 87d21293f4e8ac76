using KvStore.Chaos.History;
using KvStore.Protocol;
using Rpc = KvStore.Chaos.History.Request.RpcOneofCase;

namespace KvStore.Chaos.Checkers.Store;

/// <summary>What etcd's API says of each kind of request.</summary>
internal static class OperationFacts
{
    /// <summary>Of an answer; 0 where there is none, or none that says anything of the store.</summary>
    public static long Revision(this Operation operation) => operation.Outcome == Outcome.Ok
        ? Header(operation.Response)?.Revision ?? 0 : 0;

    /// <summary>Answered at the newest revision: by way of the log, or of a read index.</summary>
    public static bool IsLinearizable(this Operation operation) => operation.Request.RpcCase switch
    {
        Rpc.Range => !operation.Request.Range.Serializable,
        Rpc.Txn => !IsSerializable(operation.Request.Txn),
        Rpc.Put or Rpc.DeleteRange or Rpc.Compaction or Rpc.LeaseGrant or Rpc.LeaseRevoke => true,
        _ => false,
    };

    public static bool MayWrite(this Request request) => request.RpcCase switch
    {
        Rpc.Put or Rpc.DeleteRange or Rpc.LeaseRevoke => true,
        Rpc.Txn => MayWrite(request.Txn),
        _ => false,
    };

    /// <summary>It goes through the log, whatever comes of it.</summary>
    public static bool IsLogged(this Request request) => request.MayWrite() || request.RpcCase is Rpc.LeaseGrant or Rpc.Compaction;

    /// <summary>By its answer, a change was made. Never so of a revocation, whose answer does not tell.</summary>
    public static bool HasWritten(this Operation operation) => operation.Outcome == Outcome.Ok && operation.Request.RpcCase switch
    {
        Rpc.Put => true,
        Rpc.DeleteRange => operation.Response.DeleteRange.Deleted > 0,
        Rpc.Txn => HasWritten(operation.Response.Txn),
        _ => false,
    };

    /// <summary>Every put of a request, whatever branch it is in.</summary>
    public static IEnumerable<PutRequest> Puts(this Request request) => request.RpcCase switch
    {
        Rpc.Put => [request.Put],
        Rpc.Txn => Puts(request.Txn.Success).Concat(Puts(request.Txn.Failure)),
        _ => [],
    };

    public static IEnumerable<PutRequest> Puts(IEnumerable<RequestOp> ops) => ops.SelectMany(op => op.RequestCase switch
    {
        RequestOp.RequestOneofCase.RequestPut => [op.RequestPut],
        RequestOp.RequestOneofCase.RequestTxn => Puts(op.RequestTxn.Success).Concat(Puts(op.RequestTxn.Failure)),
        _ => Enumerable.Empty<PutRequest>(),
    });

    /// <summary>Every delete of a request, whatever branch it is in.</summary>
    public static IEnumerable<DeleteRangeRequest> Deletes(this Request request) => request.RpcCase switch
    {
        Rpc.DeleteRange => [request.DeleteRange],
        Rpc.Txn => Deletes(request.Txn.Success).Concat(Deletes(request.Txn.Failure)),
        _ => [],
    };

    /// <summary>Every key with its value that an answer shows, before and after changes.</summary>
    public static IEnumerable<KeyValue> Shown(this Operation operation)
    {
        if (operation.Outcome != Outcome.Ok)
            return [];
        return operation.Request.RpcCase switch
        {
            Rpc.Range => operation.Request.Range.KeysOnly ? [] : operation.Response.Range.Kvs,
            Rpc.Put => operation.Response.Put.PrevKv is { } previous ? [previous] : [],
            Rpc.DeleteRange => operation.Response.DeleteRange.PrevKvs,
            Rpc.Txn => Shown(operation.Request.Txn, operation.Response.Txn),
            _ => [],
        };
    }

    public static ResponseHeader? Header(Response response) => response.RpcCase switch
    {
        Response.RpcOneofCase.Range => response.Range.Header,
        Response.RpcOneofCase.Put => response.Put.Header,
        Response.RpcOneofCase.DeleteRange => response.DeleteRange.Header,
        Response.RpcOneofCase.Txn => response.Txn.Header,
        Response.RpcOneofCase.Compaction => response.Compaction.Header,
        Response.RpcOneofCase.LeaseGrant => response.LeaseGrant.Header,
        Response.RpcOneofCase.LeaseRevoke => response.LeaseRevoke.Header,
        Response.RpcOneofCase.LeaseKeepAlive => response.LeaseKeepAlive.Header,
        Response.RpcOneofCase.LeaseTimeToLive => response.LeaseTimeToLive.Header,
        Response.RpcOneofCase.LeaseLeases => response.LeaseLeases.Header,
        _ => null,
    };

    private static bool MayWrite(TxnRequest txn) => txn.Success.Concat(txn.Failure).Any(op => op.RequestCase switch
    {
        RequestOp.RequestOneofCase.RequestPut or RequestOp.RequestOneofCase.RequestDeleteRange => true,
        RequestOp.RequestOneofCase.RequestTxn => MayWrite(op.RequestTxn),
        _ => false,
    });

    /// <summary>As etcd decides it: nothing but serializable ranges in either branch.</summary>
    private static bool IsSerializable(TxnRequest txn) => txn.Success.Concat(txn.Failure)
        .All(op => op.RequestCase == RequestOp.RequestOneofCase.RequestRange && op.RequestRange.Serializable);

    private static bool HasWritten(TxnResponse txn) => txn.Responses.Any(response => response.ResponseCase switch
    {
        ResponseOp.ResponseOneofCase.ResponsePut => true,
        ResponseOp.ResponseOneofCase.ResponseDeleteRange => response.ResponseDeleteRange.Deleted > 0,
        ResponseOp.ResponseOneofCase.ResponseTxn => HasWritten(response.ResponseTxn),
        _ => false,
    });

    private static IEnumerable<DeleteRangeRequest> Deletes(IEnumerable<RequestOp> ops) =>
        ops.SelectMany(op => op.RequestCase switch
    {
        RequestOp.RequestOneofCase.RequestDeleteRange => [op.RequestDeleteRange],
        RequestOp.RequestOneofCase.RequestTxn => Deletes(op.RequestTxn.Success).Concat(Deletes(op.RequestTxn.Failure)),
        _ => Enumerable.Empty<DeleteRangeRequest>(),
    });

    private static IEnumerable<KeyValue> Shown(TxnRequest request, TxnResponse response)
    {
        var taken = response.Succeeded ? request.Success : request.Failure;
        return taken.Zip(response.Responses).SelectMany(pair => (pair.First.RequestCase, pair.Second.ResponseCase) switch
        {
            (RequestOp.RequestOneofCase.RequestRange, ResponseOp.ResponseOneofCase.ResponseRange) =>
                pair.First.RequestRange.KeysOnly ? [] : pair.Second.ResponseRange.Kvs,
            (_, ResponseOp.ResponseOneofCase.ResponsePut) => pair.Second.ResponsePut.PrevKv is { } previous ? [previous] : [],
            (_, ResponseOp.ResponseOneofCase.ResponseDeleteRange) => pair.Second.ResponseDeleteRange.PrevKvs,
            (RequestOp.RequestOneofCase.RequestTxn, ResponseOp.ResponseOneofCase.ResponseTxn) =>
                Shown(pair.First.RequestTxn, pair.Second.ResponseTxn),
            _ => Enumerable.Empty<KeyValue>(),
        });
    }
}
