using Orchestrator.Api.RbacV1;

namespace Orchestrator.Api.Rbac;

/// <summary>Do the rules that somebody holds cover the rules that they want to give?</summary>
public static class RuleCoverage
{
    /// <summary>What of <paramref name="wanted"/> no single rule of <paramref name="held"/> covers, broken down to one verb on one
    /// thing; empty when all is covered.</summary>
    public static List<PolicyRule> Uncovered(IReadOnlyCollection<PolicyRule> held, IEnumerable<PolicyRule> wanted)
    {
        var uncovered = new List<PolicyRule>();
        foreach (var atom in wanted.SelectMany(BreakDown))
        {
            if (!held.Any(rule => Covers(rule, atom)))
                uncovered.Add(atom);
        }
        return uncovered;
    }

    /// <summary>One verb on one resource (of one name) or path each.</summary>
    public static IEnumerable<PolicyRule> BreakDown(PolicyRule rule)
    {
        foreach (string group in rule.ApiGroups.OrEmpty())
        {
            foreach (string resource in rule.Resources.OrEmpty())
            {
                foreach (string verb in rule.Verbs.OrEmpty())
                {
                    foreach (var atom in WithNames(rule, group, resource, verb))
                        yield return atom;
                }
            }
        }
        foreach (string url in rule.NonResourceURLs.OrEmpty())
        {
            foreach (string verb in rule.Verbs.OrEmpty())
                yield return new PolicyRule { Verbs = [verb], NonResourceURLs = [url] };
        }
    }

    /// <summary>Joins atoms that differ in their verb alone: a message then has one line a resource.</summary>
    public static List<PolicyRule> Compact(IEnumerable<PolicyRule> rules)
    {
        var compacted = new List<PolicyRule>();
        var simple = new Dictionary<(string Group, string Resource, string? Name), PolicyRule>();
        foreach (var rule in rules)
        {
            bool isSimple = rule is { ApiGroups.Count: 1, Resources.Count: 1 }
                && rule.ResourceNames.OrEmpty().Count <= 1 && rule.NonResourceURLs.OrEmpty().Count == 0;
            if (!isSimple)
                compacted.Add(rule);
            else
                Join(simple, rule);
        }
        compacted.AddRange(simple.Values);
        return compacted;
    }

    /// <summary><c>{APIGroups:[""], Resources:["pods"], Verbs:["get"]}</c></summary>
    public static string Describe(PolicyRule rule)
    {
        var parts = new List<string>();
        void Add(string name, List<string>? values)
        {
            if (values is { Count: > 0 })
                parts.Add($"{name}:{Quoted.List(values)}");
        }
        Add("APIGroups", rule.ApiGroups);
        Add("Resources", rule.Resources);
        Add("NonResourceURLs", rule.NonResourceURLs);
        Add("ResourceNames", rule.ResourceNames);
        Add("Verbs", rule.Verbs);
        return $"{{{string.Join(", ", parts)}}}";
    }

    private static void Join(Dictionary<(string, string, string?), PolicyRule> simple, PolicyRule rule)
    {
        var key = (rule.ApiGroups![0], rule.Resources![0], rule.ResourceNames is { Count: 1 } names ? names[0] : null);
        if (!simple.TryGetValue(key, out var joined))
            simple[key] = rule.DeepClone();
        else
            (joined.Verbs ??= []).AddRange(rule.Verbs.OrEmpty().Except(joined.Verbs));
    }

    private static IEnumerable<PolicyRule> WithNames(PolicyRule rule, string group, string resource, string verb)
    {
        if (rule.ResourceNames.OrEmpty().Count == 0)
            yield return new PolicyRule { ApiGroups = [group], Resources = [resource], Verbs = [verb] };
        foreach (string name in rule.ResourceNames.OrEmpty())
            yield return new PolicyRule { ApiGroups = [group], Resources = [resource], ResourceNames = [name], Verbs = [verb] };
    }

    private static bool Covers(PolicyRule held, PolicyRule atom) =>
        HasAllOf(held.Verbs, atom.Verbs)
        && HasAllOf(held.ApiGroups, atom.ApiGroups)
        && atom.Resources.OrEmpty().All(resource => CoversResource(held, resource))
        && CoversNames(held, atom)
        && atom.NonResourceURLs.OrEmpty().All(url => CoversPath(held, url));

    private static bool HasAllOf(List<string>? held, List<string>? wanted) =>
        held.OrEmpty().Contains(RuleMatching.All) || wanted.OrEmpty().All(held.OrEmpty().Contains);

    private static bool CoversResource(PolicyRule held, string resource)
    {
        var resources = held.Resources.OrEmpty();
        if (resources.Contains(RuleMatching.All) || resources.Contains(resource))
            return true;
        int slash = resource.IndexOf('/', StringComparison.Ordinal);
        return slash >= 0 && resources.Contains("*" + resource[slash..]);
    }

    private static bool CoversNames(PolicyRule held, PolicyRule atom)
    {
        if (held.ResourceNames.OrEmpty().Count == 0)
            return true;
        return atom.ResourceNames is { Count: > 0 } names && names.All(held.ResourceNames.OrEmpty().Contains);
    }

    private static bool CoversPath(PolicyRule held, string url)
    {
        foreach (string owned in held.NonResourceURLs.OrEmpty())
        {
            if (owned == url || (owned.EndsWith('*') && url.StartsWith(owned.TrimEnd('*'), StringComparison.Ordinal)))
                return true;
        }
        return false;
    }
}
