using Orchestrator.Api.Rbac;
using Orchestrator.Api.RbacV1;

namespace Orchestrator.Control.ClusterRoles;

/// <summary>Fills cluster roles that are made of others (admin, edit, view) with those others' rules.</summary>
public static class ClusterRoleAggregationController
{
    public static ControllerDescription Description { get; } = new()
    {
        Name = "clusterrole-aggregation-controller",
        Reconcile = Reconcile,
        Workers = 5,
        Watches = [Watch.On<ClusterRole>(Keys)],
    };

    /// <summary>Any role may be part of any other one, which itself may be part of further ones.</summary>
    private static IEnumerable<NamespacedName> Keys(ClusterRole? before, ClusterRole? after, IObjectCache cache) =>
        cache.List<ClusterRole>().Where(role => role.AggregationRule is not null).Select(role => role.Key);

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<ClusterRole>("", input.Key.Name) is not { AggregationRule: not null } role)
            return Decision.Nothing;
        var rules = RoleAggregation.Rules(role, input.Cache.List<ClusterRole>());
        if (RoleAggregation.AreSame(rules, role.Rules.OrEmpty()))
            return Decision.Nothing;
        var changed = role.DeepClone();
        changed.Rules = rules;
        return Decision.Of(new Update(changed));
    }
}
