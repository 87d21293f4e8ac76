using System.Text.Json.Nodes;

namespace Orchestrator.Api.ManagedFields;

/// <summary>What is done with an object along its types: checking it, listing its paths, merging another one into it, taking paths out.</summary>
internal static class TypedDocument
{
    /// <summary>The paths that an applied object claims: all its leaves, and the items of its lists.</summary>
    public static FieldSet FieldsOf(JsonObject map, FieldType type)
    {
        var fields = new FieldSet();
        foreach (var (name, value) in map)
        {
            if (type.IsMetadata && name == "managedFields")
                continue;
            string element = PathElements.Field(name);
            bool isLeaf = AddBelow(fields, element, value, type.Field(name));
            bool isEntryOfMap = !type.IsNamedField(name);
            if (isLeaf || isEntryOfMap || value is null or JsonObject { Count: 0 })
                fields.Add(element);
        }
        return fields;
    }

    /// <summary>What keeps the object from being what its type says: <c>.spec.replicaz: field not declared in schema</c>.</summary>
    public static IReadOnlyList<string> Errors(JsonObject map, FieldType type)
    {
        var errors = new List<string>();
        CheckMap(map, type, "", errors);
        return errors;
    }

    /// <summary>
    /// The live object with what was applied on top. Items that both have stand in the applied order; those that only the live one has
    /// keep their place before what followed them.
    /// </summary>
    public static JsonObject Merge(JsonObject live, JsonObject applied, FieldType type)
    {
        var merged = new JsonObject();
        foreach (var (name, value) in live)
            merged[name] = applied.TryGetPropertyValue(name, out var change) ? MergeValue(value, change, type.Field(name)) : value?.DeepClone();
        foreach (var (name, value) in applied)
        {
            if (!live.ContainsKey(name))
                merged[name] = MergeValue(null, value, type.Field(name));
        }
        return merged;
    }

    /// <summary>Without what the paths name. What is emptied by it goes too.</summary>
    public static JsonObject Without(JsonObject map, FieldSet paths, FieldType type)
    {
        var kept = new JsonObject();
        foreach (var (name, value) in map)
        {
            string element = PathElements.Field(name);
            if (paths.Contains(element))
                continue;
            if (paths.Below(element) is not { } below)
                kept[name] = value?.DeepClone();
            else if (WithoutValue(value, below, type.Field(name)) is { } rest)
                kept[name] = rest;
        }
        return kept;
    }

    /// <summary>Nulls that were applied mean that there is nothing.</summary>
    public static void DropNulls(JsonObject map)
    {
        foreach (var (name, value) in map.ToArray())
        {
            if (value is null)
                map.Remove(name);
            else
                DropNulls(value);
        }
    }

    private static void DropNulls(JsonNode node)
    {
        if (node is JsonObject map)
        {
            DropNulls(map);
        }
        else if (node is JsonArray list)
        {
            foreach (var item in list)
            {
                if (item is not null)
                    DropNulls(item);
            }
        }
    }

    /// <returns>Whether the value is one leaf.</returns>
    private static bool AddBelow(FieldSet fields, string element, JsonNode? value, FieldType type)
    {
        switch (value)
        {
            case JsonObject map when !type.IsAtomicMap:
                fields.Attach(element, FieldsOf(map, type));
                return false;
            case JsonArray list when type.IsAssociative && ListItems.Read(list, type, out _) is { } items:
                fields.Attach(element, FieldsOf(items, type.Element));
                return false;
            default:
                return true;
        }
    }

    private static FieldSet FieldsOf(ListItems items, FieldType item)
    {
        var fields = new FieldSet();
        foreach (string element in items.Elements)
        {
            if (items.At(element) is [var one])
                AddBelow(fields, element, one, item);
            fields.Add(element);
        }
        return fields;
    }

    private static JsonNode? MergeValue(JsonNode? live, JsonNode? applied, FieldType type)
    {
        switch (live, applied)
        {
            case (null or JsonObject, JsonObject change) when !type.IsAtomicMap:
                bool bothAreEmpty = live is not JsonObject { Count: > 0 } && change.Count == 0;
                return bothAreEmpty ? new JsonObject() : Merge(live as JsonObject ?? [], change, type);
            case (JsonArray present, JsonArray change) when type.IsAssociative && change.Count + present.Count > 0:
                return MergeLists(present, change, type);
            // A list that only one side has is merged with an empty one, and a null on top of a map or list of parts leaves them.
            case (JsonArray { Count: > 0 }, null) when type.IsAssociative:
            case (JsonObject { Count: > 0 }, null) when !type.IsAtomicMap:
                return live.DeepClone();
            default:
                return applied?.DeepClone();
        }
    }

