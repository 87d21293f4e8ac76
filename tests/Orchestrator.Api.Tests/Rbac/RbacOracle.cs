using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Orchestrator.Api.Rbac;
using Orchestrator.Api.RbacV1;

namespace Orchestrator.Api.Tests.Rbac;

/// <summary>RBAC done slowly and plainly: every binding, every subject and every rule is looked at, and each field is a pattern.</summary>
internal static class RbacOracle
{
    private static readonly ConcurrentDictionary<(PolicyRule Rule, bool IsResource), Regex[]> Made = new();

    public static bool Allows(RbacBuilder policy, AccessRequest request)
    {
        foreach (var binding in policy.ClusterRoleBindings)
        {
            if (Names(binding.Subjects, "", request) && RulesOf(policy, binding.RoleRef!, "").Any(rule => Matches(rule, request)))
                return true;
        }
        foreach (var binding in policy.RoleBindings)
        {
            bool isThere = request.IsResourceRequest && request.Namespace != "" && binding.Metadata.Namespace == request.Namespace;
            if (isThere && Names(binding.Subjects, binding.Metadata.Namespace!, request)
                && RulesOf(policy, binding.RoleRef!, binding.Metadata.Namespace!).Any(rule => Matches(rule, request)))
                return true;
        }
        return false;
    }

    private static IEnumerable<PolicyRule> RulesOf(RbacBuilder policy, RoleRef role, string ns) => role.Kind == "ClusterRole"
        ? policy.ClusterRoles.Where(found => found.Metadata.Name == role.Name).SelectMany(found => found.Rules ?? [])
        : policy.Roles.Where(found => found.Metadata.Name == role.Name && found.Metadata.Namespace == ns).SelectMany(found => found.Rules ?? []);

    private static bool Names(List<Subject>? subjects, string bindingNamespace, AccessRequest request) => (subjects ?? []).Any(subject => subject.Kind switch
    {
        "User" => request.User == subject.Name,
        "Group" => request.Groups.Contains(subject.Name!),
        "ServiceAccount" => (subject.Namespace ?? bindingNamespace) is { Length: > 0 } ns && request.User == $"system:serviceaccount:{ns}:{subject.Name}",
        _ => false,
    });

    private static bool Matches(PolicyRule rule, AccessRequest request)
    {
        string subject = request.IsResourceRequest
            ? $"{request.Verb} {request.Group}#{request.Resource}{(request.Subresource == "" ? "" : "/" + request.Subresource)}#{request.Name}"
            : $"{request.Verb} {request.Path}";
        var patterns = Made.GetOrAdd((rule, request.IsResourceRequest), static key =>
            [.. Patterns(key.Rule, key.IsResource).Select(pattern => new Regex($"^{pattern}$", RegexOptions.Singleline))]);
        return patterns.Any(pattern => pattern.IsMatch(subject));
    }

    private static IEnumerable<string> Patterns(PolicyRule rule, bool isResource)
    {
        foreach (string verb in rule.Verbs ?? [])
        {
            string verbPattern = verb == "*" ? "[^ ]*" : Regex.Escape(verb);
            foreach (string url in isResource ? [] : rule.NonResourceURLs ?? [])
                yield return $"{verbPattern} {(url.EndsWith('*') ? Regex.Escape(url.TrimEnd('*')) + ".*" : Regex.Escape(url))}";
            foreach (string group in isResource ? rule.ApiGroups ?? [] : [])
            {
                foreach (string resource in rule.Resources ?? [])
                {
                    string resourcePattern = resource == "*" ? "[^#]*"
                        : resource.StartsWith("*/") ? "[^#/]*" + Regex.Escape(resource[1..]) : Regex.Escape(resource);
                    string names = rule.ResourceNames is { Count: > 0 } list ? $"({string.Join('|', list.Select(Regex.Escape))})" : ".*";
                    yield return $"{verbPattern} {(group == "*" ? "[^#]*" : Regex.Escape(group))}#{resourcePattern}#{names}";
                }
            }
        }
    }
}
