using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>Users, roles and their permissions; most calls are for root alone.</summary>
/// <remarks>Gets, lists and the status are reads: made again elsewhere while there is time. The others are writes: a refusal, or
/// a call never sent, is an <see cref="EtcdException"/> and has changed nothing; one sent and not answered is an
/// <see cref="UnknownOutcomeException"/>.</remarks>
public sealed class AuthClient
{
    private readonly CallRunner _calls;

    internal AuthClient(CallRunner calls) => _calls = calls;

    /// <summary>Turns authentication on; a user root with the role root must exist.</summary>
    public Task<AuthEnableResponse> EnableAsync(RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.AuthEnable, new AuthEnableRequest(), options, cancellationToken);

    public Task<AuthDisableResponse> DisableAsync(
        RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.AuthDisable, new AuthDisableRequest(), options, cancellationToken);

    public Task<AuthStatusResponse> StatusAsync(RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.ReadAsync(Api.AuthStatus, new AuthStatusRequest(), options, cancellationToken);

    public Task<AuthUserAddResponse> UserAddAsync(
        string name, string password, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.UserAdd, new AuthUserAddRequest { Name = name, Password = password }, options, cancellationToken);

    /// <summary>The roles of a user.</summary>
    public Task<AuthUserGetResponse> UserGetAsync(
        string name, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.ReadAsync(Api.UserGet, new AuthUserGetRequest { Name = name }, options, cancellationToken);

    public Task<AuthUserListResponse> UserListAsync(
        RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.ReadAsync(Api.UserList, new AuthUserListRequest(), options, cancellationToken);

    public Task<AuthUserDeleteResponse> UserDeleteAsync(
        string name, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.UserDelete, new AuthUserDeleteRequest { Name = name }, options, cancellationToken);

    public Task<AuthUserChangePasswordResponse> UserChangePasswordAsync(
        string name, string password, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(
            Api.UserChangePassword, new AuthUserChangePasswordRequest { Name = name, Password = password }, options,
            cancellationToken);

    public Task<AuthUserGrantRoleResponse> UserGrantRoleAsync(
        string user, string role, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(
            Api.UserGrantRole, new AuthUserGrantRoleRequest { User = user, Role = role }, options, cancellationToken);

    public Task<AuthUserRevokeRoleResponse> UserRevokeRoleAsync(
        string user, string role, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(
            Api.UserRevokeRole, new AuthUserRevokeRoleRequest { Name = user, Role = role }, options, cancellationToken);

    public Task<AuthRoleAddResponse> RoleAddAsync(
        string name, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.RoleAdd, new AuthRoleAddRequest { Name = name }, options, cancellationToken);

    /// <summary>The permissions of a role.</summary>
    public Task<AuthRoleGetResponse> RoleGetAsync(
        string name, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.ReadAsync(Api.RoleGet, new AuthRoleGetRequest { Role = name }, options, cancellationToken);

    public Task<AuthRoleListResponse> RoleListAsync(
        RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.ReadAsync(Api.RoleList, new AuthRoleListRequest(), options, cancellationToken);

    public Task<AuthRoleDeleteResponse> RoleDeleteAsync(
        string name, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.RoleDelete, new AuthRoleDeleteRequest { Role = name }, options, cancellationToken);

    /// <summary>Allows the role to read, write, or both; a grant on the same range takes the place of the one before.</summary>
    public Task<AuthRoleGrantPermissionResponse> RoleGrantPermissionAsync(
        string role, Permission.Types.Type type, KeyRange range,
        RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.RoleGrantPermission, new AuthRoleGrantPermissionRequest
        {
            Name = role,
            Perm = new Permission { PermType = type, Key = range.Key, RangeEnd = range.End },
        }, options, cancellationToken);

    public Task<AuthRoleRevokePermissionResponse> RoleRevokePermissionAsync(
        string role, KeyRange range, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(
            Api.RoleRevokePermission,
            new AuthRoleRevokePermissionRequest { Role = role, Key = range.Key, RangeEnd = range.End }, options,
            cancellationToken);
}
