using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Api.ManagedFields;

/// <summary>The steps of a path, spelled as they stand in <c>fieldsV1</c>; equal steps have equal texts.</summary>
/// <remarks><code>
/// f:replicas              the member of that name
/// k:{"name":"nginx"}      the item of a list whose keys have these values; the keys stand in order
/// v:"kubernetes.io/pv"    the item of a set that has this value
/// i:0                     the item at this place
/// </code></remarks>
internal static class PathElements
{
    /// <summary>Not a step: the thing itself that the steps beside it lead into.</summary>
    public const string Self = ".";

    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly SearchValues<char> NeedNoEscape =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./: ");

    public static IComparer<string> Order { get; } = Comparer<string>.Create(Compare);

    public static string Field(string name) => "f:" + name;

    /// <param name="values">In any order.</param>
    public static string Key(ReadOnlySpan<KeyValuePair<string, JsonNode?>> values)
    {
        if (values.Length == 1)
            return string.Concat(["k:{", Text(values[0].Key), ":", Text(values[0].Value), "}"]);
        var sorted = values.ToArray();
        Array.Sort(sorted, (a, b) => string.CompareOrdinal(a.Key, b.Key));
        return "k:{" + string.Join(',', sorted.Select(value => $"{Text(value.Key)}:{Text(value.Value)}")) + "}";
    }

    public static string Value(JsonNode? value) => "v:" + Text(value);

    /// <summary>The name of a member step; null for another one.</summary>
    public static string? NameOf(string element) => element.StartsWith("f:", StringComparison.Ordinal) ? element[2..] : null;

    /// <summary>The step in the one spelling that is used for comparing.</summary>
    /// <exception cref="FormatException">It is no step.</exception>
    public static string Normalize(string text)
    {
        string rest = text.Length > 2 ? text[2..] : "";
        try
        {
            return text.Length < 2 ? throw Refuse(text) : text[..2] switch
            {
                "f:" => text,
                "k:" => JsonNode.Parse(rest) is JsonObject map ? Key(map.ToArray()) : throw Refuse(text),
                "v:" => Value(JsonNode.Parse(rest)),
                "i:" when int.TryParse(rest, out _) => text,
                _ => throw Refuse(text),
            };
        }
        catch (Exception malformed) when (malformed is JsonException or ArgumentException)
        {
            throw Refuse(text);
        }
    }

    /// <summary>As error texts have it: <c>.replicas</c>, <c>[name="nginx"]</c>, <c>[="a"]</c>, <c>[0]</c>.</summary>
    public static string Display(string element) => element[..2] switch
    {
        "f:" => "." + element[2..],
        "k:" => "[" + string.Join(',', ((JsonObject)JsonNode.Parse(element[2..])!).Select(key => $"{key.Key}={Text(key.Value)}")) + "]",
        "v:" => $"[={element[2..]}]",
        _ => $"[{element[2..]}]",
    };

    private static FormatException Refuse(string text) => new($"{text} is no path element");

    private static string Text(JsonNode? value) => value switch
    {
        null => "null",
        JsonValue scalar when scalar.TryGetValue(out string? text) => Text(text),
        _ => value.ToJsonString(Plain),
    };

    /// <summary>In quotes. Names hold hardly ever what must be escaped.</summary>
    private static string Text(string text) =>
        text.AsSpan().ContainsAnyExcept(NeedNoEscape) ? JsonValue.Create(text).ToJsonString(Plain) : $"\"{text}\"";

    /// <summary>Members before keys before values before places.</summary>
    private static int Compare(string? a, string? b)
    {
        int rank = Rank(a!).CompareTo(Rank(b!));
        return rank != 0 ? rank : string.CompareOrdinal(a, b);
    }

    private static int Rank(string element) => element[0] switch
    {
        'f' => 0,
        'k' => 1,
        'v' => 2,
        _ => 3,
    };
}
