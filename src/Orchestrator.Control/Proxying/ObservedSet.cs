using System.Text.Json;

namespace Orchestrator.Control.Proxying;

/// <summary>A set or map of the kernel with its elements, written as we write them.</summary>
public sealed class ObservedSet
{
    public bool IsMap { get; private init; }

    public string Kind => IsMap ? "map" : "set";

    /// <summary>The values of a map; null for the elements of a set.</summary>
    public Dictionary<string, string?> Elements { get; } = [];

    internal static ObservedSet Parse(JsonElement item, bool isMap)
    {
        var set = new ObservedSet { IsMap = isMap };
        if (item.TryGetProperty("elem", out var elements))
        {
            foreach (var element in elements.EnumerateArray())
            {
                if (isMap)
                    set.Elements[Key(element[0])] = Verdict(element[1]);
                else
                    set.Elements[Key(element)] = null;
            }
        }
        return set;
    }

    internal bool HasElementsOf(NftSet wanted) =>
        Elements.Count == wanted.Elements.Count
        && wanted.Elements.All(element => Elements.TryGetValue(element.Key, out string? value) && value == element.Value.Value);

    // A plain value; or an object of one member: an element with its comment, parts, a prefix, a span.
    private static string Key(JsonElement key)
    {
        if (key.ValueKind != JsonValueKind.Object)
            return key.ToString();
        var member = key.EnumerateObject().First();
        return member.Name switch
        {
            "elem" => Key(member.Value.GetProperty("val")),
            "concat" => string.Join(" . ", member.Value.EnumerateArray().Select(Key)),
            "prefix" => $"{member.Value.GetProperty("addr")}/{member.Value.GetProperty("len")}",
            _ => key.GetRawText(),
        };
    }

    private static string Verdict(JsonElement verdict)
    {
        if (verdict.ValueKind != JsonValueKind.Object)
            return verdict.ToString();
        var member = verdict.EnumerateObject().First();
        return member.Value.ValueKind == JsonValueKind.Object && member.Value.TryGetProperty("target", out var target)
            ? $"{member.Name} {target.GetString()}"
            : member.Name;
    }
}
