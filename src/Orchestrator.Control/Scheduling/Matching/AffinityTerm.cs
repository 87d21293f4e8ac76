namespace Orchestrator.Control.Scheduling.Matching;

/// <summary>A term of a pod's affinity to other pods: which pods, in which namespaces, and what "together" means.</summary>
internal sealed class AffinityTerm
{
    private readonly HashSet<string> _namespaces;
    private readonly LabelMatcher _namespaceSelector;
    private readonly LabelMatcher _selector;

    public AffinityTerm(PodAffinityTerm term, string podNamespace, int weight = 0)
    {
        // Without any word about namespaces the pod's own is meant.
        bool isOwn = term.Namespaces.OrEmpty().Count == 0 && term.NamespaceSelector is null;
        _namespaces = isOwn ? [podNamespace] : [.. term.Namespaces.OrEmpty()];
        _namespaceSelector = LabelMatcher.Of(term.NamespaceSelector);
        _selector = LabelMatcher.Of(term.LabelSelector);
        TopologyKey = term.TopologyKey ?? "";
        Weight = weight;
        PodsText = $"{string.Join(',', _namespaces.Order(StringComparer.Ordinal))}|{_namespaceSelector.Text}|{_selector.Text}";
    }

    public string TopologyKey { get; }

    public int Weight { get; }

    /// <summary>Equal for terms that mean the same pods.</summary>
    public string PodsText { get; }

    public LabelMatcher Selector => _selector;

    /// <summary>The one namespace that is meant, or null if there may be others.</summary>
    public string? OnlyNamespace =>
        _namespaceSelector == LabelMatcher.Nothing && _namespaces.Count == 1 ? _namespaces.First() : null;

    /// <param name="namespaceLabels">Labels of the other pod's namespace.</param>
    public bool Matches(string otherNamespace, Dictionary<string, string>? namespaceLabels, Dictionary<string, string>? labels) =>
        (_namespaces.Contains(otherNamespace) || _namespaceSelector.Matches(namespaceLabels)) && _selector.Matches(labels);

    /// <summary>Whether a change of a namespace's labels can change what is meant.</summary>
    public bool LooksAtNamespaceLabels => _namespaceSelector != LabelMatcher.Nothing && !_namespaceSelector.IsEmpty;
}
