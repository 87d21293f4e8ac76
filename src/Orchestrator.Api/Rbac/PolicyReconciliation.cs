using Orchestrator.Api.MetaV1;
using Orchestrator.Api.RbacV1;

namespace Orchestrator.Api.Rbac;

/// <summary>Brings a role or binding up to what it must at least be: what is missing is added, what users added stays.</summary>
/// <remarks>Each method returns what is to be written, or null when nothing is missing or the object asks to be left alone.</remarks>
public static class PolicyReconciliation
{
    public static ClusterRole? Reconcile(ClusterRole existing, ClusterRole expected)
    {
        if (IsProtected(existing))
            return null;
        var updated = existing.DeepClone();
        bool isChanged = AddMetadata(updated.Metadata, expected.Metadata) | AddRules(updated.Rules ??= [], expected.Rules);
        foreach (var selector in (expected.AggregationRule?.ClusterRoleSelectors).OrEmpty())
        {
            updated.AggregationRule ??= new AggregationRule();
            updated.AggregationRule.ClusterRoleSelectors ??= [];
            if (updated.AggregationRule.ClusterRoleSelectors.Any(selector.DeepEquals))
                continue;
            updated.AggregationRule.ClusterRoleSelectors.Add(selector);
            isChanged = true;
        }
        return isChanged ? updated : null;
    }

    public static Role? Reconcile(Role existing, Role expected)
    {
        if (IsProtected(existing))
            return null;
        var updated = existing.DeepClone();
        bool isChanged = AddMetadata(updated.Metadata, expected.Metadata) | AddRules(updated.Rules ??= [], expected.Rules);
        return isChanged ? updated : null;
    }

    public static ClusterRoleBinding? Reconcile(ClusterRoleBinding existing, ClusterRoleBinding expected)
    {
        if (IsProtected(existing))
            return null;
        var updated = existing.DeepClone();
        bool isChanged = AddMetadata(updated.Metadata, expected.Metadata) | AddSubjects(updated.Subjects ??= [], expected.Subjects);
        return isChanged ? updated : null;
    }

    public static RoleBinding? Reconcile(RoleBinding existing, RoleBinding expected)
    {
        if (IsProtected(existing))
            return null;
        var updated = existing.DeepClone();
        bool isChanged = AddMetadata(updated.Metadata, expected.Metadata) | AddSubjects(updated.Subjects ??= [], expected.Subjects);
        return isChanged ? updated : null;
    }

    private static bool IsProtected(IKubernetesObject existing) =>
        existing.Annotations.TryGetValue(BootstrapPolicy.AutoUpdate, out string? value) && value == "false";

    /// <summary>Adds missing labels and annotations; values that stand there are kept.</summary>
    private static bool AddMetadata(ObjectMeta existing, ObjectMeta expected)
    {
        bool isChanged = false;
        foreach (var (key, value) in expected.Labels.OrEmpty())
            isChanged |= (existing.Labels ??= []).TryAdd(key, value);
        foreach (var (key, value) in expected.Annotations.OrEmpty())
            isChanged |= (existing.Annotations ??= []).TryAdd(key, value);
        return isChanged;
    }

    private static bool AddRules(List<PolicyRule> existing, List<PolicyRule>? expected)
    {
        var missing = RuleCoverage.Uncovered(existing, expected.OrEmpty());
        existing.AddRange(RuleCoverage.Compact(missing));
        return missing.Count > 0;
    }

    private static bool AddSubjects(List<Subject> existing, List<Subject>? expected)
    {
        var missing = expected.OrEmpty().Where(subject => !existing.Any(subject.DeepEquals)).ToList();
        existing.AddRange(missing);
        return missing.Count > 0;
    }
}
