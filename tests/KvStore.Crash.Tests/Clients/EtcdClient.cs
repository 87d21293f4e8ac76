using Google.Protobuf;
using Google.Protobuf.Reflection;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Crash.Tests.Clients;

/// <summary>The calls of etcd's API that the tests make, over a connection of its own.</summary>
internal sealed class EtcdClient(string url) : IDisposable
{
    private static readonly Method<RangeRequest, RangeResponse> RangeMethod = Service("KV").Method<RangeRequest, RangeResponse>("Range");
    private static readonly Method<PutRequest, PutResponse> PutMethod = Service("KV").Method<PutRequest, PutResponse>("Put");
    private static readonly Method<DeleteRangeRequest, DeleteRangeResponse> DeleteMethod =
        Service("KV").Method<DeleteRangeRequest, DeleteRangeResponse>("DeleteRange");
    private static readonly Method<TxnRequest, TxnResponse> TxnMethod = Service("KV").Method<TxnRequest, TxnResponse>("Txn");
    private static readonly Method<CompactionRequest, CompactionResponse> CompactMethod =
        Service("KV").Method<CompactionRequest, CompactionResponse>("Compact");
    private static readonly Method<LeaseGrantRequest, LeaseGrantResponse> GrantMethod =
        Service("Lease").Method<LeaseGrantRequest, LeaseGrantResponse>("LeaseGrant");
    private static readonly Method<LeaseRevokeRequest, LeaseRevokeResponse> RevokeMethod =
        Service("Lease").Method<LeaseRevokeRequest, LeaseRevokeResponse>("LeaseRevoke");
    private static readonly Method<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse> TimeToLiveMethod =
        Service("Lease").Method<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse>("LeaseTimeToLive");
    private static readonly Method<LeaseLeasesRequest, LeaseLeasesResponse> LeasesMethod =
        Service("Lease").Method<LeaseLeasesRequest, LeaseLeasesResponse>("LeaseLeases");
    private static readonly Method<AlarmRequest, AlarmResponse> AlarmMethod = Service("Maintenance").Method<AlarmRequest, AlarmResponse>("Alarm");
    private static readonly Method<StatusRequest, StatusResponse> StatusMethod =
        Service("Maintenance").Method<StatusRequest, StatusResponse>("Status");
    private static readonly Method<DefragmentRequest, DefragmentResponse> DefragmentMethod =
        Service("Maintenance").Method<DefragmentRequest, DefragmentResponse>("Defragment");
    private static readonly Method<HashKVRequest, HashKVResponse> HashKvMethod =
        Service("Maintenance").Method<HashKVRequest, HashKVResponse>("HashKV");
    private static readonly Method<MoveLeaderRequest, MoveLeaderResponse> MoveLeaderMethod =
        Service("Maintenance").Method<MoveLeaderRequest, MoveLeaderResponse>("MoveLeader");
    private static readonly Method<MemberListRequest, MemberListResponse> MembersMethod =
        Service("Cluster").Method<MemberListRequest, MemberListResponse>("MemberList");
    private static readonly Method<MemberAddRequest, MemberAddResponse> AddMemberMethod =
        Service("Cluster").Method<MemberAddRequest, MemberAddResponse>("MemberAdd");
    private static readonly Method<MemberRemoveRequest, MemberRemoveResponse> RemoveMemberMethod =
        Service("Cluster").Method<MemberRemoveRequest, MemberRemoveResponse>("MemberRemove");
    private static readonly Method<MemberUpdateRequest, MemberUpdateResponse> UpdateMemberMethod =
        Service("Cluster").Method<MemberUpdateRequest, MemberUpdateResponse>("MemberUpdate");
    private static readonly Method<MemberPromoteRequest, MemberPromoteResponse> PromoteMemberMethod =
        Service("Cluster").Method<MemberPromoteRequest, MemberPromoteResponse>("MemberPromote");
    private static readonly Method<LeaseKeepAliveRequest, LeaseKeepAliveResponse> KeepAliveMethod =
        Service("Lease").Method<LeaseKeepAliveRequest, LeaseKeepAliveResponse>("LeaseKeepAlive");
    private static readonly Method<WatchRequest, WatchResponse> WatchMethod = Service("Watch").Method<WatchRequest, WatchResponse>("Watch");

    private readonly GrpcChannel _channel = GrpcChannel.ForAddress(url, new GrpcChannelOptions { MaxReceiveMessageSize = 512 << 20 });

    /// <summary>Covers all keys, as key and as range end.</summary>
    public static ByteString AllKeys { get; } = ByteString.CopyFrom([0]);

    /// <summary>What was asked last, for a failure to say so.</summary>
    public string LastMethod { get; private set; } = "";

    /// <summary>Sent with every call.</summary>
    public Metadata? Headers { get; init; }

    public static ServiceDescriptor Service(string name) => RpcReflection.Descriptor.Services.Single(service => service.Name == name);

    public Task<RangeResponse> RangeAsync(RangeRequest request) => CallAsync(RangeMethod, request);

