using System.Text.Json;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Caching;

/// <summary>One object at one revision, as the store has it. Immutable; what is derived from it is made once and shared by all
/// who read or watch it.</summary>
internal sealed class StoredObject
{
    private static readonly byte[] ResourceVersionStart = "\"resourceVersion\":\""u8.ToArray();

    private readonly Lock _gate = new();
    private readonly byte[] _stored;
    private readonly IReadOnlyDictionary<string, string> _labels;
    private Dictionary<string, string?>? _fields;
    private IKubernetesObject? _object;
    private List<(ResourceView View, ObjectForm Form, byte[] Bytes)>? _forms;

    /// <param name="stored">The value in the store: JSON of the storage version without resourceVersion.</param>
    /// <exception cref="JsonException">The value is no such object.</exception>
    public StoredObject(StoredResource resource, string key, byte[] stored, long revision)
        : this(resource, key, stored, revision, KubernetesJson.Deserialize(resource.Description.Kind, stored))
    {
    }

    private StoredObject(StoredResource resource, string key, byte[] stored, long revision, IKubernetesObject parsed)
    {
        Resource = resource;
        Key = key;
        Revision = revision;
        _stored = stored;
        _labels = parsed.Metadata.Labels is { Count: > 0 } labels ? labels : EmptyLabels;
        Uid = parsed.Metadata.Uid ?? "";
        IndexValue = resource.IndexedField is { } field ? resource.FieldLabels.Value(parsed, field) ?? "" : "";
        Json = WithResourceVersion(stored, revision);
    }

    /// <summary>The same state under another revision: what a watcher sees last of an object.</summary>
    private StoredObject(StoredObject state, long revision)
    {
        Resource = state.Resource;
        Key = state.Key;
        Revision = revision;
        _stored = state._stored;
        _labels = state._labels;
        Uid = state.Uid;
        IndexValue = state.IndexValue;
        Json = WithResourceVersion(_stored, revision);
    }

    public StoredResource Resource { get; }

    /// <summary><c>namespace/name</c>, or the name of a cluster-scoped object.</summary>
    public string Key { get; }

    public string Name => Key[(Key.IndexOf('/', StringComparison.Ordinal) + 1)..];

    public string Namespace => Resource.Description.IsNamespaced ? Key[..Key.IndexOf('/', StringComparison.Ordinal)] : "";

    /// <summary>The store's revision of this state: its resourceVersion.</summary>
    public long Revision { get; }

    public string Uid { get; }

    public IReadOnlyDictionary<string, string> Labels => _labels;

    /// <summary>Of the field by which watchers are found (<see cref="StoredResource.IndexedField"/>); else empty.</summary>
    public string IndexValue { get; }

    /// <summary>The storage version with its resourceVersion, in UTF-8.</summary>
    public byte[] Json { get; }

    /// <summary>What the store holds.</summary>
    public ReadOnlySpan<byte> Stored => _stored;

    private static IReadOnlyDictionary<string, string> EmptyLabels { get; } =
        System.Collections.ObjectModel.ReadOnlyDictionary<string, string>.Empty;

    public StoredObject AtRevision(long revision) => revision == Revision ? this : new StoredObject(this, revision);

    /// <summary>The object of the storage version, made anew: the caller's own.</summary>
    public IKubernetesObject Parse() => KubernetesJson.Deserialize(Resource.Description.Kind, Json);

    /// <summary>The object of the storage version; shared, never to be changed.</summary>
    public IKubernetesObject Shared => _object ??= Parse();

    /// <summary>A selectable field's value; empty if it has none.</summary>
    public string Field(string label)
    {
        if (label == Resource.IndexedField)
            return IndexValue;
        switch (label)
        {
            case "metadata.name": return Name;
            case "metadata.namespace": return Namespace;
        }

        lock (_gate)
        {
            _fields ??= [];
            if (!_fields.TryGetValue(label, out string? value))
                _fields[label] = value = Resource.FieldLabels.Value(_object ?? Parse(), label);
            return value ?? "";
        }
    }

    /// <summary>The object as this view of the resource shows it in this form; made once.</summary>
    public byte[] Encoded(ResourceView view, ObjectForm form)
    {
        if (form == ObjectForm.Full && view.IsStorageVersion)
            return Json;
        lock (_gate)
        {
            foreach (var known in _forms ?? [])
            {
                if (ReferenceEquals(known.View, view) && known.Form == form)
                    return known.Bytes;
            }

            byte[] bytes = view.Encode(this, form);
            (_forms ??= []).Add((view, form, bytes));
            return bytes;
        }
    }

    /// <summary>Puts <c>"resourceVersion":"N"</c> at the beginning of the metadata.</summary>
    private static byte[] WithResourceVersion(byte[] stored, long revision)
    {
        int place = MetadataStart(stored);
        Span<byte> digits = stackalloc byte[20];
        revision.TryFormat(digits, out int digitCount, provider: System.Globalization.CultureInfo.InvariantCulture);
        bool isEmpty = stored[place] == (byte)'}';
        var json = new byte[stored.Length + ResourceVersionStart.Length + digitCount + (isEmpty ? 1 : 2)];
        stored.AsSpan(0, place).CopyTo(json);
        int end = place;
        ResourceVersionStart.CopyTo(json, end);
        end += ResourceVersionStart.Length;
        digits[..digitCount].CopyTo(json.AsSpan(end));
        end += digitCount;
        json[end++] = (byte)'"';
        if (!isEmpty)
            json[end++] = (byte)',';
        stored.AsSpan(place).CopyTo(json.AsSpan(end));
        return json;
    }

    /// <summary>The index behind the brace that opens the top-level metadata.</summary>
    private static int MetadataStart(byte[] json)
    {
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 1)
                continue;
            bool isMetadata = reader.ValueTextEquals("metadata"u8);
            reader.Read();
            if (isMetadata && reader.TokenType == JsonTokenType.StartObject)
                return (int)reader.TokenStartIndex + 1;
            reader.Skip();
        }

        throw new JsonException("an object in the store has no metadata");
    }
}
