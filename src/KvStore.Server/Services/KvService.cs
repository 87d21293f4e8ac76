using Google.Protobuf;
using KvStore.Grpc;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Requests;
using KvStore.Protocol;
using KvStore.Server.Telemetry;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Services;

/// <summary>etcd's KV service: writes go through the log, reads are answered from the state on the caller's thread.</summary>
internal sealed class KvService(Member member, CallRules rules, ServerMetrics metrics)
{
    public GrpcServiceBinder Bind() => new GrpcServiceBinder(EtcdCalls.Service("KV"))
        .Etcd<RangeRequest, RangeAnswer>(rules, "Range", RangeAsync)
        .Etcd<PutRequest, PutResponse>(rules, "Put", PutAsync, keepRequestBytes: true)
        .Etcd<DeleteRangeRequest, DeleteRangeResponse>(rules, "DeleteRange", DeleteRangeAsync, keepRequestBytes: true)
        .Etcd<TxnRequest, TxnResponse>(rules, "Txn", TxnAsync, keepRequestBytes: true)
        .Etcd<CompactionRequest, CompactionResponse>(rules, "Compact", CompactAsync, keepRequestBytes: true);

    private async ValueTask<RangeAnswer> RangeAsync(RangeRequest request, ServerCallContext context)
    {
        RequestChecks.Check(request);
        if (!request.Serializable)
            await member.ReadIndexAsync();
        var result = member.Read(request, static (state, range) => state.Ranges.Read(range));
        metrics.Ranges.Increment();
        return new RangeAnswer(result, member.HeaderAt(result.CurrentRevision));
    }

    private async ValueTask<PutResponse> PutAsync(PutRequest request, ServerCallContext context)
    {
        RequestChecks.Check(request);
        var response = await ProposeAsync<PutResponse>(CommandKind.Put, request, context);
        response.Header = member.Complete(response.Header);
        return response;
    }

    private async ValueTask<DeleteRangeResponse> DeleteRangeAsync(DeleteRangeRequest request, ServerCallContext context)
    {
        RequestChecks.Check(request);
        var response = await ProposeAsync<DeleteRangeResponse>(CommandKind.DeleteRange, request, context);
        response.Header = member.Complete(response.Header);
        return response;
    }

    private async ValueTask<TxnResponse> TxnAsync(TxnRequest request, ServerCallContext context)
    {
        RequestChecks.Check(request, member.Options.MaxTxnOps);
        TxnResponse response;
        if (TxnShape.IsReadOnly(request))
        {
            // Nothing to agree on: it is judged and read on this member's state.
            if (!TxnShape.IsSerializable(request))
                await member.ReadIndexAsync();
            response = member.Read(request, static (state, txn) => state.Txns.Read(txn));
            metrics.CountTxn(response);
        }
        else
        {
            response = await ProposeAsync<TxnResponse>(CommandKind.Txn, request, context);
        }
        response.Header = member.Complete(response.Header);
        return response;
    }

    private async ValueTask<CompactionResponse> CompactAsync(CompactionRequest request, ServerCallContext context)
    {
        var response = await ProposeAsync<CompactionResponse>(CommandKind.Compaction, request, context);
        if (request.Physical)
            await member.CompactedAsync(request.Revision, context.CancellationToken);
        response.Header = member.Complete(response.Header);
        return response;
    }

    private async ValueTask<TResponse> ProposeAsync<TResponse>(CommandKind kind, IMessage request, ServerCallContext context)
        where TResponse : class, IMessage =>
        (TResponse)await member.ProposeAsync(kind, context.RequestBytes, request);
}
