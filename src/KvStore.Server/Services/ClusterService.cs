using KvStore.Grpc;
using KvStore.Protocol;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Services;

/// <summary>etcd's Cluster service. Its answers carry no revision, as etcd's do not.</summary>
internal sealed class ClusterService(Member member)
{
    public GrpcServiceBinder Bind() => new GrpcServiceBinder(EtcdCalls.Service("Cluster"))
        .Etcd<MemberListRequest, MemberListResponse>("MemberList", ListAsync);

    private async ValueTask<MemberListResponse> ListAsync(MemberListRequest request, ServerCallContext context)
    {
        if (request.Linearizable)
            await member.ReadIndexAsync();
        var response = new MemberListResponse { Header = member.HeaderAt(0) };
        response.Members.Add(member.State.Members.Members);
        return response;
    }
}
