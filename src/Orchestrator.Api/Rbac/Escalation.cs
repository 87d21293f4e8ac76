using Orchestrator.Api.RbacV1;

namespace Orchestrator.Api.Rbac;

/// <summary>Nobody gives what they do not hold: the check behind writing roles and bindings.</summary>
public static class Escalation
{
    /// <summary>The refusal of a ClusterRole with an aggregation rule by somebody who does not hold everything.</summary>
    public const string AggregationNeedsFullAuthority = "must have cluster-admin privileges to use the aggregationRule";

    /// <summary>Everything there is.</summary>
    public static IReadOnlyList<PolicyRule> FullAuthority { get; } =
    [
        new PolicyRule { Verbs = ["*"], ApiGroups = ["*"], Resources = ["*"] },
        new PolicyRule { Verbs = ["*"], NonResourceURLs = ["*"] },
    ];

    /// <summary>Null when <paramref name="user"/> holds all of <paramref name="granted"/> in that namespace ("" for the cluster), else the
    /// refusal's text with what is missing, one line a resource.</summary>
    public static string? Refusal(RbacIndex index, string user, IReadOnlyCollection<string> groups, string namespaceName,
        IEnumerable<PolicyRule> granted)
    {
        var held = index.RulesFor(user, groups, namespaceName, out var errors);
        var missing = RuleCoverage.Uncovered(held, granted);
        if (missing.Count == 0)
            return null;
        var lines = RuleCoverage.Compact(missing).Select(RuleCoverage.Describe).Distinct().Order(StringComparer.Ordinal);
        string resolution = errors.Count == 0 ? "" : $"; resolution errors: [{string.Join(' ', errors)}]";
        return $"user {Quoted.Text(user)} (groups={Quoted.List(groups)}) is attempting to grant RBAC permissions not currently held:\n"
            + string.Join('\n', lines) + resolution;
    }
}
