namespace Orchestrator.Control.Scheduling.Matching;

/// <summary>Which nodes a pod may be on by its nodeSelector and its required node affinity.</summary>
internal sealed class NodeSelection
{
    private readonly LabelMatcher? _selector;
    private readonly NodeTerm[]? _terms;

    private NodeSelection(LabelMatcher? selector, NodeTerm[]? terms)
    {
        _selector = selector;
        _terms = terms;
    }

    /// <summary>Null where every node will do.</summary>
    public static NodeSelection? Of(PodSpec spec)
    {
        var selector = spec.NodeSelector is { Count: > 0 } labels ? LabelMatcher.OfLabels(labels) : null;
        var required = spec.Affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution;
        NodeTerm[]? terms = required is null ? null : [.. required.NodeSelectorTerms.OrEmpty().Select(term => new NodeTerm(term))];
        return selector is null && terms is null ? null : new NodeSelection(selector, terms);
    }

    /// <summary>The only nodes that can match, where every term names some (a DaemonSet's pod does); else null.</summary>
    public HashSet<string>? Names
    {
        get
        {
            if (_terms is null or [])
                return null;
            var names = new HashSet<string>();
            foreach (var term in _terms)
            {
                if (term.Names is not { } named)
                    return null;
                names.UnionWith(named);
            }
            return names;
        }
    }

    public bool Matches(string nodeName, Dictionary<string, string>? labels)
    {
        if (_selector is not null && !_selector.Matches(labels))
            return false;
        if (_terms is null)
            return true;
        foreach (var term in _terms)
        {
            if (term.Matches(nodeName, labels))
                return true;
        }
        return false;
    }
}
