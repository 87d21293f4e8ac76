namespace Orchestrator.Control.Scheduling.Matching;

/// <summary>A topology spread constraint made ready.</summary>
internal sealed class SpreadConstraint
{
    public SpreadConstraint(string topologyKey, int maxSkew, LabelMatcher selector)
    {
        TopologyKey = topologyKey;
        MaxSkew = maxSkew;
        Selector = selector;
    }

    public SpreadConstraint(TopologySpreadConstraint constraint, Dictionary<string, string>? podLabels)
    {
        TopologyKey = constraint.TopologyKey ?? "";
        MaxSkew = constraint.MaxSkew ?? 1;
        MinDomains = constraint.MinDomains ?? 1;
        HonorsNodeAffinity = constraint.NodeAffinityPolicy != "Ignore";
        HonorsTaints = constraint.NodeTaintsPolicy == "Honor";
        IsRequired = constraint.WhenUnsatisfiable == "DoNotSchedule";
        Selector = LabelMatcher.Of(constraint.LabelSelector);
        var own = new Dictionary<string, string>();
        foreach (string key in constraint.MatchLabelKeys.OrEmpty())
        {
            if (podLabels is not null && podLabels.TryGetValue(key, out string? value))
                own[key] = value;
        }
        if (own.Count > 0)
            Selector = Selector.And(LabelMatcher.OfLabels(own));
    }

    public string TopologyKey { get; }

    public int MaxSkew { get; }

    /// <summary>With fewer domains than this, the emptiest counts as empty.</summary>
    public int MinDomains { get; } = 1;

    /// <summary>Domains are made of nodes that the pod's node affinity allows.</summary>
    public bool HonorsNodeAffinity { get; } = true;

    /// <summary>Domains are made of nodes whose taints the pod tolerates.</summary>
    public bool HonorsTaints { get; }

    public bool IsRequired { get; }

    public LabelMatcher Selector { get; }
}
