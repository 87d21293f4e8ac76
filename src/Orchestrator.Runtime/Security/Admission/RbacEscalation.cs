using Orchestrator.Api;
using Orchestrator.Api.Rbac;
using Orchestrator.Api.RbacV1;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security.Authorization;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>Roles and bindings give only what their writer holds, unless they may escalate or bind.</summary>
/// <remarks>In Kubernetes the check stands in front of the roles' storage; here it is the last of the plugins that look at them.</remarks>
internal sealed class RbacEscalation(IAuthorizer authorizer, RbacAuthorizer rbac) : IAdmissionPlugin
{
    public string Name => "RbacEscalationCheck";

    public async ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request.Resource.Group != BootstrapPolicy.GroupName || request.IsSubresource || request.IsDelete()
            || request.User.IsMember(UserInfo.Masters))
            return;
        // Labels are looked at, too: by them other roles take this one's rules in.
        if (request.OldObject is { } old && AreSameButForOwners(request.Object!, old))
            return;
        switch (request.Object)
        {
            case ClusterRole role:
                await CheckClusterRoleAsync(request, role, request.OldObject as ClusterRole, cancellationToken);
                break;
            case Role role:
                await CheckRulesAsync(request, role.Rules.OrEmpty(), cancellationToken);
                break;
            case ClusterRoleBinding binding:
                await CheckBindingAsync(request, binding.RoleRef, cancellationToken);
                break;
            case RoleBinding binding:
                await CheckBindingAsync(request, binding.RoleRef, cancellationToken);
                break;
        }
    }

    private async ValueTask CheckClusterRoleAsync(AdmissionRequest request, ClusterRole role, ClusterRole? old, CancellationToken cancellationToken)
    {
        if (await MayEscalateAsync(request, cancellationToken))
            return;
        await CheckRulesAsync(request, role.Rules.OrEmpty(), cancellationToken, isEscalateChecked: true);
        if (role.AggregationRule is null && old?.AggregationRule is null)
            return;
        var index = await rbac.IndexAsync(cancellationToken);
        if (Escalation.Refusal(index, request.User.Name, request.User.Groups, "", Escalation.FullAuthority) is not null)
            throw AdmissionRefusals.Forbidden(request, Escalation.AggregationNeedsFullAuthority);
    }

    private async ValueTask CheckRulesAsync(
        AdmissionRequest request, List<PolicyRule> rules, CancellationToken cancellationToken, bool isEscalateChecked = false)
    {
        if (!isEscalateChecked && await MayEscalateAsync(request, cancellationToken))
            return;
        var index = await rbac.IndexAsync(cancellationToken);
        if (Escalation.Refusal(index, request.User.Name, request.User.Groups, request.Namespace, rules) is { } refusal)
            throw AdmissionRefusals.Forbidden(request, refusal);
    }

    private async ValueTask CheckBindingAsync(AdmissionRequest request, RoleRef? role, CancellationToken cancellationToken)
    {
        if (role is null || await MayBindAsync(request, role, cancellationToken))
            return;
        var index = await rbac.IndexAsync(cancellationToken);
        var rules = index.RulesOf(role, request.Namespace, out string? error);
        if (error is not null)
        {
            string resource = role.Kind == "ClusterRole" ? "clusterroles" : "roles";
            throw ApiErrors.NotFound(new GroupResource(BootstrapPolicy.GroupName, resource), role.Name ?? "");
        }
        if (Escalation.Refusal(index, request.User.Name, request.User.Groups, request.Namespace, rules) is { } refusal)
            throw AdmissionRefusals.Forbidden(request, refusal);
    }

    private async ValueTask<bool> MayEscalateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        var attributes = RequestAttributes.ForResource(request.User, "escalate", request.Resource.Group, request.Resource.Version,
            request.Resource.Resource, request.Namespace, request.Object!.Name);
        return (await authorizer.AuthorizeAsync(attributes, cancellationToken)).IsAllowed;
    }

    private async ValueTask<bool> MayBindAsync(AdmissionRequest request, RoleRef role, CancellationToken cancellationToken)
    {
        string resource = role.Kind == "ClusterRole" ? "clusterroles" : "roles";
        var attributes = RequestAttributes.ForResource(request.User, "bind", BootstrapPolicy.GroupName, "v1", resource, request.Namespace, role.Name ?? "");
        return (await authorizer.AuthorizeAsync(attributes, cancellationToken)).IsAllowed;
    }

    /// <summary>Owners and finalizers give nobody anything: the garbage collector changes them without holding what the object grants.</summary>
    private static bool AreSameButForOwners(IKubernetesObject updated, IKubernetesObject old)
    {
        return Rest(updated).AsSpan().SequenceEqual(Rest(old));

        static byte[] Rest(IKubernetesObject value)
        {
            var rest = value.DeepClone();
            rest.Metadata.OwnerReferences = null;
            rest.Metadata.Finalizers = null;
            rest.Metadata.ManagedFields = null;
            return KubernetesJson.Serialize(rest);
        }
    }
}
