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

    // Where the resourceVersion stands in Json, and how long it is: what is left without it is the store's value.
    private readonly int _versionStart;
    private readonly int _versionLength;
    private Dictionary<string, string?>? _fields;
    private IKubernetesObject? _object;
    private List<(ResourceView View, ObjectForm Form, byte[] Bytes)>? _forms;

    private StoredObject(StoredResource resource, string key, ReadOnlySpan<byte> stored, long revision)
    {
        Resource = resource;
        Key = key;
        Revision = revision;
        var header = ObjectHeader.Read(stored, resource.IndexedField);
        Labels = header.Labels ?? EmptyLabels;
        Uid = header.Uid;
        IndexValue = header.IndexValue;
        _versionStart = header.MetadataStart;
        Json = WithResourceVersion(stored, _versionStart, revision);
        _versionLength = Json.Length - stored.Length;
    }

    /// <summary>The same state under another revision: what a watcher sees last of an object.</summary>
    private StoredObject(StoredObject state, long revision)
    {
        Resource = state.Resource;
        Key = state.Key;
        Revision = revision;
        Labels = state.Labels;
        Uid = state.Uid;
        IndexValue = state.IndexValue;
        _versionStart = state._versionStart;
        byte[] stored = [.. state.Json.AsSpan(0, _versionStart), .. state.Json.AsSpan(_versionStart + state._versionLength)];
        Json = WithResourceVersion(stored, _versionStart, revision);
        _versionLength = Json.Length - stored.Length;
    }

    /// <summary>A value that anybody may have put into the store: JSON of the storage version without resourceVersion.</summary>
    /// <exception cref="JsonException">The value is no such object.</exception>
    public static StoredObject Read(StoredResource resource, string key, ReadOnlySpan<byte> stored, long revision)
    {
        KubernetesJson.Deserialize(resource.Description.Kind, stored);
        return new StoredObject(resource, key, stored, revision);
    }

    /// <summary>A value that was just made of such an object.</summary>
    public static StoredObject Written(StoredResource resource, string key, ReadOnlySpan<byte> stored, long revision) =>
        new(resource, key, stored, revision);

    public StoredResource Resource { get; }

    /// <summary><c>namespace/name</c>, or the name of a cluster-scoped object.</summary>
    public string Key { get; }

    public string Name => Key[(Key.IndexOf('/', StringComparison.Ordinal) + 1)..];

    public string Namespace => Resource.Description.IsNamespaced ? Key[..Key.IndexOf('/', StringComparison.Ordinal)] : "";

    /// <summary>The store's revision of this state: its resourceVersion.</summary>
    public long Revision { get; }

    public string Uid { get; }

    public IReadOnlyDictionary<string, string> Labels { get; }

    /// <summary>Of the field by which watchers are found (<see cref="StoredResource.IndexedField"/>); else empty.</summary>
    public string IndexValue { get; }

    /// <summary>The storage version with its resourceVersion, in UTF-8.</summary>
    public byte[] Json { get; }

    private static IReadOnlyDictionary<string, string> EmptyLabels { get; } =
        System.Collections.ObjectModel.ReadOnlyDictionary<string, string>.Empty;

    public StoredObject AtRevision(long revision) => revision == Revision ? this : new StoredObject(this, revision);

    /// <summary>Whether this is what the store holds.</summary>
    public bool IsStoredAs(ReadOnlySpan<byte> value) =>
        value.Length == Json.Length - _versionLength
        && value[.._versionStart].SequenceEqual(Json.AsSpan(0, _versionStart))
        && value[_versionStart..].SequenceEqual(Json.AsSpan(_versionStart + _versionLength));

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

    /// <summary>The object as this view of the resource shows it in this form; made once, and kept for all who watch.</summary>
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
    private static byte[] WithResourceVersion(ReadOnlySpan<byte> stored, int place, long revision)
    {
        Span<byte> digits = stackalloc byte[20];
        revision.TryFormat(digits, out int digitCount, provider: System.Globalization.CultureInfo.InvariantCulture);
        bool isEmpty = stored[place] == (byte)'}';
        var json = new byte[stored.Length + ResourceVersionStart.Length + digitCount + (isEmpty ? 1 : 2)];
        stored[..place].CopyTo(json);
        int end = place;
        ResourceVersionStart.CopyTo(json, end);
        end += ResourceVersionStart.Length;
        digits[..digitCount].CopyTo(json.AsSpan(end));
        end += digitCount;
        json[end++] = (byte)'"';
        if (!isEmpty)
            json[end++] = (byte)',';
        stored[place..].CopyTo(json.AsSpan(end));
        return json;
    }
}
