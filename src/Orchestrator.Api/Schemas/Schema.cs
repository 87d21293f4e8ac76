using System.Collections.ObjectModel;
using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>What a value may be: a definition, or a property with what it adds to the definition that it refers to.</summary>
/// <remarks>Made on demand from JSON and then kept; may be read by any number of threads.</remarks>
public sealed class Schema
{
    private static readonly ReadOnlyDictionary<string, Schema> NoProperties = ReadOnlyDictionary<string, Schema>.Empty;

    private readonly SchemaSet _set;
    private readonly JsonElement _json;
    private readonly string? _reference;
    private readonly Lazy<IReadOnlyDictionary<string, Schema>> _properties;
    private readonly Lazy<Schema?> _items;
    private readonly Lazy<Schema?> _additionalProperties;

    internal Schema(SchemaSet set, string? name, JsonElement json)
    {
        _set = set;
        _json = json;
        _reference = Text("$ref");
        Name = name ?? _reference;
        _properties = new Lazy<IReadOnlyDictionary<string, Schema>>(ReadProperties);
        _items = new Lazy<Schema?>(() => Child("items"));
        _additionalProperties = new Lazy<Schema?>(() => Child("additionalProperties"));
    }

    /// <summary>The definition's full name (<c>io.k8s.api.core.v1.PodSpec</c>), also of a property that refers to one; else null.</summary>
    public string? Name { get; }

    /// <summary><c>object</c>, <c>array</c>, <c>string</c>, <c>integer</c>, <c>number</c>, <c>boolean</c>; null where anything goes.</summary>
    public string? Type => Own("type")?.GetString() ?? Target?.Type;

    /// <summary><c>int32</c>, <c>int64</c>, <c>double</c>, <c>byte</c>, <c>date-time</c>, <c>int-or-string</c>.</summary>
    public string? Format => Own("format")?.GetString() ?? Target?.Format;

    /// <summary>Empty for what has none.</summary>
    public IReadOnlyDictionary<string, Schema> Properties => _properties.Value;

    public Schema? Items => _items.Value ?? Target?.Items;

    /// <summary>The schema of a map's values.</summary>
    public Schema? AdditionalProperties => _additionalProperties.Value ?? Target?.AdditionalProperties;

    public IReadOnlyList<string> Required => Texts("required") ?? Target?.Required ?? [];

    public JsonElement? Default => Own("default") ?? Target?.Default;

    public IReadOnlyList<string> Enum => Texts("enum") ?? Target?.Enum ?? [];

    /// <summary>The key by which strategic merge patches pair a list's items.</summary>
    public string? PatchMergeKey => Text("x-kubernetes-patch-merge-key");

    /// <summary><c>merge</c>, <c>retainKeys</c>; empty where a patch replaces the value.</summary>
    public IReadOnlyList<string> PatchStrategies => Text("x-kubernetes-patch-strategy")?.Split(',') ?? [];

    /// <summary><c>atomic</c>, <c>set</c> or <c>map</c>.</summary>
    public string? ListType => Text("x-kubernetes-list-type");

    public IReadOnlyList<string> ListMapKeys => Texts("x-kubernetes-list-map-keys") ?? [];

    /// <summary><c>atomic</c> or <c>granular</c>, of an object or map.</summary>
    public string? MapType => Own("x-kubernetes-map-type")?.GetString() ?? Target?.MapType;

    public bool IsIntOrString => Format == "int-or-string" || IsTrue("x-kubernetes-int-or-string");

    public bool IsQuantity => Name == SchemaSet.QuantityName;

    /// <summary>Fields that the schema does not know are kept and are no error.</summary>
    public bool PreservesUnknownFields =>
        IsTrue("x-kubernetes-preserve-unknown-fields") || (Target?.PreservesUnknownFields ?? IsFreeForm);

    /// <summary>What <c>kubectl explain</c> says; null where nothing is said.</summary>
    public string? Description => _set.DescriptionOf(this);

    /// <summary>The kinds whose documents it describes.</summary>
    public IReadOnlyList<GroupVersionKind> Kinds => Own("x-kubernetes-group-version-kind") is { } kinds
        ? [.. kinds.EnumerateArray().Select(ReadKind)]
        : [];

    /// <summary>The schema as it stands in the file: references are names, and not followed.</summary>
    public JsonElement Json => _json;

    /// <summary>The definition and field that a property stands for, to find its description.</summary>
    internal (string Definition, string Field)? Place { get; init; }

    private Schema? Target => _reference is null ? null : _set.Get(_reference);

    /// <summary>An object of which nothing is said may hold anything.</summary>
    private bool IsFreeForm => Type is null or "object" && Properties.Count == 0 && AdditionalProperties is null && !IsIntOrString
        && !IsQuantity;

    public override string ToString() => Name ?? Type ?? "any";

    private IReadOnlyDictionary<string, Schema> ReadProperties()
    {
        if (Own("properties") is not { } properties)
            return Target?.Properties ?? NoProperties;
        return properties.EnumerateObject().ToDictionary(
            property => property.Name,
            property => new Schema(_set, null, property.Value) { Place = Name is null ? null : (Name, property.Name) });
    }

    private Schema? Child(string keyword) => Own(keyword) is { } json ? new Schema(_set, null, json) : null;

    private static GroupVersionKind ReadKind(JsonElement kind) => new(
        kind.GetProperty("group").GetString()!, kind.GetProperty("version").GetString()!, kind.GetProperty("kind").GetString()!);

    private string? Text(string keyword) => Own(keyword)?.GetString();

    private string[]? Texts(string keyword) =>
        Own(keyword) is { } list ? [.. list.EnumerateArray().Select(item => item.ToString())] : null;

    private bool IsTrue(string keyword) => Own(keyword) is { ValueKind: JsonValueKind.True };

    private JsonElement? Own(string keyword) => _json.TryGetProperty(keyword, out var value) ? value : null;
}
