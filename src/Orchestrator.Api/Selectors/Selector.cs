using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api.Selectors;

/// <summary>Picks objects by their labels: all requirements must hold.</summary>
public sealed class Selector
{
    private readonly LabelRequirement[] _requirements;
    private readonly bool _isNothing;

    private Selector(IEnumerable<LabelRequirement> requirements, bool isNothing = false)
    {
        _requirements = [.. requirements.OrderBy(requirement => requirement.Key, StringComparer.Ordinal)];
        _isNothing = isNothing;
    }

    public static Selector Everything { get; } = new([]);

    public static Selector Nothing { get; } = new([], isNothing: true);

    /// <summary>In the order of their keys. Empty for <see cref="Nothing"/> too.</summary>
    public IReadOnlyList<LabelRequirement> Requirements => _requirements;

    public bool IsEverything => _requirements.Length == 0 && !_isNothing;

    public bool IsNothing => _isNothing;

    /// <summary>Reads the text form: <c>app=web,tier in (front,back),!canary</c>. An empty text selects everything.</summary>
    /// <exception cref="ApiException">400 with Kubernetes' text.</exception>
    public static Selector Parse(string text) =>
        TryParse(text, out var selector, out string error) ? selector : throw ApiErrors.BadRequest(error);

    /// <param name="error">Kubernetes' text if the answer is false; else empty.</param>
    public static bool TryParse(string text, out Selector selector, out string error)
    {
        try
        {
            selector = new Selector(new LabelSelectorParser(text).Parse());
            error = "";
            return true;
        }
        catch (FormatException refusal)
        {
            selector = Nothing;
            error = refusal.Message;
            return false;
        }
    }

    /// <summary>None selects nothing, an empty one everything.</summary>
    /// <exception cref="ApiException">400 with Kubernetes' text: an operator, key or value that is not one.</exception>
    public static Selector Of(LabelSelector? labelSelector)
    {
        if (labelSelector is null)
            return Nothing;
        var requirements = new List<LabelRequirement>();
        foreach (var (key, value) in labelSelector.MatchLabels.OrEmpty())
            requirements.Add(Check(key, SelectorOperator.Equals, [value]));
        foreach (var expression in labelSelector.MatchExpressions.OrEmpty())
            requirements.Add(Check(expression.Key ?? "", OperatorNamed(expression.Operator), expression.Values.OrEmpty()));
        return new Selector(requirements);
    }

    /// <summary>Every label as given; none selects everything.</summary>
    public static Selector Of(IReadOnlyDictionary<string, string>? labels) =>
        labels is null || labels.Count == 0
            ? Everything
            : new Selector(labels.Select(label => new LabelRequirement(label.Key, SelectorOperator.Equals, [label.Value])));

    public bool Matches(IReadOnlyDictionary<string, string>? labels)
    {
        if (_isNothing)
            return false;
        foreach (var requirement in _requirements)
        {
            if (!requirement.Matches(labels))
                return false;
        }
        return true;
    }

    /// <summary>The text form; <see cref="Parse"/> reads it back. Empty for everything and for nothing.</summary>
    public override string ToString() => string.Join(',', _requirements.AsEnumerable());

    private static LabelRequirement Check(string key, SelectorOperator @operator, IEnumerable<string> values)
    {
        var requirement = LabelRequirement.Create(key, @operator, values, out string? error);
        return error is null ? requirement : throw ApiErrors.BadRequest(error);
    }

    private static SelectorOperator OperatorNamed(string? name) => name switch
    {
        "In" => SelectorOperator.In,
        "NotIn" => SelectorOperator.NotIn,
        "Exists" => SelectorOperator.Exists,
        "DoesNotExist" => SelectorOperator.DoesNotExist,
        _ => throw ApiErrors.BadRequest($"{GoText.Quote(name ?? "")} is not a valid label selector operator"),
    };
}
