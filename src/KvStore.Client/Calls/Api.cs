using Google.Protobuf.Reflection;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>The methods of etcd's API, and the probe's.</summary>
internal static class Api
{
    private static readonly ServiceDescriptor KVService = Find(RpcReflection.Descriptor, "KV");
    private static readonly ServiceDescriptor WatchService = Find(RpcReflection.Descriptor, "Watch");
    private static readonly ServiceDescriptor LeaseService = Find(RpcReflection.Descriptor, "Lease");
    private static readonly ServiceDescriptor ClusterService = Find(RpcReflection.Descriptor, "Cluster");
    private static readonly ServiceDescriptor MaintenanceService = Find(RpcReflection.Descriptor, "Maintenance");
    private static readonly ServiceDescriptor AuthService = Find(RpcReflection.Descriptor, "Auth");
    private static readonly ServiceDescriptor LockService = Find(V3LockReflection.Descriptor, "Lock");
    private static readonly ServiceDescriptor ElectionService = Find(V3ElectionReflection.Descriptor, "Election");
    private static readonly ServiceDescriptor HealthService = Find(HealthReflection.Descriptor, "Health");

    public static readonly Method<RangeRequest, RangeResponse> Range = KVService.Method<RangeRequest, RangeResponse>("Range");
    public static readonly Method<PutRequest, PutResponse> Put = KVService.Method<PutRequest, PutResponse>("Put");
    public static readonly Method<DeleteRangeRequest, DeleteRangeResponse> DeleteRange =
        KVService.Method<DeleteRangeRequest, DeleteRangeResponse>("DeleteRange");
    public static readonly Method<TxnRequest, TxnResponse> Txn = KVService.Method<TxnRequest, TxnResponse>("Txn");
    public static readonly Method<CompactionRequest, CompactionResponse> Compact =
        KVService.Method<CompactionRequest, CompactionResponse>("Compact");
    public static readonly Method<WatchRequest, WatchResponse> Watch = WatchService.Method<WatchRequest, WatchResponse>("Watch");
    public static readonly Method<LeaseGrantRequest, LeaseGrantResponse> LeaseGrant =
        LeaseService.Method<LeaseGrantRequest, LeaseGrantResponse>("LeaseGrant");
    public static readonly Method<LeaseRevokeRequest, LeaseRevokeResponse> LeaseRevoke =
        LeaseService.Method<LeaseRevokeRequest, LeaseRevokeResponse>("LeaseRevoke");
    public static readonly Method<LeaseKeepAliveRequest, LeaseKeepAliveResponse> LeaseKeepAlive =
        LeaseService.Method<LeaseKeepAliveRequest, LeaseKeepAliveResponse>("LeaseKeepAlive");
    public static readonly Method<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse> LeaseTimeToLive =
        LeaseService.Method<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse>("LeaseTimeToLive");
    public static readonly Method<LeaseLeasesRequest, LeaseLeasesResponse> LeaseLeases =
        LeaseService.Method<LeaseLeasesRequest, LeaseLeasesResponse>("LeaseLeases");
    public static readonly Method<MemberAddRequest, MemberAddResponse> MemberAdd =
        ClusterService.Method<MemberAddRequest, MemberAddResponse>("MemberAdd");
    public static readonly Method<MemberRemoveRequest, MemberRemoveResponse> MemberRemove =
        ClusterService.Method<MemberRemoveRequest, MemberRemoveResponse>("MemberRemove");
    public static readonly Method<MemberUpdateRequest, MemberUpdateResponse> MemberUpdate =
        ClusterService.Method<MemberUpdateRequest, MemberUpdateResponse>("MemberUpdate");
    public static readonly Method<MemberListRequest, MemberListResponse> MemberList =
        ClusterService.Method<MemberListRequest, MemberListResponse>("MemberList");
    public static readonly Method<MemberPromoteRequest, MemberPromoteResponse> MemberPromote =
        ClusterService.Method<MemberPromoteRequest, MemberPromoteResponse>("MemberPromote");
    public static readonly Method<AlarmRequest, AlarmResponse> Alarm =
        MaintenanceService.Method<AlarmRequest, AlarmResponse>("Alarm");
    public static readonly Method<StatusRequest, StatusResponse> Status =
        MaintenanceService.Method<StatusRequest, StatusResponse>("Status");
    public static readonly Method<DefragmentRequest, DefragmentResponse> Defragment =
        MaintenanceService.Method<DefragmentRequest, DefragmentResponse>("Defragment");
    public static readonly Method<HashRequest, HashResponse> Hash = MaintenanceService.Method<HashRequest, HashResponse>("Hash");
    public static readonly Method<HashKVRequest, HashKVResponse> HashKV =
        MaintenanceService.Method<HashKVRequest, HashKVResponse>("HashKV");
    public static readonly Method<SnapshotRequest, SnapshotResponse> Snapshot =
        MaintenanceService.Method<SnapshotRequest, SnapshotResponse>("Snapshot");
    public static readonly Method<MoveLeaderRequest, MoveLeaderResponse> MoveLeader =
        MaintenanceService.Method<MoveLeaderRequest, MoveLeaderResponse>("MoveLeader");
    public static readonly Method<DowngradeRequest, DowngradeResponse> Downgrade =
        MaintenanceService.Method<DowngradeRequest, DowngradeResponse>("Downgrade");
    public static readonly Method<AuthEnableRequest, AuthEnableResponse> AuthEnable =
        AuthService.Method<AuthEnableRequest, AuthEnableResponse>("AuthEnable");
    public static readonly Method<AuthDisableRequest, AuthDisableResponse> AuthDisable =
        AuthService.Method<AuthDisableRequest, AuthDisableResponse>("AuthDisable");
    public static readonly Method<AuthStatusRequest, AuthStatusResponse> AuthStatus =
        AuthService.Method<AuthStatusRequest, AuthStatusResponse>("AuthStatus");
    public static readonly Method<AuthenticateRequest, AuthenticateResponse> Authenticate =
        AuthService.Method<AuthenticateRequest, AuthenticateResponse>("Authenticate");
    public static readonly Method<AuthUserAddRequest, AuthUserAddResponse> UserAdd =
        AuthService.Method<AuthUserAddRequest, AuthUserAddResponse>("UserAdd");
    public static readonly Method<AuthUserGetRequest, AuthUserGetResponse> UserGet =
        AuthService.Method<AuthUserGetRequest, AuthUserGetResponse>("UserGet");
    public static readonly Method<AuthUserListRequest, AuthUserListResponse> UserList =
        AuthService.Method<AuthUserListRequest, AuthUserListResponse>("UserList");
    public static readonly Method<AuthUserDeleteRequest, AuthUserDeleteResponse> UserDelete =
        AuthService.Method<AuthUserDeleteRequest, AuthUserDeleteResponse>("UserDelete");
    public static readonly Method<AuthUserChangePasswordRequest, AuthUserChangePasswordResponse> UserChangePassword =
        AuthService.Method<AuthUserChangePasswordRequest, AuthUserChangePasswordResponse>("UserChangePassword");
    public static readonly Method<AuthUserGrantRoleRequest, AuthUserGrantRoleResponse> UserGrantRole =
        AuthService.Method<AuthUserGrantRoleRequest, AuthUserGrantRoleResponse>("UserGrantRole");
    public static readonly Method<AuthUserRevokeRoleRequest, AuthUserRevokeRoleResponse> UserRevokeRole =
        AuthService.Method<AuthUserRevokeRoleRequest, AuthUserRevokeRoleResponse>("UserRevokeRole");
    public static readonly Method<AuthRoleAddRequest, AuthRoleAddResponse> RoleAdd =
        AuthService.Method<AuthRoleAddRequest, AuthRoleAddResponse>("RoleAdd");
    public static readonly Method<AuthRoleGetRequest, AuthRoleGetResponse> RoleGet =
        AuthService.Method<AuthRoleGetRequest, AuthRoleGetResponse>("RoleGet");
    public static readonly Method<AuthRoleListRequest, AuthRoleListResponse> RoleList =
        AuthService.Method<AuthRoleListRequest, AuthRoleListResponse>("RoleList");
    public static readonly Method<AuthRoleDeleteRequest, AuthRoleDeleteResponse> RoleDelete =
        AuthService.Method<AuthRoleDeleteRequest, AuthRoleDeleteResponse>("RoleDelete");
    public static readonly Method<AuthRoleGrantPermissionRequest, AuthRoleGrantPermissionResponse> RoleGrantPermission =
        AuthService.Method<AuthRoleGrantPermissionRequest, AuthRoleGrantPermissionResponse>("RoleGrantPermission");
    public static readonly Method<AuthRoleRevokePermissionRequest, AuthRoleRevokePermissionResponse> RoleRevokePermission =
        AuthService.Method<AuthRoleRevokePermissionRequest, AuthRoleRevokePermissionResponse>("RoleRevokePermission");
    public static readonly Method<LockRequest, LockResponse> Lock = LockService.Method<LockRequest, LockResponse>("Lock");
    public static readonly Method<UnlockRequest, UnlockResponse> Unlock =
        LockService.Method<UnlockRequest, UnlockResponse>("Unlock");
    public static readonly Method<CampaignRequest, CampaignResponse> Campaign =
        ElectionService.Method<CampaignRequest, CampaignResponse>("Campaign");
    public static readonly Method<ProclaimRequest, ProclaimResponse> Proclaim =
        ElectionService.Method<ProclaimRequest, ProclaimResponse>("Proclaim");
    public static readonly Method<LeaderRequest, LeaderResponse> Leader =
        ElectionService.Method<LeaderRequest, LeaderResponse>("Leader");
    public static readonly Method<LeaderRequest, LeaderResponse> Observe =
        ElectionService.Method<LeaderRequest, LeaderResponse>("Observe");
    public static readonly Method<ResignRequest, ResignResponse> Resign =
        ElectionService.Method<ResignRequest, ResignResponse>("Resign");
    public static readonly Method<HealthCheckRequest, HealthCheckResponse> HealthCheck =
        HealthService.Method<HealthCheckRequest, HealthCheckResponse>("Check");

    private static ServiceDescriptor Find(FileDescriptor file, string name) => file.FindTypeByName<ServiceDescriptor>(name);
}
