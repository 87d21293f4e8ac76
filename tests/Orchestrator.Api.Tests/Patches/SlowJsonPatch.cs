using System.Globalization;
using System.Text.Json.Nodes;

namespace Orchestrator.Api.Tests.Patches;

/// <summary>RFC 6902 as plainly as can be: every step makes a new document, by recursion over the path.</summary>
internal static class SlowJsonPatch
{
    public static JsonNode? Apply(JsonNode? document, JsonArray patch, out bool fits)
    {
        fits = true;
        try
        {
            foreach (var operation in patch)
                document = Step(document, (JsonObject)operation!);
            return document;
        }
        catch (InvalidDataException)
        {
            fits = false;
            return null;
        }
    }

    private static JsonNode? Step(JsonNode? document, JsonObject operation)
    {
        string[] path = Tokens(operation["path"]!.GetValue<string>());
        string[] from = Tokens(operation["from"]!.GetValue<string>());
        var value = operation["value"];
        switch (operation["op"]!.GetValue<string>())
        {
            case "add":
                return Change(document, path, (list, key) => list.Insert(key, value?.DeepClone()), mayBeNew: true, value);
            case "replace":
                return Change(document, path, (list, key) => list[key] = value?.DeepClone(), mayBeNew: false, value);
            case "remove":
                return Remove(document, path);
            case "copy":
                return Change(document, path, (list, key) => list.Insert(key, Get(document, from)?.DeepClone()), true, Get(document, from));
            case "move":
                if (path.SequenceEqual(from))
                    return Get(document, from) is var _ ? document : null;
                if (path.Length > from.Length && path.Take(from.Length).SequenceEqual(from))
                    throw new InvalidDataException();
                var moved = Get(document, from);
                return Change(Remove(document, from), path, (list, key) => list.Insert(key, moved?.DeepClone()), true, moved);
            default:
                JsonNode? found = null;
                try
                {
                    found = Get(document, path);
                }
                catch (InvalidDataException)
                {
                    // What is not there is null.
                }
                return JsonNode.DeepEquals(found, value) ? document : throw new InvalidDataException();
        }
    }

    private static string[] Tokens(string path) => path.Length == 0 ? [] : path[1..].Split('/');

    private static JsonNode? Get(JsonNode? node, string[] path)
    {
        if (path.Length == 0)
            return node;
        return node switch
        {
            JsonObject map when map.ContainsKey(path[0]) => Get(map[path[0]], path[1..]),
            JsonArray list => Get(list[Index(path[0], list.Count - 1)], path[1..]),
            _ => throw new InvalidDataException(),
        };
    }

    private static JsonNode? Change(JsonNode? node, string[] path, Action<JsonArray, int> inList, bool mayBeNew, JsonNode? value)
    {
        if (path.Length == 0)
            return value;
        var copy = node?.DeepClone();
        if (copy is JsonObject map)
        {
            if (path.Length == 1 && (mayBeNew || map.ContainsKey(path[0])))
                map[path[0]] = value?.DeepClone();
            else if (path.Length > 1 && map.ContainsKey(path[0]))
                map[path[0]] = Change(map[path[0]], path[1..], inList, mayBeNew, value)?.DeepClone();
            else
                throw new InvalidDataException();
            return map;
        }
        if (copy is not JsonArray list)
            throw new InvalidDataException();
        if (path.Length == 1)
            inList(list, path[0] == "-" && mayBeNew ? list.Count : Index(path[0], mayBeNew ? list.Count : list.Count - 1));
        else
            list[Index(path[0], list.Count - 1)] = Change(list[Index(path[0], list.Count - 1)], path[1..], inList, mayBeNew, value)?.DeepClone();
        return list;
    }

    private static JsonNode? Remove(JsonNode? node, string[] path)
    {
        if (path.Length == 0)
            return null;
        var parent = Get(node, path[..^1])?.DeepClone();
        switch (parent)
        {
            case JsonObject map when map.Remove(path[^1]):
                break;
            case JsonArray list:
                list.RemoveAt(Index(path[^1], list.Count - 1));
                break;
            default:
                throw new InvalidDataException();
        }
        return path.Length == 1 ? parent : Change(node, path[..^1], (list, key) => list[key] = parent.DeepClone(), false, parent);
    }

    private static int Index(string token, int last) =>
        int.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index <= last
            ? index
            : throw new InvalidDataException();
}
