using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Api;

/// <summary>Values spelled as Go's fmt package spells them, for error texts that clients match.</summary>
internal static class GoText
{
    /// <summary>In double quotes, as <c>%q</c> has it.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder(text.Length + 2).Append('"');
        foreach (var rune in text.EnumerateRunes())
        {
            string? escaped = rune.Value switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\a' => "\\a",
                '\b' => "\\b",
                '\f' => "\\f",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\v' => "\\v",
                < 0x20 or 0x7f => string.Create(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}"),
                _ => null,
            };
            if (escaped is null)
                quoted.Append(rune);
            else
                quoted.Append(escaped);
        }
        return quoted.Append('"').ToString();
    }

    /// <summary>As <c>%v</c> has a decoded JSON value: <c>map[a:1 b:[x y]]</c>.</summary>
    public static string Value(JsonNode? node) => node switch
    {
        null => "<nil>",
        JsonObject map => $"map[{string.Join(' ', map.OrderBy(member => member.Key, StringComparer.Ordinal)
            .Select(member => $"{member.Key}:{Value(member.Value)}"))}]",
        JsonArray list => $"[{string.Join(' ', list.Select(Value))}]",
        _ when node.GetValueKind() == JsonValueKind.String => node.GetValue<string>(),
        _ => node.ToJsonString(),
    };

    /// <summary>The Go type that a decoded JSON value has: <c>map[string]interface {}</c>.</summary>
    public static string TypeOf(JsonNode? node) => node switch
    {
        null => "<nil>",
        JsonObject => "map[string]interface {}",
        JsonArray => "[]interface {}",
        _ => node.GetValueKind() switch
        {
            JsonValueKind.String => "string",
            JsonValueKind.True or JsonValueKind.False => "bool",
            _ => node.ToJsonString().AsSpan().IndexOfAny('.', 'e', 'E') >= 0 ? "float64" : "int64",
        },
    };
}
