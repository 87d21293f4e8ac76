using Orchestrator.Api.Rbac;
using Orchestrator.Api.RbacV1;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Authorization;

/// <summary>RBAC over the roles and bindings as this server's watch caches have them.</summary>
internal sealed class RbacAuthorizer(IObjectReader objects) : IAuthorizer
{
    // Whoever sees a change first makes the new index; two at once make it twice, which does no harm.
    private volatile Snapshot? _snapshot;

    public async ValueTask<AuthorizationDecision> AuthorizeAsync(RequestAttributes request, CancellationToken cancellationToken)
    {
        var index = await IndexAsync(cancellationToken);
        var decision = index.Authorize(request.ToAccessRequest());
        return new(decision.IsAllowed, decision.Reason);
    }

    /// <summary>The lists are the same instances until something changes, so the index is made anew only then.</summary>
    public async ValueTask<RbacIndex> IndexAsync(CancellationToken cancellationToken)
    {
        var clusterRoles = await objects.ListAsync<ClusterRole>(null, cancellationToken);
        var clusterRoleBindings = await objects.ListAsync<ClusterRoleBinding>(null, cancellationToken);
        var roles = await objects.ListAsync<Role>(null, cancellationToken);
        var roleBindings = await objects.ListAsync<RoleBinding>(null, cancellationToken);
        var snapshot = _snapshot;
        bool isCurrent = snapshot is not null && ReferenceEquals(snapshot.ClusterRoles, clusterRoles)
            && ReferenceEquals(snapshot.ClusterRoleBindings, clusterRoleBindings)
            && ReferenceEquals(snapshot.Roles, roles) && ReferenceEquals(snapshot.RoleBindings, roleBindings);
        if (!isCurrent)
        {
            var index = new RbacIndex(clusterRoles, clusterRoleBindings, roles, roleBindings);
            _snapshot = snapshot = new(clusterRoles, clusterRoleBindings, roles, roleBindings, index);
        }
        return snapshot!.Index;
    }

    private sealed record Snapshot(
        IReadOnlyList<ClusterRole> ClusterRoles, IReadOnlyList<ClusterRoleBinding> ClusterRoleBindings,
        IReadOnlyList<Role> Roles, IReadOnlyList<RoleBinding> RoleBindings, RbacIndex Index);
}
