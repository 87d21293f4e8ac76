using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Authorization;

/// <summary>Masters may do everything; then nodes' own rules, then RBAC. One that allows suffices.</summary>
internal sealed class ClusterAuthorizer(NodeAuthorizer nodes, RbacAuthorizer rbac) : IAuthorizer
{
    public async ValueTask<AuthorizationDecision> AuthorizeAsync(RequestAttributes request, CancellationToken cancellationToken)
    {
        if (request.User.IsMember(UserInfo.Masters))
            return AuthorizationDecision.Allow();
        var byNode = await nodes.AuthorizeAsync(request, cancellationToken);
        if (byNode.IsAllowed)
            return byNode;
        var byRole = await rbac.AuthorizeAsync(request, cancellationToken);
        if (byRole.IsAllowed || byNode.Reason.Length == 0)
            return byRole;
        return AuthorizationDecision.Deny(byRole.Reason.Length == 0 ? byNode.Reason : $"{byNode.Reason}\n{byRole.Reason}");
    }
}
