using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Api.ManagedFields;

/// <summary>What ownership needs to know of a value: whether it is owned as a whole, and how its parts are named.</summary>
/// <remarks>Made from a schema once and kept; the types of parts are made when they are asked for.</remarks>
internal sealed class FieldType
{
    private static readonly ConditionalWeakTable<Schema, FieldType> Known = [];

    private readonly Schema? _schema;
    private readonly Lazy<Dictionary<string, FieldType>> _fields;
    private readonly Lazy<FieldType> _element;
    private readonly Lazy<Dictionary<string, JsonNode>> _keyDefaults;
    private readonly Lazy<KeyValuePair<string, JsonNode?>[]> _alwaysThere;

    private FieldType(Schema? schema)
    {
        _schema = schema;
        _fields = new Lazy<Dictionary<string, FieldType>>(ReadFields);
        _element = new Lazy<FieldType>(() => Of(_schema?.Items ?? _schema?.AdditionalProperties));
        _keyDefaults = new Lazy<Dictionary<string, JsonNode>>(ReadKeyDefaults);
        _alwaysThere = new Lazy<KeyValuePair<string, JsonNode?>[]>(ReadAlwaysThere);
        Keys = schema?.ListMapKeys.ToArray() ?? [];
        IsAssociative = schema?.ListType is "map" or "set";
        bool hasOnlyPatchKeys = schema is { ListType: null } && schema.PatchStrategies.Contains("merge");
        if (hasOnlyPatchKeys)
        {
            IsAssociative = true;
            Keys = schema!.PatchMergeKey is { } key ? [key] : [];
        }
        IsAtomicMap = schema?.MapType == "atomic";
        IsMetadata = schema?.Name?.EndsWith(".ObjectMeta", StringComparison.Ordinal) ?? false;
    }

    /// <summary>Of what has no schema: maps are owned by their members, lists as a whole.</summary>
    public static FieldType Unknown { get; } = new(null);

    /// <summary>The keys that name an item of a list; none if it is a set of scalars.</summary>
    public string[] Keys { get; }

    /// <summary>A list whose items are owned one by one; every other is owned as a whole.</summary>
    public bool IsAssociative { get; }

    public bool IsAtomicMap { get; }

    /// <summary>Its record of managed fields is no part of what is managed.</summary>
    public bool IsMetadata { get; }

    /// <summary>The type of a list's items or a map's values.</summary>
    public FieldType Element => _element.Value;

    /// <summary>What a list's item has for a key that it does not say.</summary>
    public IReadOnlyDictionary<string, JsonNode> KeyDefaults => _keyDefaults.Value;

    /// <summary>
    /// The members that Kubernetes' own objects have whether anything is in them or not, with what they then are: being there, they
    /// are never "added" with their container.
    /// </summary>
    public IReadOnlyList<KeyValuePair<string, JsonNode?>> AlwaysThere => _alwaysThere.Value;

    /// <summary>What the schema calls a value of the kind: <c>map</c>, <c>list</c>, <c>scalar</c>; null where anything goes.</summary>
    public string? Shape => _schema switch
    {
        null => null,
        { IsIntOrString: true } or { IsQuantity: true } => "scalar",
        { Type: "object" } => "map",
        { Type: "array" } => "list",
        { Type: null } => null,
        _ => "scalar",
    };

    /// <summary>Members may have any name.</summary>
    public bool IsOpenMap => _schema is null || _schema.PreservesUnknownFields || _schema.AdditionalProperties is not null;

    public static FieldType Of(Schema? schema) => schema is null ? Unknown : Known.GetValue(schema, made => new FieldType(made));

    public bool IsNamedField(string name) => _fields.Value.ContainsKey(name);

    public FieldType Field(string name) => _fields.Value.TryGetValue(name, out var field) ? field : Element;

    public FieldType Child(string element) => PathElements.NameOf(element) is { } name ? Field(name) : Element;

    private Dictionary<string, FieldType> ReadFields() =>
        _schema?.Properties.ToDictionary(field => field.Key, field => Of(field.Value), StringComparer.Ordinal) ?? [];

    private Dictionary<string, JsonNode> ReadKeyDefaults()
    {
        var defaults = new Dictionary<string, JsonNode>(StringComparer.Ordinal);
        foreach (string key in Keys)
        {
            if (_schema?.Items?.Properties.GetValueOrDefault(key)?.Default is { } value)
                defaults.Add(key, JsonValue.Create(value)!);
        }
        return defaults;
    }

    private KeyValuePair<string, JsonNode?>[] ReadAlwaysThere()
    {
        var members = new List<KeyValuePair<string, JsonNode?>>();
        foreach (var (name, field) in _schema?.Properties ?? new Dictionary<string, Schema>())
        {
            if (field.Default is { } value && IsEmpty(value))
                members.Add(new(name, value.ValueKind == JsonValueKind.Object ? new JsonObject() : JsonValue.Create(value)));
            else if (field.Type is "array" && _schema!.Required.Contains(name))
                members.Add(new(name, null));
        }
        return [.. members];
    }

    /// <summary>What a field is that nothing was said of.</summary>
    private static bool IsEmpty(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.String => value.GetString()!.Length == 0,
        JsonValueKind.Number => value.GetRawText() == "0",
        JsonValueKind.False => true,
        _ => false,
    };
}
