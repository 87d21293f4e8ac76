using System.Text.Json.Nodes;

namespace Orchestrator.Api.ManagedFields;

/// <summary>The items of a list under the names that their keys or values give them.</summary>
internal sealed class ListItems
{
    private readonly Dictionary<string, List<JsonNode?>> _items = new(StringComparer.Ordinal);

    private ListItems(List<string> order) => Order = order;

    public static ListItems None { get; } = new([]);

    /// <summary>The items' names in the list's order; a name may stand twice.</summary>
    public IReadOnlyList<string> Order { get; }

    public IEnumerable<string> Elements => _items.Keys;

    /// <returns>None if there is no item of that name; several if the list says it more than once.</returns>
    public IReadOnlyList<JsonNode?> At(string element) => _items.TryGetValue(element, out var items) ? items : [];

    /// <param name="error">What keeps an item from having a name; else null.</param>
    public static ListItems? Read(JsonArray? list, FieldType type, out string? error)
    {
        error = null;
        if (list is null || list.Count == 0)
            return None;
        var result = new ListItems(new List<string>(list.Count));
        for (int i = 0; i < list.Count; i++)
        {
            string? element = NameOf(list[i], type, out string? reason);
            if (element is null)
            {
                error = $"element {i}: {reason}";
                return null;
            }
            if (!result._items.TryGetValue(element, out var items))
                result._items.Add(element, items = new List<JsonNode?>(1));
            items.Add(list[i]);
            ((List<string>)result.Order).Add(element);
        }
        return result;
    }

    private static string? NameOf(JsonNode? item, FieldType type, out string? error)
    {
        error = null;
        if (type.Keys.Length == 0)
        {
            error = item switch
            {
                null => "associative list without keys has an element that's an explicit null",
                JsonObject => "associative list without keys has an element that's a map type",
                JsonArray => "not supported: associative list with lists as elements",
                _ => null,
            };
            return error is null ? PathElements.Value(item) : null;
        }
        if (item is not JsonObject map)
        {
            error = item is null
                ? "associative list with keys may not have a null element"
                : "associative list with keys may not have non-map elements";
            return null;
        }
        return KeyOf(map, type, out error);
    }

    private static string? KeyOf(JsonObject map, FieldType type, out string? error)
    {
        error = null;
        var values = new KeyValuePair<string, JsonNode?>[type.Keys.Length];
        for (int i = 0; i < values.Length; i++)
        {
            string key = type.Keys[i];
            if (!map.TryGetPropertyValue(key, out var value) && !type.KeyDefaults.TryGetValue(key, out value))
            {
                error = $"associative list with keys has an element that omits key field {GoText.Quote(key)} (and doesn't have default value)";
                return null;
            }
            if (value is JsonObject or JsonArray)
            {
                error = $"associative list with keys has an element whose key field {GoText.Quote(key)} is not a scalar";
                return null;
            }
            values[i] = new(key, value);
        }
        return PathElements.Key(values);
    }
}
