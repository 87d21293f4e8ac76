using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Api.Patches;

/// <summary>Changes an object by a part of it, knowing from the schema how its lists are put together.</summary>
/// <remarks>
/// Maps are merged member by member and null removes, as in a merge patch. A list whose strategy is <c>merge</c> is merged too: its
/// items are paired by the merge key, or are a set if they are scalars; every other list is replaced. Directives in the patch say more:
/// <code>
/// { "$patch": "replace", ... }                      this map instead of the present one ("delete": an empty one)
/// [ { "$patch": "delete", "name": "a" } ]           the item whose key is a goes
/// [ { "$patch": "replace" }, ... ]                  the other items instead of the present ones
/// "$deleteFromPrimitiveList/finalizers": [ "a" ]    these go from the list of scalars
/// "$setElementOrder/containers": [ {"name":"b"} ]   how the merged list is ordered
/// "$retainKeys": [ "type" ]                         members that are not named go
/// </code>
/// </remarks>
public static class StrategicMergePatch
{
    private const string Directive = "$patch";
    private const string RetainKeys = "$retainKeys";
    private const string DeletePrefix = "$deleteFromPrimitiveList";
    private const string OrderPrefix = "$setElementOrder";

    /// <returns>The changed object; the given ones are left alone.</returns>
    /// <exception cref="ApiException">400, 422 or 500 with Kubernetes' text.</exception>
    public static JsonObject Apply(JsonObject original, JsonObject patch, Schema schema) =>
        MergeMap((JsonObject)original.DeepClone(), (JsonObject)patch.DeepClone(), schema);

    /// <summary>Takes <paramref name="patch"/> apart and puts it into <paramref name="original"/>.</summary>
    private static JsonObject MergeMap(JsonObject original, JsonObject patch, Schema? schema)
    {
        if (patch.TryGetPropertyValue(Directive, out var directive))
            return FollowDirective(directive, patch);
        RetainNamedKeys(original, patch);
        foreach (string key in KeysWith(patch, OrderPrefix))
            MergeInOrder(original, patch, key, schema);
        foreach (string key in KeysWith(patch, DeletePrefix))
            DeleteFromPrimitiveList(original, patch, key);
        foreach (string key in patch.Select(member => member.Key).ToArray())
            MergeMember(original, patch, key, FieldSchema(schema, key));
        return original;
    }

    private static JsonObject FollowDirective(JsonNode? directive, JsonObject patch)
    {
        switch (TextOf(directive))
        {
            case "replace":
                patch.Remove(Directive);
                return patch;
            case "delete":
                return [];
            default:
                throw UnknownDirective(directive, patch);
        }
    }

    private static void RetainNamedKeys(JsonObject original, JsonObject patch)
    {
        if (!patch.TryGetPropertyValue(RetainKeys, out var named))
            return;
        patch.Remove(RetainKeys);
        if (named is not JsonArray list)
            throw PatchErrors.Malformed("invalid patch format of retainKeys");
        var retained = list.Select(TextOf).ToHashSet();
        foreach (var (key, value) in patch)
        {
            bool mustBeNamed = value is not null && !IsFor(key, DeletePrefix) && !IsFor(key, OrderPrefix);
            if (mustBeNamed && !retained.Contains(key))
                throw PatchErrors.Malformed("invalid patch format of retainKeys");
        }
        foreach (string key in original.Select(member => member.Key).Where(key => !retained.Contains(key)).ToArray())
            original.Remove(key);
    }

    /// <summary>Merges the list of an order directive and sorts it: as the directive says, and what it does not name as it stood.</summary>
    private static void MergeInOrder(JsonObject original, JsonObject patch, string directive, Schema? schema)
    {
        var order = patch[directive] as JsonArray
            ?? throw PatchErrors.Malformed("invalid patch format of setElementOrder list");
        string key = KeyOf(directive, "invalid patch format of setElementOrder list");
        patch.Remove(directive);
        bool isInOriginal = original.TryGetPropertyValue(key, out var present);
        bool isInPatch = patch.TryGetPropertyValue(key, out var change);
        var field = FieldSchema(schema, key);
        var originalItems = isInOriginal ? TakeItems(present) : [];
        var patchItems = isInPatch ? TakeItems(change) : [];
        var orderItems = TakeItems(order);
        string? mergeKey = field?.PatchMergeKey;
        CheckOrder(patchItems, orderItems, mergeKey);
        if (!isInOriginal && !isInPatch)
            return;

        // Merging takes the lists apart; their order is needed after it.
        var before = Identities(originalItems, mergeKey);
        var merged = !isInPatch ? originalItems
            : !isInOriginal ? FreshItems(patchItems, field)
            : Strategy(field) == "merge" ? MergeItems(originalItems, patchItems, field, mergeKey)
            : FreshItems(patchItems, field);
        patch.Remove(key);
        original[key] = ToArray(Arrange(merged, orderItems, before, mergeKey));
    }

