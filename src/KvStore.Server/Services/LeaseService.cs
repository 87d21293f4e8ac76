using System.Security.Cryptography;
using Google.Protobuf;
using KvStore.Grpc;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Requests;
using KvStore.Protocol;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Services;

/// <summary>etcd's Lease service: grants and revocations go through the log, renewals only to the leader's clock.</summary>
internal sealed class LeaseService(Member member, LeaseClockService clock, CallRules rules)
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
        // What was granted before the question is known to whoever answers it.
        await member.ReadIndexAsync();
        var response = await clock.TimeToLiveAsync(request, context.CancellationToken);
        response.Header = member.Header();
        return response;
    }

    /// <summary>As this member knows them: like etcd, it asks nobody, and so answers without a quorum too.</summary>
    private ValueTask<LeaseLeasesResponse> LeasesAsync(LeaseLeasesRequest request, ServerCallContext context)
    {
        var response = new LeaseLeasesResponse { Header = member.Header() };
        // In the order in which they run out, as etcd has it.
        response.Leases.Add(member.State.Leases.List()
            .OrderBy(lease => member.Lessor.Remaining(lease.Id) ?? TimeSpan.MaxValue)
            .Select(lease => new LeaseStatus { ID = lease.Id.Value }));
        return ValueTask.FromResult(response);
    }

    private Task KeepAliveAsync(
        IAsyncStreamReader<LeaseKeepAliveRequest> requests, IServerStreamWriter<LeaseKeepAliveResponse> responses, ServerCallContext context) =>
        rules.RunStreamAsync(context, ending => KeepAliveAsync(requests, responses, ending));

    private async Task KeepAliveAsync(
        IAsyncStreamReader<LeaseKeepAliveRequest> requests, IServerStreamWriter<LeaseKeepAliveResponse> responses, CancellationToken ending)
    {
        try
        {
            while (await requests.MoveNext(ending))
            {
                long id = requests.Current.ID;
                var header = member.Header();
                await responses.WriteAsync(new LeaseKeepAliveResponse { Header = header, ID = id, TTL = await clock.RenewAsync(id, ending) });
            }
        }
        catch (EtcdException refusal)
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
