using Google.Protobuf.Collections;
using KvStore.Grpc;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Protocol;
using KvStore.Server.Cluster;
using KvStore.Server.Configuration;
using KvStore.Server.Telemetry;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Services;

/// <summary>etcd's Cluster service. Its answers carry no revision, as etcd's do not.</summary>
internal sealed class ClusterService(Member member, MembershipRules rules, CallRules calls, ServerMetrics metrics, TimeProvider time)
{
    public GrpcServiceBinder Bind() => new GrpcServiceBinder(EtcdCalls.Service("Cluster"))
        .Etcd<MemberListRequest, MemberListResponse>(calls, "MemberList", ListAsync)
        .Etcd<MemberAddRequest, MemberAddResponse>(calls, "MemberAdd", AddAsync)
        .Etcd<MemberRemoveRequest, MemberRemoveResponse>(calls, "MemberRemove", RemoveAsync)
        .Etcd<MemberUpdateRequest, MemberUpdateResponse>(calls, "MemberUpdate", UpdateAsync)
        .Etcd<MemberPromoteRequest, MemberPromoteResponse>(calls, "MemberPromote", PromoteAsync);

    private async ValueTask<MemberListResponse> ListAsync(MemberListRequest request, ServerCallContext context)
    {
        if (request.Linearizable)
            await member.ReadIndexAsync();
        var response = new MemberListResponse { Header = member.HeaderAt(0) };
        response.Members.Add(member.State.Members.Members);
        return response;
    }

    private async ValueTask<MemberAddResponse> AddAsync(MemberAddRequest request, ServerCallContext context)
    {
        string[] urls = Urls(request.PeerURLs);
        var added = new Protocol.Member
        {
            ID = Identity.OfMember(urls, token: "", time.GetUtcNow()).Value,
            PeerURLs = { urls },
            IsLearner = request.IsLearner,
        };
        rules.CheckAdd(request.IsLearner);
        var response = new MemberAddResponse { Header = member.HeaderAt(0), Member = added };
        response.Members.Add((await member.ChangeMembersAsync(CommandKind.MemberAdd, added)).Members);
        return response;
    }

    private async ValueTask<MemberRemoveResponse> RemoveAsync(MemberRemoveRequest request, ServerCallContext context)
    {
        rules.CheckRemove(request.ID);
        var response = new MemberRemoveResponse { Header = member.HeaderAt(0) };
        response.Members.Add((await member.ChangeMembersAsync(CommandKind.MemberRemove, new Protocol.Member { ID = request.ID })).Members);
        return response;
    }

    private async ValueTask<MemberUpdateResponse> UpdateAsync(MemberUpdateRequest request, ServerCallContext context)
    {
        var changed = new Protocol.Member { ID = request.ID, PeerURLs = { Urls(request.PeerURLs) } };
        var response = new MemberUpdateResponse { Header = member.HeaderAt(0) };
        response.Members.Add((await member.ChangeMembersAsync(CommandKind.MemberPeerUrls, changed)).Members);
        return response;
    }

    private async ValueTask<MemberPromoteResponse> PromoteAsync(MemberPromoteRequest request, ServerCallContext context)
    {
        var response = new MemberPromoteResponse { Header = member.HeaderAt(0) };
        response.Members.Add(await rules.PromoteAsync(request.ID, context.CancellationToken));
        metrics.LearnersPromoted.Increment();
        return response;
    }

    /// <summary>As they will stand in the list: sorted, and with nothing that is no address.</summary>
    private static string[] Urls(RepeatedField<string> texts)
    {
        try
        {
            return [.. EtcdUrl.ParseList(string.Join(',', texts)).Select(url => url.ToString()).Order(StringComparer.Ordinal)];
        }
        catch (FormatException)
        {
            throw new EtcdException(EtcdError.InvalidMemberUrls);
        }
    }
}