    public Task<RangeResponse> GetAsync(string key) => RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8(key) });

    public Task<RangeResponse> GetAllAsync(long revision = 0) =>
        RangeAsync(new RangeRequest { Key = AllKeys, RangeEnd = AllKeys, Revision = revision });

    public Task<PutResponse> PutAsync(PutRequest request) => CallAsync(PutMethod, request);

    public Task<PutResponse> PutAsync(string key, string value, long lease = 0) =>
        PutAsync(new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFromUtf8(value), Lease = lease });

    public Task<DeleteRangeResponse> DeleteAsync(DeleteRangeRequest request) => CallAsync(DeleteMethod, request);

    public Task<DeleteRangeResponse> DeleteAsync(string key) =>
        DeleteAsync(new DeleteRangeRequest { Key = ByteString.CopyFromUtf8(key) });

    public Task<TxnResponse> TxnAsync(TxnRequest request) => CallAsync(TxnMethod, request);

    public Task<CompactionResponse> CompactAsync(long revision, bool physical = false) =>
        CallAsync(CompactMethod, new CompactionRequest { Revision = revision, Physical = physical });

    public Task<LeaseGrantResponse> GrantAsync(long id, long ttlSeconds) =>
        CallAsync(GrantMethod, new LeaseGrantRequest { ID = id, TTL = ttlSeconds });

    public Task<LeaseRevokeResponse> RevokeAsync(long id) => CallAsync(RevokeMethod, new LeaseRevokeRequest { ID = id });

    public Task<LeaseTimeToLiveResponse> TimeToLiveAsync(long id) =>
        CallAsync(TimeToLiveMethod, new LeaseTimeToLiveRequest { ID = id, Keys = true });

    public Task<LeaseLeasesResponse> LeasesAsync() => CallAsync(LeasesMethod, new LeaseLeasesRequest());

    public Task<StatusResponse> StatusAsync() => CallAsync(StatusMethod, new StatusRequest());

    public Task<DefragmentResponse> DefragmentAsync() => CallAsync(DefragmentMethod, new DefragmentRequest());

    public Task<AlarmResponse> AlarmsAsync() => CallAsync(AlarmMethod, new AlarmRequest());

    public Task<HashKVResponse> HashKvAsync(long revision) => CallAsync(HashKvMethod, new HashKVRequest { Revision = revision });

    public Task MoveLeaderAsync(ulong target) => CallAsync(MoveLeaderMethod, new MoveLeaderRequest { TargetID = target });

    public Task<MemberListResponse> MembersAsync(bool linearizable = true) =>
        CallAsync(MembersMethod, new MemberListRequest { Linearizable = linearizable });

    public Task<MemberAddResponse> AddMemberAsync(string peerUrl, bool isLearner = false) =>
        CallAsync(AddMemberMethod, new MemberAddRequest { PeerURLs = { peerUrl }, IsLearner = isLearner });

    public Task<MemberRemoveResponse> RemoveMemberAsync(ulong id) => CallAsync(RemoveMemberMethod, new MemberRemoveRequest { ID = id });

    public Task<MemberUpdateResponse> UpdateMemberAsync(ulong id, string peerUrl) =>
        CallAsync(UpdateMemberMethod, new MemberUpdateRequest { ID = id, PeerURLs = { peerUrl } });

    public Task<MemberPromoteResponse> PromoteMemberAsync(ulong id) => CallAsync(PromoteMemberMethod, new MemberPromoteRequest { ID = id });

    public Task<AlarmResponse> DisarmAsync(AlarmMember alarm) => CallAsync(
        AlarmMethod,
        new AlarmRequest { Action = AlarmRequest.Types.AlarmAction.Deactivate, Alarm = alarm.Alarm, MemberID = alarm.MemberID });

    /// <summary>Renews a lease once.</summary>
    /// <returns>Its TTL from now on; 0 for one that is not there.</returns>
    public async Task<long> KeepAliveAsync(long lease)
    {
        using var call = _channel.AsyncDuplexStreamingCall(KeepAliveMethod, null, new CallOptions(Headers, DateTime.UtcNow + Limits.Patience));
        await call.RequestStream.WriteAsync(new LeaseKeepAliveRequest { ID = lease });
        await call.ResponseStream.MoveNext();
        await call.RequestStream.CompleteAsync();
        return call.ResponseStream.Current.TTL;
    }

    /// <summary>A watch of all keys from this revision on; the stream lives until it is disposed.</summary>
    public async Task<AsyncDuplexStreamingCall<WatchRequest, WatchResponse>> WatchAsync(long fromRevision)
    {
        var call = _channel.AsyncDuplexStreamingCall(WatchMethod, null, new CallOptions(Headers));
        try
        {
            await call.RequestStream.WriteAsync(new WatchRequest
            {
                CreateRequest = new WatchCreateRequest { Key = AllKeys, RangeEnd = AllKeys, StartRevision = fromRevision },
            });
            return call;
        }
        catch
        {
            call.Dispose();
            throw;
        }
    }

    public void Dispose() => _channel.Dispose();

    private async Task<TResponse> CallAsync<TRequest, TResponse>(Method<TRequest, TResponse> method, TRequest request)
    {
        LastMethod = method.FullName;
        var options = new CallOptions(Headers, DateTime.UtcNow + Limits.Patience);
        using var call = _channel.AsyncUnaryCall(method, null, options, request);
        return await call;
    }
}
