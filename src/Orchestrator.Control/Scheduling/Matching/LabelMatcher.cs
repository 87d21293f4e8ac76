namespace Orchestrator.Control.Scheduling.Matching;

/// <summary>A label selector made ready. Two that ask the same have the same <see cref="Text"/>.</summary>
internal sealed class LabelMatcher
{
    private readonly LabelRequirement[] _requirements;
    private readonly bool _matchesNothing;

    private LabelMatcher(IEnumerable<LabelRequirement> requirements, bool matchesNothing = false)
    {
        _requirements = [.. requirements.OrderBy(requirement => requirement.ToString(), StringComparer.Ordinal)];
        _matchesNothing = matchesNothing;
        Text = matchesNothing ? "!" : string.Join(';', _requirements.Select(requirement => requirement.ToString()));
    }

    public static LabelMatcher Nothing { get; } = new([], matchesNothing: true);

    public static LabelMatcher Everything { get; } = new([]);

    public string Text { get; }

    public bool IsEmpty => _requirements.Length == 0 && !_matchesNothing;

    /// <summary>Null selects nothing, an empty selector everything.</summary>
    public static LabelMatcher Of(LabelSelector? selector)
    {
        if (selector is null)
            return Nothing;
        var requirements = Of(selector.MatchLabels);
        foreach (var expression in selector.MatchExpressions.OrEmpty())
        {
            if (LabelRequirement.ParseOperator(expression.Operator) is not { } op)
                return Nothing;
            requirements.Add(new LabelRequirement(
                expression.Key ?? "", op, [.. expression.Values.OrEmpty().Order(StringComparer.Ordinal)]));
        }
        return new LabelMatcher(requirements);
    }

    public static LabelMatcher OfLabels(Dictionary<string, string>? labels) => new(Of(labels));

    /// <summary>What satisfies both.</summary>
    public LabelMatcher And(LabelMatcher other) =>
        new(_requirements.Concat(other._requirements).DistinctBy(requirement => requirement.ToString()),
            _matchesNothing || other._matchesNothing);

    public bool Matches(Dictionary<string, string>? labels)
    {
        if (_matchesNothing)
            return false;
        foreach (var requirement in _requirements)
        {
            if (!requirement.Matches(labels))
                return false;
        }
        return true;
    }

    /// <summary>A pair that everything selected has; false where no requirement asks for one.</summary>
    public bool TryGetPair(out (string Key, string Value) pair)
    {
        foreach (var requirement in _requirements)
        {
            if (requirement is { Operator: LabelOperator.In, Values: [var value] })
            {
                pair = (requirement.Key, value);
                return true;
            }
        }
        pair = default;
        return false;
    }

    private static List<LabelRequirement> Of(Dictionary<string, string>? labels)
    {
        var requirements = new List<LabelRequirement>();
        foreach (var (key, value) in labels.OrEmpty())
            requirements.Add(new LabelRequirement(key, LabelOperator.In, [value]));
        return requirements;
    }
}