    private static JsonNode MergeLists(JsonArray live, JsonArray applied, FieldType type)
    {
        var (left, right) = (ListItems.Read(live, type, out _), ListItems.Read(applied, type, out _));
        if (left is null || right is null)
            return applied.DeepClone();
        var shared = new Queue<string>(right.Order.Where(element => left.At(element).Count > 0));
        var merged = new JsonArray();
        var done = new HashSet<string>(StringComparer.Ordinal);
        int l = 0;
        int r = 0;
        while (l < left.Order.Count || r < right.Order.Count)
        {
            if (l < left.Order.Count)
            {
                string element = left.Order[l];
                bool isShared = right.At(element).Count > 0;
                if (!isShared)
                {
                    merged.Add(live[l++]?.DeepClone());
                    continue;
                }
                // Shared items come in the applied order: one whose turn it is not, or was, is passed by.
                bool isNext = shared.TryPeek(out string? next) && next == element;
                if (done.Contains(element) || (r < right.Order.Count && !isNext))
                {
                    l++;
                    continue;
                }
            }
            if (r == right.Order.Count)
                continue;
            string applies = right.Order[r++];
            merged.Add(MergeItem(left.At(applies), right.At(applies), type.Element));
            done.Add(applies);
            if (shared.TryPeek(out string? head) && head == applies)
                shared.Dequeue();
        }
        return merged;
    }

    private static JsonNode? MergeItem(IReadOnlyList<JsonNode?> live, IReadOnlyList<JsonNode?> applied, FieldType type) =>
        MergeValue(live.Count == 1 ? live[0] : null, applied[0], type);

    private static JsonNode? WithoutValue(JsonNode? value, FieldSet paths, FieldType type)
    {
        switch (value)
        {
            case JsonObject map when !type.IsAtomicMap:
                var kept = Without(map, paths, type);
                return kept.Count > 0 ? kept : null;
            case JsonArray list when type.IsAssociative && ListItems.Read(list, type, out _) is { } items:
                var rest = new JsonArray();
                for (int i = 0; i < list.Count; i++)
                {
                    string element = items.Order[i];
                    if (paths.Contains(element))
                        continue;
                    rest.Add(paths.Below(element) is { } below ? WithoutValue(list[i], below, type.Element) : list[i]?.DeepClone());
                }
                return rest.Count > 0 ? rest : null;
            default:
                return value?.DeepClone();
        }
    }

    private static void CheckMap(JsonObject map, FieldType type, string path, List<string> errors)
    {
        foreach (var (name, value) in map)
        {
            bool isKnown = type.IsNamedField(name) || type.IsOpenMap;
            if (isKnown)
                Check(value, type.Field(name), $"{path}.{name}", errors);
            else
                errors.Add($"{path}.{name}: field not declared in schema");
        }
    }

    private static void Check(JsonNode? value, FieldType type, string path, List<string> errors)
    {
        if (value is null || type.Shape is not { } shape)
            return;
        switch (value)
        {
            case JsonObject map when shape == "map":
                CheckMap(map, type, path, errors);
                break;
            case JsonArray list when shape == "list":
                CheckList(list, type, path, errors);
                break;
            case JsonValue when shape == "scalar":
                break;
            default:
                errors.Add(shape == "scalar"
                    ? $"{path}: expected scalar, got &{{{GoText.Value(value)}}}"
                    : $"{path}: expected {shape}, got &{{{GoText.Value(value)}}}");
                break;
        }
    }

    private static void CheckList(JsonArray list, FieldType type, string path, List<string> errors)
    {
        if (!type.IsAssociative)
        {
            for (int i = 0; i < list.Count; i++)
                Check(list[i], type.Element, $"{path}[{i}]", errors);
            return;
        }
        if (ListItems.Read(list, type, out string? error) is not { } items)
        {
            errors.Add($"{path}: {error}");
            return;
        }
        foreach (string element in items.Elements)
        {
            var same = items.At(element);
            string display = PathElements.Display(element);
            if (same.Count > 1)
                errors.Add($"{path}: duplicate entries for key {display}");
            Check(same[0], type.Element, path + display, errors);
        }
    }
}
