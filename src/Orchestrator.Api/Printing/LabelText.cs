using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api.Printing;

/// <summary>Labels and selectors as tables show them: <c>app=web,tier in (a,b)</c>, <c>&lt;none&gt;</c> for nothing.</summary>
internal static class LabelText
{
    public static string OfLabels(IReadOnlyDictionary<string, string>? labels) =>
        labels is null or { Count: 0 }
            ? "<none>"
            : string.Join(',', labels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key}={label.Value}"));

    public static string OfSelector(LabelSelector? selector) => Written(selector) is { Length: > 0 } text ? text : "<none>";

    /// <summary>The selector in the syntax in which it is asked for; empty for one that takes everything, invalid ones marked so.</summary>
    public static string Written(LabelSelector? selector)
    {
        if (selector is null)
            return "";
        var parts = new List<(string Key, string Text)>();
        foreach (var (key, value) in selector.MatchLabels.OrEmpty())
            parts.Add((key, $"{key}={value}"));
        foreach (var requirement in selector.MatchExpressions.OrEmpty())
        {
            if (Of(requirement) is not { } text)
                return "<invalid>";
            parts.Add((requirement.Key ?? "", text));
        }
        return string.Join(',', parts.OrderBy(part => part.Key, StringComparer.Ordinal).Select(part => part.Text));
    }

    private static string? Of(LabelSelectorRequirement requirement)
    {
        string values = string.Join(',', requirement.Values.OrEmpty().Order(StringComparer.Ordinal));
        return requirement.Operator switch
        {
            "In" => $"{requirement.Key} in ({values})",
            "NotIn" => $"{requirement.Key} notin ({values})",
            "Exists" => requirement.Key,
            "DoesNotExist" => $"!{requirement.Key}",
            _ => null,
        };
    }
}
