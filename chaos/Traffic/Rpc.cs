using Google.Protobuf.Reflection;
using KvStore.Chaos.History;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>A method of etcd's, and where its messages stand in a record.</summary>
internal sealed record Rpc<TRequest, TResponse>(
    Method<TRequest, TResponse> Method, Action<Request, TRequest> SetRequest, Action<Response, TResponse> SetResponse);

/// <summary>The methods that are called and recorded.</summary>
internal static class Rpcs
{
    private static readonly ServiceDescriptor KV = Find("KV");
    private static readonly ServiceDescriptor Leases = Find("Lease");
    private static readonly ServiceDescriptor Cluster = Find("Cluster");
    private static readonly ServiceDescriptor Maintenance = Find("Maintenance");

    public static readonly Rpc<RangeRequest, RangeResponse> Range =
        new(KV.Method<RangeRequest, RangeResponse>("Range"), (to, it) => to.Range = it, (to, it) => to.Range = it);
    public static readonly Rpc<PutRequest, PutResponse> Put =
        new(KV.Method<PutRequest, PutResponse>("Put"), (to, it) => to.Put = it, (to, it) => to.Put = it);
    public static readonly Rpc<DeleteRangeRequest, DeleteRangeResponse> DeleteRange =
        new(KV.Method<DeleteRangeRequest, DeleteRangeResponse>("DeleteRange"), (to, it) => to.DeleteRange = it, (to, it) => to.DeleteRange = it);
    public static readonly Rpc<TxnRequest, TxnResponse> Txn =
        new(KV.Method<TxnRequest, TxnResponse>("Txn"), (to, it) => to.Txn = it, (to, it) => to.Txn = it);
    public static readonly Rpc<CompactionRequest, CompactionResponse> Compact =
        new(KV.Method<CompactionRequest, CompactionResponse>("Compact"), (to, it) => to.Compaction = it, (to, it) => to.Compaction = it);

    public static readonly Rpc<LeaseGrantRequest, LeaseGrantResponse> LeaseGrant =
        new(Leases.Method<LeaseGrantRequest, LeaseGrantResponse>("LeaseGrant"), (to, it) => to.LeaseGrant = it, (to, it) => to.LeaseGrant = it);
    public static readonly Rpc<LeaseRevokeRequest, LeaseRevokeResponse> LeaseRevoke =
        new(Leases.Method<LeaseRevokeRequest, LeaseRevokeResponse>("LeaseRevoke"), (to, it) => to.LeaseRevoke = it, (to, it) => to.LeaseRevoke = it);
    public static readonly Rpc<LeaseKeepAliveRequest, LeaseKeepAliveResponse> LeaseKeepAlive =
        new(Leases.Method<LeaseKeepAliveRequest, LeaseKeepAliveResponse>("LeaseKeepAlive"), (to, it) => to.LeaseKeepAlive = it, (to, it) => to.LeaseKeepAlive = it);
    public static readonly Rpc<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse> LeaseTimeToLive =
        new(Leases.Method<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse>("LeaseTimeToLive"), (to, it) => to.LeaseTimeToLive = it, (to, it) => to.LeaseTimeToLive = it);
    public static readonly Rpc<LeaseLeasesRequest, LeaseLeasesResponse> LeaseLeases =
        new(Leases.Method<LeaseLeasesRequest, LeaseLeasesResponse>("LeaseLeases"), (to, it) => to.LeaseLeases = it, (to, it) => to.LeaseLeases = it);

    public static readonly Rpc<MoveLeaderRequest, MoveLeaderResponse> MoveLeader =
        new(Maintenance.Method<MoveLeaderRequest, MoveLeaderResponse>("MoveLeader"), (to, it) => to.MoveLeader = it, (to, it) => to.MoveLeader = it);
    public static readonly Rpc<DefragmentRequest, DefragmentResponse> Defragment =
        new(Maintenance.Method<DefragmentRequest, DefragmentResponse>("Defragment"), (to, it) => to.Defragment = it, (to, it) => to.Defragment = it);
    public static readonly Rpc<AlarmRequest, AlarmResponse> Alarm =
        new(Maintenance.Method<AlarmRequest, AlarmResponse>("Alarm"), (to, it) => to.Alarm = it, (to, it) => to.Alarm = it);
    public static readonly Rpc<MemberAddRequest, MemberAddResponse> MemberAdd =
        new(Cluster.Method<MemberAddRequest, MemberAddResponse>("MemberAdd"), (to, it) => to.MemberAdd = it, (to, it) => to.MemberAdd = it);
    public static readonly Rpc<MemberRemoveRequest, MemberRemoveResponse> MemberRemove =
        new(Cluster.Method<MemberRemoveRequest, MemberRemoveResponse>("MemberRemove"), (to, it) => to.MemberRemove = it, (to, it) => to.MemberRemove = it);
    public static readonly Rpc<MemberPromoteRequest, MemberPromoteResponse> MemberPromote =
        new(Cluster.Method<MemberPromoteRequest, MemberPromoteResponse>("MemberPromote"), (to, it) => to.MemberPromote = it, (to, it) => to.MemberPromote = it);
    public static readonly Rpc<MemberListRequest, MemberListResponse> MemberList =
        new(Cluster.Method<MemberListRequest, MemberListResponse>("MemberList"), (to, it) => to.MemberList = it, (to, it) => to.MemberList = it);

    /// <summary>Not recorded as operations: the observer's and the audit's questions.</summary>
    public static readonly Method<StatusRequest, StatusResponse> Status = Maintenance.Method<StatusRequest, StatusResponse>("Status");
    public static readonly Method<HashKVRequest, HashKVResponse> HashKV = Maintenance.Method<HashKVRequest, HashKVResponse>("HashKV");
    public static readonly Method<WatchRequest, WatchResponse> Watch = Find("Watch").Method<WatchRequest, WatchResponse>("Watch");

    private static ServiceDescriptor Find(string name) => RpcReflection.Descriptor.FindTypeByName<ServiceDescriptor>(name);
}
