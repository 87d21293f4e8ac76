using System.Text;
using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api.Validation;

/// <summary>Values as Go writes them into messages: users search for these very texts.</summary>
internal sealed class GoLiteral
{
    private readonly string _text;

    private GoLiteral(string text) => _text = text;

    public override string ToString() => _text;

    /// <summary>A literal that is written already.</summary>
    public static GoLiteral Raw(string text) => new(text);

    /// <summary><c>map[string]string{"app":"web"}</c></summary>
    public static GoLiteral Of(IReadOnlyDictionary<string, string>? map) => new(MapText(map));

    /// <summary><c>[]string{"a", "b"}</c>, with the element's type as Kubernetes has it.</summary>
    public static GoLiteral Of(IReadOnlyCollection<string>? list, string type = "string") => new(list is null
        ? $"[]{type}(nil)"
        : $"[]{type}{{{string.Join(", ", list.Select(GoText.Quote))}}}");

    /// <summary><c>v1.LabelSelector{MatchLabels:map[string]string{"app":"web"}, MatchExpressions:...}</c></summary>
    public static GoLiteral Of(LabelSelector? selector)
    {
        if (selector is null)
            return new GoLiteral("null");
        string expressions = selector.MatchExpressions is { } requirements
            ? $"[]v1.LabelSelectorRequirement{{{string.Join(", ", requirements.Select(Requirement))}}}"
            : "[]v1.LabelSelectorRequirement(nil)";
        return new GoLiteral($"v1.LabelSelector{{MatchLabels:{MapText(selector.MatchLabels)}, MatchExpressions:{expressions}}}");
    }

    private static string Requirement(LabelSelectorRequirement requirement) =>
        $"v1.LabelSelectorRequirement{{Key:{GoText.Quote(requirement.Key ?? "")}, Operator:{GoText.Quote(requirement.Operator ?? "")}, "
        + $"Values:{Of(requirement.Values)}}}";

    private static string MapText(IReadOnlyDictionary<string, string>? map)
    {
        if (map is null)
            return "map[string]string(nil)";
        var text = new StringBuilder("map[string]string{");
        bool isFirst = true;
        foreach (var (key, value) in map.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            text.Append(isFirst ? "" : ", ").Append(GoText.Quote(key)).Append(':').Append(GoText.Quote(value));
            isFirst = false;
        }
        return text.Append('}').ToString();
    }
}