    private static void DeleteFromPrimitiveList(JsonObject original, JsonObject patch, string directive)
    {
        string key = KeyOf(directive, "invalid patch format of primitive list");
        var toDelete = patch[directive] as JsonArray ?? throw PatchErrors.Malformed("invalid patch format of primitive list");
        patch.Remove(directive);
        if (original[key] is not JsonArray present)
            return;
        var items = TakeItems(present);
        CheckKinds(items, toDelete);
        var deleted = toDelete.Select(TextKey).ToHashSet();
        original[key] = ToArray(items.Where(item => !deleted.Contains(TextKey(item))));
    }

    private static void MergeMember(JsonObject original, JsonObject patch, string key, Schema? field)
    {
        var change = patch[key];
        patch.Remove(key);
        if (change is null)
        {
            original.Remove(key);
            return;
        }
        original.TryGetPropertyValue(key, out var present);
        bool replaces = Strategy(field) == "replace";
        switch (present, change)
        {
            case (JsonObject presentMap, JsonObject changedMap) when !replaces:
                original.Remove(key);
                original[key] = MergeMap(presentMap, changedMap, field);
                break;
            case (JsonArray presentList, JsonArray changedList) when Strategy(field) == "merge":
                var merged = MergeItems(TakeItems(presentList), TakeItems(changedList), field, field?.PatchMergeKey);
                original[key] = ToArray(merged);
                break;
            default:
                original[key] = Fresh(change, field);
                break;
        }
    }

    private static List<JsonNode?> MergeItems(List<JsonNode?> original, List<JsonNode?> patch, Schema? list, string? mergeKey)
    {
        if (original.Count == 0 && patch.Count == 0)
            return original;
        if (!CheckKinds(original, patch))
        {
            var both = original.Concat(patch).DistinctBy(TextKey).ToList();
            return Arrange(both, patch, Identities(original, null), null);
        }
        if (string.IsNullOrEmpty(mergeKey))
            throw PatchErrors.Unclassified($"cannot merge lists without merge key for {list?.Items?.ToString() ?? "map"}");
        patch = FollowItemDirectives(ref original, patch, mergeKey);
        var before = Identities(original, mergeKey);
        var merged = MergeMaps(original, patch, list?.Items, mergeKey);
        return Arrange(merged, patch, before, mergeKey);
    }

    /// <returns>The patch without its directives.</returns>
    private static List<JsonNode?> FollowItemDirectives(ref List<JsonNode?> original, List<JsonNode?> patch, string mergeKey)
    {
        var plain = new List<JsonNode?>(patch.Count);
        bool replaces = false;
        foreach (var item in patch)
        {
            var map = (JsonObject)item!;
            if (!map.TryGetPropertyValue(Directive, out var directive))
            {
                plain.Add(map);
                continue;
            }
            switch (TextOf(directive))
            {
                case "delete":
                    string deleted = TextKey(MergeValue(map, mergeKey));
                    original = original.Where(present => Identity(present, mergeKey) != deleted).ToList();
                    break;
                case "replace":
                    replaces = true;
                    break;
                case "merge":
                    throw PatchErrors.Unclassified("merging lists cannot yet be specified in the patch");
                default:
                    throw UnknownDirective(directive, map);
            }
        }
        if (replaces)
            original = [];
        return plain;
    }

    private static List<JsonNode?> MergeMaps(List<JsonNode?> original, List<JsonNode?> patch, Schema? item, string mergeKey)
    {
        var merged = original.ToList();
        var places = Places(Identities(merged, mergeKey));
        foreach (var change in patch)
        {
            // What names the item must outlive the taking apart of the patch's one.
            var map = (JsonObject)change!.DeepClone();
            string key = TextKey(MergeValue(map, mergeKey));
            if (places.TryGetValue(key, out int index))
            {
                merged[index] = MergeMap((JsonObject)merged[index]!, map, item);
            }
            else
            {
                places.Add(key, merged.Count);
                merged.Add(MergeMap([], map, item));
            }
        }
        return merged;
    }

    /// <summary>
    /// What <paramref name="order"/> names stands in its order, the rest in that of <paramref name="before"/>; where both have a place
    /// in <paramref name="before"/>, the rest keeps its place among the named ones as far as can be.
    /// </summary>
    private static List<JsonNode?> Arrange(List<JsonNode?> items, List<JsonNode?> order, List<string> before, string? mergeKey)
    {
        var orderPlaces = Places(order.ConvertAll(item => Identity(item, mergeKey)));
        var beforePlaces = Places(before);
        var keyed = items.ConvertAll(item => (Item: item, Key: RequiredIdentity(item, mergeKey)));
        var named = keyed.Where(one => orderPlaces.ContainsKey(one.Key)).OrderBy(one => orderPlaces[one.Key]).ToList();
        var rest = keyed.Where(one => !orderPlaces.ContainsKey(one.Key))
            .OrderBy(one => beforePlaces.GetValueOrDefault(one.Key, int.MaxValue)).ToList();

        var arranged = new List<JsonNode?>(items.Count);
        int next = 0;
        foreach (var (item, key) in rest)
        {
            int place = beforePlaces.GetValueOrDefault(key, int.MaxValue);
            while (next < named.Count && place >= beforePlaces.GetValueOrDefault(named[next].Key, -1))
                arranged.Add(named[next++].Item);
            arranged.Add(item);
        }
        arranged.AddRange(named[next..].Select(one => one.Item));
        return arranged;
    }

