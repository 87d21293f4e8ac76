using System.Globalization;

namespace Orchestrator.Control.Nodes;

/// <summary>Whether a node is one that a pod asks for by node selector and required node affinity.</summary>
public static class NodeMatch
{
    public static bool Fits(PodSpec spec, Node node)
    {
        foreach (var (key, value) in spec.NodeSelector.OrEmpty())
        {
            if (!node.Labels.TryGetValue(key, out string? actual) || actual != value)
                return false;
        }
        return spec.Affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution is not { } required
            || Matches(required, node);
    }

    /// <summary>One of the terms must hold; a term with nothing in it holds for no node.</summary>
    public static bool Matches(NodeSelector selector, Node node) => selector.NodeSelectorTerms.OrEmpty().Any(term =>
        (term.MatchExpressions.OrEmpty().Count > 0 || term.MatchFields.OrEmpty().Count > 0)
        && term.MatchExpressions.OrEmpty().All(requirement => Holds(requirement, LabelOf(node, requirement.Key)))
        && term.MatchFields.OrEmpty().All(requirement =>
            Holds(requirement, requirement.Key == "metadata.name" ? node.Name : null)));

    /// <summary>The node's name that a pod is bound to by a field of its affinity; null if it is to none.</summary>
    public static string? NameInAffinity(PodSpec spec) =>
        spec.Affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution?.NodeSelectorTerms.OrEmpty()
            .SelectMany(term => term.MatchFields.OrEmpty())
            .FirstOrDefault(field => field is { Key: "metadata.name", Operator: "In" } && field.Values.OrEmpty().Count == 1)
            ?.Values![0];

    private static string? LabelOf(Node node, string? key) => node.Labels.GetValueOrDefault(key ?? "");

    private static bool Holds(NodeSelectorRequirement requirement, string? actual) => requirement.Operator switch
    {
        "In" => actual is not null && requirement.Values.OrEmpty().Contains(actual),
        "NotIn" => actual is null || !requirement.Values.OrEmpty().Contains(actual),
        "Exists" => actual is not null,
        "DoesNotExist" => actual is null,
        "Gt" => Compare(requirement, actual) > 0,
        "Lt" => Compare(requirement, actual) < 0,
        _ => false,
    };

    private static int Compare(NodeSelectorRequirement requirement, string? actual) =>
        long.TryParse(actual, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long x)
        && requirement.Values is [string bound]
        && long.TryParse(bound, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long y) ? x.CompareTo(y) : 0;
}
