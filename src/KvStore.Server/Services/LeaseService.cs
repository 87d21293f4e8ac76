using System.Security.Cryptography;
using Google.Protobuf;
using KvStore.Grpc;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Leases;
using KvStore.Mvcc.Requests;
using KvStore.Protocol;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Services;

/// <summary>etcd's Lease service: grants and revocations go through the log, renewals only to the leader's clock.</summary>
internal sealed class LeaseService(Member member, CallRules rules)
{
    public GrpcServiceBinder Bind() => new GrpcServiceBinder(EtcdCalls.Service("Lease"))
        .Etcd<LeaseGrantRequest, LeaseGrantResponse>(rules, "LeaseGrant", GrantAsync)
        .Etcd<LeaseRevokeRequest, LeaseRevokeResponse>(rules, "LeaseRevoke", RevokeAsync, keepRequestBytes: true)
        .Etcd<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse>(rules, "LeaseTimeToLive", TimeToLiveAsync)
        .Etcd<LeaseLeasesRequest, LeaseLeasesResponse>(rules, "LeaseLeases", LeasesAsync)
        .DuplexStreaming<LeaseKeepAliveRequest, LeaseKeepAliveResponse>("LeaseKeepAlive", KeepAliveAsync);

    private async ValueTask<LeaseGrantResponse> GrantAsync(LeaseGrantRequest request, ServerCallContext context)
    {
        RequestChecks.Check(request);
        // What is replicated holds no choice any more: the id and the TTL are settled here.
        if (request.ID == 0)
            request.ID = NewId();
        request.TTL = LeaseRules.GrantedTtl(request.TTL, LeaseRules.MinTtlSeconds(member.Options.ElectionTimeout));
        var response = (LeaseGrantResponse)await member.ProposeAsync(CommandKind.LeaseGrant, request.ToByteArray(), request);
        response.Header = member.Complete(response.Header);
        return response;
    }

    private async ValueTask<LeaseRevokeResponse> RevokeAsync(LeaseRevokeRequest request, ServerCallContext context)
    {
        var response = (LeaseRevokeResponse)await member.ProposeAsync(CommandKind.LeaseRevoke, context.RequestBytes, request);
        response.Header = member.Complete(response.Header);
        return response;
    }

    private async ValueTask<LeaseTimeToLiveResponse> TimeToLiveAsync(LeaseTimeToLiveRequest request, ServerCallContext context)
    {
        await member.ReadIndexAsync();
        var id = new LeaseId(request.ID);
        var response = new LeaseTimeToLiveResponse { Header = member.Header(), ID = request.ID, TTL = -1 };
        if (!member.State.Leases.TryGet(id, out var lease) || member.Lessor.Remaining(id) is not { } remaining)
            return response;
        response.TTL = (long)Math.Max(0, Math.Floor(remaining.TotalSeconds));
        response.GrantedTTL = lease.TtlSeconds;
        if (request.Keys)
            response.Keys.Add(member.State.Leases.KeysOf(id).Select(ByteString.CopyFrom));
        return response;
    }

    private async ValueTask<LeaseLeasesResponse> LeasesAsync(LeaseLeasesRequest request, ServerCallContext context)
    {
        await member.ReadIndexAsync();
        var response = new LeaseLeasesResponse { Header = member.Header() };
        // In the order in which they run out, as etcd has it.
        response.Leases.Add(member.State.Leases.List()
            .OrderBy(lease => member.Lessor.Remaining(lease.Id) ?? TimeSpan.MaxValue)
            .Select(lease => new LeaseStatus { ID = lease.Id.Value }));
        return response;
    }

    private async Task KeepAliveAsync(
        IAsyncStreamReader<LeaseKeepAliveRequest> requests, IServerStreamWriter<LeaseKeepAliveResponse> responses, ServerCallContext context)
    {
        while (await requests.MoveNext(context.CancellationToken))
        {
            var id = new LeaseId(requests.Current.ID);
            var header = member.Header();
            await responses.WriteAsync(new LeaseKeepAliveResponse { Header = header, ID = id.Value, TTL = await RenewAsync(id) });
        }
    }

    /// <returns>The TTL from now on; 0 for a lease that is not there (any more).</returns>
    private async ValueTask<long> RenewAsync(LeaseId id)
    {
        try
        {
            return await member.Lessor.RenewAsync(id);
        }
        catch (KvStore.Mvcc.Errors.EtcdException refusal)
        {
            throw EtcdCalls.ToRpcException(refusal);
        }
    }

    private static long NewId()
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        long id;
        do
        {
            RandomNumberGenerator.Fill(bytes);
            id = BitConverter.ToInt64(bytes) & long.MaxValue;
        }
        while (id == 0);
        return id;
    }
}
