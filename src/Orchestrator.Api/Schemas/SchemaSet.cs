using System.Collections.Concurrent;
using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>Definitions by name, which may refer to one another. One set drives strict decoding, patches, managed fields, OpenAPI and
/// <c>explain</c>.</summary>
public sealed class SchemaSet
{
    internal const string QuantityName = "io.k8s.apimachinery.pkg.api.resource.Quantity";

    /// <summary>Stands for all kinds among the descriptions.</summary>
    private const string AnyKind = "*";

    private static readonly Lazy<SchemaSet> TheKubernetesSet = new(ReadKubernetes);

    private readonly Dictionary<string, JsonElement> _definitions;
    private readonly IReadOnlyDictionary<string, string> _descriptions;
    private readonly ConcurrentDictionary<string, Schema> _schemas = new();
    private readonly Lazy<Dictionary<GroupVersionKind, string>> _kinds;

    /// <param name="definitions">Full name to schema; <c>$ref</c> holds the bare name of another definition.</param>
    /// <param name="descriptions">A sentence for <c>definition</c> or <c>definition/field</c>.</param>
    public SchemaSet(IEnumerable<KeyValuePair<string, JsonElement>> definitions, IReadOnlyDictionary<string, string> descriptions)
    {
        _definitions = new Dictionary<string, JsonElement>(definitions);
        _descriptions = descriptions;
        _kinds = new Lazy<Dictionary<GroupVersionKind, string>>(IndexKinds);
    }

    /// <summary>What the API server serves, and what its clients post.</summary>
    public static SchemaSet Kubernetes => TheKubernetesSet.Value;

    /// <summary>All definitions' names, in ordinal order.</summary>
    public IEnumerable<string> Names => _definitions.Keys.Order(StringComparer.Ordinal);

    public Schema? Find(string definition)
    {
        if (_schemas.TryGetValue(definition, out var known))
            return known;
        return _definitions.TryGetValue(definition, out var json)
            ? _schemas.GetOrAdd(definition, name => new Schema(this, name, json))
            : null;
    }

    /// <exception cref="KeyNotFoundException">There is no such definition.</exception>
    public Schema Get(string definition) =>
        Find(definition) ?? throw new KeyNotFoundException($"there is no definition {definition}");

    public Schema? FindForKind(GroupVersionKind kind) => _kinds.Value.TryGetValue(kind, out string? name) ? Get(name) : null;

    /// <exception cref="KeyNotFoundException">No definition is of that kind.</exception>
    public Schema ForKind(GroupVersionKind kind) =>
        FindForKind(kind) ?? throw new KeyNotFoundException($"there is no definition of {kind}");

    /// <summary>A property's own sentence, else what is said of that field of any kind, else that of what it refers to.</summary>
    internal string? DescriptionOf(Schema schema)
    {
        if (schema.Json.TryGetProperty("description", out var inline))
            return inline.GetString();
        if (schema.Place is { } place && SentenceAt(place.Definition, place.Field) is { } own)
            return own;
        return schema.Name is { } name ? _descriptions.GetValueOrDefault(name) : null;
    }

    private string? SentenceAt(string definition, string field)
    {
        if (_descriptions.TryGetValue($"{definition}/{field}", out string? own))
            return own;
        return Get(definition).Kinds.Count > 0 ? _descriptions.GetValueOrDefault($"{AnyKind}/{field}") : null;
    }

    private Dictionary<GroupVersionKind, string> IndexKinds()
    {
        var index = new Dictionary<GroupVersionKind, string>();
        foreach (string name in Names)
        {
            foreach (var kind in Get(name).Kinds)
                index.Add(kind, name);
        }
        return index;
    }

    private static SchemaSet ReadKubernetes() => new(
        EmbeddedTables.ReadJson("kubernetes.schemas.json").EnumerateObject()
            .Concat(EmbeddedTables.ReadJson("additional.schemas.json").EnumerateObject())
            .Select(definition => KeyValuePair.Create(definition.Name, definition.Value)),
        EmbeddedTables.ReadDescriptions());
}