    /// <summary>Where each key stands first.</summary>
    private static Dictionary<string, int> Places(List<string> keys)
    {
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < keys.Count; i++)
            places.TryAdd(keys[i], i);
        return places;
    }

    private static List<string> Identities(List<JsonNode?> items, string? mergeKey) =>
        items.ConvertAll(item => Identity(item, mergeKey));

    /// <summary>What an item is found by, as JSON text: its key's value, or itself.</summary>
    private static string Identity(JsonNode? item, string? mergeKey) =>
        TextKey(mergeKey is null || item is not JsonObject map ? item : map[mergeKey]);

    private static string RequiredIdentity(JsonNode? item, string? mergeKey) =>
        mergeKey is not null && item is JsonObject map ? TextKey(MergeValue(map, mergeKey)) : Identity(item, mergeKey);

    private static string TextKey(JsonNode? node) => node?.ToJsonString() ?? "null";

    /// <summary>The patch's items must be among those that the order names, and in that order.</summary>
    private static void CheckOrder(List<JsonNode?> patch, List<JsonNode?> order, string? mergeKey)
    {
        int place = 0;
        foreach (var item in patch)
        {
            if (item is JsonObject map && map.ContainsKey(Directive))
                continue;
            string identity = RequiredIdentity(item, mergeKey);
            while (place < order.Count && Identity(order[place], mergeKey) != identity)
                place++;
            if (place == order.Count)
            {
                throw PatchErrors.Unclassified($"The order in patch list:\n[{string.Join(' ', patch.Select(GoText.Value))}]\n doesn't match " +
                    $"{OrderPrefix} list:\n[{string.Join(' ', order.Select(GoText.Value))}]\n");
            }
            place++;
        }
    }

    /// <summary>The value as it stands in an object that had none before: without nulls and directives.</summary>
    private static JsonNode? Fresh(JsonNode? value, Schema? schema) => value switch
    {
        JsonObject map => MergeMap([], map, schema),
        JsonArray list => ToArray(FreshItems(TakeItems(list), schema)),
        _ => value,
    };

    private static List<JsonNode?> FreshItems(List<JsonNode?> items, Schema? list) =>
        [.. items.Where(item => item is not JsonObject map || !map.ContainsKey(Directive)).Select(item => Fresh(item, list?.Items))];

    /// <returns>Whether the items are maps.</returns>
    private static bool CheckKinds(params IEnumerable<JsonNode?>[] lists)
    {
        string? kind = null;
        foreach (var item in lists.SelectMany(list => list))
        {
            if (item is JsonArray)
                throw PatchErrors.DoesNotApply();
            string itemKind = GoText.TypeOf(item);
            if (kind is not null && kind != itemKind)
            {
                throw PatchErrors.Unclassified("list element types are not identical: " +
                    $"[{string.Join(' ', lists.Select(list => $"[{string.Join(' ', list.Select(GoText.Value))}]"))}]");
            }
            kind = itemKind;
        }
        return kind == GoText.TypeOf(new JsonObject());
    }

    private static JsonNode? MergeValue(JsonObject map, string mergeKey) =>
        map.TryGetPropertyValue(mergeKey, out var value)
            ? value
            : throw PatchErrors.Unclassified($"map: {GoText.Value(map)} does not contain declared merge key: {mergeKey}");

    private static ApiException UnknownDirective(JsonNode? directive, JsonObject map) =>
        PatchErrors.Unclassified($"unknown patch type: {GoText.Value(directive)} in map: {GoText.Value(map)}");

    private static string Strategy(Schema? field) => field?.PatchStrategies.FirstOrDefault(strategy => strategy != "retainKeys") ?? "";

    private static Schema? FieldSchema(Schema? schema, string key) =>
        schema is null ? null : schema.Properties.TryGetValue(key, out var field) ? field : schema.AdditionalProperties;

    private static string[] KeysWith(JsonObject patch, string prefix) =>
        [.. patch.Select(member => member.Key).Where(key => IsFor(key, prefix))];

    private static bool IsFor(string key, string prefix) => key.StartsWith(prefix, StringComparison.Ordinal);

    private static string KeyOf(string directive, string error)
    {
        int slash = directive.IndexOf('/', StringComparison.Ordinal);
        return slash >= 0 ? directive[(slash + 1)..] : throw PatchErrors.Malformed(error);
    }

    private static string? TextOf(JsonNode? node) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;

    /// <summary>The items without a parent, so that they can be put elsewhere.</summary>
    private static List<JsonNode?> TakeItems(JsonNode? node)
    {
        if (node is not JsonArray list)
            throw PatchErrors.Unclassified($"expected a []interface {{}}, but received a {GoText.TypeOf(node)}");
        var items = list.ToList();
        list.Clear();
        return items;
    }

    private static JsonArray ToArray(IEnumerable<JsonNode?> items) => new([.. items]);
}
