using Orchestrator.Api.RbacV1;
using Orchestrator.Api.Selectors;

namespace Orchestrator.Api.Rbac;

/// <summary>The rules of a ClusterRole with an aggregation rule: those of all ClusterRoles that its selectors choose.</summary>
public static class RoleAggregation
{
    /// <summary>The rules that <paramref name="role"/> must have now: in the order of selectors, then of names, each once.</summary>
    public static List<PolicyRule> Rules(ClusterRole role, IEnumerable<ClusterRole> all)
    {
        var others = all.Where(other => other.Name != role.Name).OrderBy(other => other.Name, StringComparer.Ordinal).ToList();
        var rules = new List<PolicyRule>();
        foreach (var labels in (role.AggregationRule?.ClusterRoleSelectors).OrEmpty())
        {
            var selector = Selector.Of(labels);
            foreach (var rule in others.Where(other => selector.Matches(other.Labels)).SelectMany(other => other.Rules.OrEmpty()))
            {
                if (!rules.Any(rule.DeepEquals))
                    rules.Add(rule.DeepClone());
            }
        }
        return rules;
    }

    /// <summary>All aggregating roles of <paramref name="all"/> whose rules are not what they must be, with their new rules.
    /// Roles may aggregate aggregating roles: every result is computed to its end, so that one writing suffices.</summary>
    public static List<ClusterRole> OutOfDate(IReadOnlyCollection<ClusterRole> all)
    {
        var current = all.ToDictionary(role => role.Name);
        var aggregating = all.Where(role => role.AggregationRule is not null).Select(role => role.Name)
            .Order(StringComparer.Ordinal).ToList();
        var changed = new HashSet<string>();
        // A round lets rules climb one level; there are no more levels than aggregating roles.
        for (int round = 0; round < aggregating.Count; round++)
        {
            bool isSettled = true;
            foreach (string name in aggregating)
            {
                var rules = Rules(current[name], current.Values);
                if (AreSame(rules, current[name].Rules.OrEmpty()))
                    continue;
                var updated = current[name].DeepClone();
                updated.Rules = rules;
                current[name] = updated;
                changed.Add(name);
                isSettled = false;
            }
            if (isSettled)
                break;
        }
        return [.. changed.Order(StringComparer.Ordinal).Select(name => current[name])];
    }

    public static bool AreSame(IReadOnlyList<PolicyRule> some, IReadOnlyList<PolicyRule> others) =>
        some.Count == others.Count && some.Zip(others).All(pair => pair.First.DeepEquals(pair.Second));
}
