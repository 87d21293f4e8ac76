using System.Globalization;
using System.Text.Json.Nodes;

namespace Orchestrator.Api.Patches;

/// <summary>A place in a document, by RFC 6901: <c>/spec/containers/0/image</c>.</summary>
internal readonly struct JsonPointer
{
    private readonly string[] _tokens;

    private JsonPointer(string[] tokens) => _tokens = tokens;

    public bool IsRoot => _tokens.Length == 0;

    public string Last => _tokens[^1];

    /// <returns>False if the text is no pointer.</returns>
    public static bool TryParse(string text, out JsonPointer pointer)
    {
        pointer = new JsonPointer([]);
        if (text.Length == 0)
            return true;
        if (text[0] != '/')
            return false;
        string[] tokens = text[1..].Split('/');
        for (int i = 0; i < tokens.Length; i++)
        {
            tokens[i] = tokens[i].Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
        }
        pointer = new JsonPointer(tokens);
        return true;
    }

    public bool StartsWith(JsonPointer other) => _tokens.AsSpan().StartsWith(other._tokens);

    /// <summary>Follows the pointer up to its last step, which the caller takes.</summary>
    public bool TryFindParent(JsonNode? document, out JsonNode? parent)
    {
        parent = document;
        for (int i = 0; i < _tokens.Length - 1; i++)
        {
            if (!TryStep(parent, _tokens[i], out parent))
                return false;
        }
        return parent is JsonObject or JsonArray;
    }

    public bool TryFind(JsonNode? document, out JsonNode? found)
    {
        found = document;
        return IsRoot || (TryFindParent(document, out var parent) && TryStep(parent, Last, out found));
    }

    /// <summary>Negative indices count from the end, as Kubernetes has it.</summary>
    /// <param name="count">How many items there are to point at.</param>
    public static bool TryReadIndex(string token, int count, out int index)
    {
        bool isPlain = token == "0" || (token.Length > 0 && token.TrimStart('-') is [>= '1' and <= '9', ..]);
        if (!isPlain || !int.TryParse(token, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out index))
        {
            index = -1;
            return false;
        }
        if (index < 0)
            index += count;
        return index >= 0 && index < count;
    }

    private static bool TryStep(JsonNode? parent, string token, out JsonNode? child)
    {
        child = null;
        if (parent is JsonObject map)
            return map.TryGetPropertyValue(token, out child);
        if (parent is not JsonArray list || !TryReadIndex(token, list.Count, out int index))
            return false;
        child = list[index];
        return true;
    }
}
