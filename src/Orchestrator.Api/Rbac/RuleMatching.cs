using Orchestrator.Api.RbacV1;

namespace Orchestrator.Api.Rbac;

/// <summary>Does one rule allow one request?</summary>
public static class RuleMatching
{
    public const string All = "*";

    public static bool Allows(PolicyRule rule, AccessRequest request)
    {
        if (!HasOrAll(rule.Verbs, request.Verb))
            return false;
        if (!request.IsResourceRequest)
            return MatchesPath(rule, request.Path);
        return HasOrAll(rule.ApiGroups, request.Group) && MatchesResource(rule, request) && MatchesName(rule, request.Name);
    }

    public static bool Allows(IEnumerable<PolicyRule> rules, AccessRequest request)
    {
        foreach (var rule in rules)
        {
            if (Allows(rule, request))
                return true;
        }
        return false;
    }

    private static bool HasOrAll(List<string>? values, string wanted)
    {
        foreach (string value in values.OrEmpty())
        {
            if (value == All || value == wanted)
                return true;
        }
        return false;
    }

    /// <summary>"*" is every resource and every subresource, "*/scale" that subresource of every resource.</summary>
    private static bool MatchesResource(PolicyRule rule, AccessRequest request)
    {
        string combined = request.CombinedResource;
        foreach (string resource in rule.Resources.OrEmpty())
        {
            if (resource == All || resource == combined)
                return true;
            bool isOfAll = request.Subresource.Length > 0 && resource.Length == request.Subresource.Length + 2
                && resource.StartsWith("*/", StringComparison.Ordinal) && resource.EndsWith(request.Subresource, StringComparison.Ordinal);
            if (isOfAll)
                return true;
        }
        return false;
    }

    /// <summary>A rule with names never allows what has no name yet: list, watch, create, deletecollection.</summary>
    private static bool MatchesName(PolicyRule rule, string name) =>
        rule.ResourceNames is not { Count: > 0 } names || names.Contains(name);

    private static bool MatchesPath(PolicyRule rule, string path)
    {
        foreach (string url in rule.NonResourceURLs.OrEmpty())
        {
            if (url == All || url == path)
                return true;
            if (url.EndsWith('*') && path.StartsWith(url.TrimEnd('*'), StringComparison.Ordinal))
                return true;
        }
        return false;
    }
}
