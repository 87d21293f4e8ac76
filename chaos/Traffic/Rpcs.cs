using Google.Protobuf.Reflection;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>The methods that are called and recorded, and below those that are only called.</summary>
internal static class Rpcs
{
    private static readonly ServiceDescriptor KV = Find("KV");
    private static readonly ServiceDescriptor Leases = Find("Lease");
    private static readonly ServiceDescriptor Cluster = Find("Cluster");
    private static readonly ServiceDescriptor Maintenance = Find("Maintenance");

    public static readonly Rpc<RangeRequest, RangeResponse> Range = new(KV, "Range");
    public static readonly Rpc<PutRequest, PutResponse> Put = new(KV, "Put");
    public static readonly Rpc<DeleteRangeRequest, DeleteRangeResponse> DeleteRange = new(KV, "DeleteRange");
    public static readonly Rpc<TxnRequest, TxnResponse> Txn = new(KV, "Txn");
    public static readonly Rpc<CompactionRequest, CompactionResponse> Compact = new(KV, "Compact");

    public static readonly Rpc<LeaseGrantRequest, LeaseGrantResponse> LeaseGrant = new(Leases, "LeaseGrant");
    public static readonly Rpc<LeaseRevokeRequest, LeaseRevokeResponse> LeaseRevoke = new(Leases, "LeaseRevoke");
    public static readonly Rpc<LeaseKeepAliveRequest, LeaseKeepAliveResponse> LeaseKeepAlive = new(Leases, "LeaseKeepAlive");
    public static readonly Rpc<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse> LeaseTimeToLive = new(Leases, "LeaseTimeToLive");
    public static readonly Rpc<LeaseLeasesRequest, LeaseLeasesResponse> LeaseLeases = new(Leases, "LeaseLeases");

    public static readonly Rpc<MoveLeaderRequest, MoveLeaderResponse> MoveLeader = new(Maintenance, "MoveLeader");
    public static readonly Rpc<DefragmentRequest, DefragmentResponse> Defragment = new(Maintenance, "Defragment");
    public static readonly Rpc<AlarmRequest, AlarmResponse> Alarm = new(Maintenance, "Alarm");
    public static readonly Rpc<MemberAddRequest, MemberAddResponse> MemberAdd = new(Cluster, "MemberAdd");
    public static readonly Rpc<MemberRemoveRequest, MemberRemoveResponse> MemberRemove = new(Cluster, "MemberRemove");
    public static readonly Rpc<MemberPromoteRequest, MemberPromoteResponse> MemberPromote = new(Cluster, "MemberPromote");
    public static readonly Rpc<MemberListRequest, MemberListResponse> MemberList = new(Cluster, "MemberList");

    public static readonly Method<StatusRequest, StatusResponse> Status =
        Maintenance.Method<StatusRequest, StatusResponse>("Status");
    public static readonly Method<HashKVRequest, HashKVResponse> HashKV =
        Maintenance.Method<HashKVRequest, HashKVResponse>("HashKV");
    public static readonly Method<WatchRequest, WatchResponse> Watch = Find("Watch").Method<WatchRequest, WatchResponse>("Watch");

    private static ServiceDescriptor Find(string name) => RpcReflection.Descriptor.FindTypeByName<ServiceDescriptor>(name);
}
