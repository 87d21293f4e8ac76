using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using KvStore.Client;
using KvStore.Protocol;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.Fields;
using Orchestrator.Api.Strategies;
using Orchestrator.Runtime.ApiServer.Caching;

namespace Orchestrator.Runtime.ApiServer.Resources;

/// <summary>What lies under one prefix of the store: its storage version, its cache, its rules.</summary>
internal sealed class StoredResource : IAsyncDisposable
{
    private readonly Lazy<WatchCache> _cache;

    // What was written here and has not yet come back by the store's watch.
    private readonly ConcurrentDictionary<string, StoredObject> _written = new(StringComparer.Ordinal);

    public StoredResource(ResourceDescription description, EtcdClient store, TimeProvider clock, ILoggerFactory loggers)
    {
        Description = description;
        Prefix = description.StoragePrefix!;
        Strategy = Strategy.For(description);
        FieldLabels = FieldLabels.For(description);
        IndexedField = description is { Group: "", Plural: "pods" } ? "spec.nodeName" : null;
        _cache = new Lazy<WatchCache>(() => new WatchCache(store, this, clock, loggers.CreateLogger<WatchCache>()));
    }

    /// <summary>Of the version that is stored.</summary>
    public ResourceDescription Description { get; }

    /// <summary><c>/registry/pods/</c></summary>
    public string Prefix { get; }

    public Strategy Strategy { get; }

    public FieldLabels FieldLabels { get; }

    /// <summary>The field by whose value most watchers pick: those of kubelets. Null for most resources.</summary>
    public string? IndexedField { get; }

    /// <summary>Begins when it is first asked for.</summary>
    public WatchCache Cache => _cache.Value;

    public bool HasCache => _cache.IsValueCreated;

    public GroupResource GroupResource => new(Description.Group, Description.Plural);

    /// <param name="ns">Empty for cluster-scoped resources.</param>
    public string KeyOf(string ns, string name) => Description.IsNamespaced ? $"{ns}/{name}" : name;

    /// <summary>The key of <see cref="StoredObject.Key"/> for one in the store.</summary>
    public string KeyOf(ReadOnlySpan<byte> storeKey) => Encoding.UTF8.GetString(storeKey[Prefix.Length..]);

    public string StoreKeyOf(string key) => Prefix + key;

    /// <exception cref="UnreadableValueException">The value is no such object.</exception>
    public StoredObject Read(KeyValue kv)
    {
        string key = KeyOf(kv.Key.Span);
        try
        {
            if (key.AsSpan().Count('/') != (Description.IsNamespaced ? 1 : 0))
                throw new FormatException("no object has this key");
            return StoredObject.Read(this, key, kv.Value.Span, kv.ModRevision);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException or OverflowException)
        {
            throw new UnreadableValueException(GroupResource, StoreKeyOf(key), kv.ModRevision, exception);
        }
    }

    /// <summary>The state that a write of ours has left in the store; the cache will take this very object.</summary>
    public StoredObject Written(string key, ReadOnlySpan<byte> value, long revision)
    {
        var state = StoredObject.Written(this, key, value, revision);
        if (!HasCache)
            return state;
        _written[key] = state;
        // The watch was faster than the answer to the write.
        if (Cache.State.Revision >= revision)
            _written.TryRemove(KeyValuePair.Create(key, state));
        return state;
    }

    /// <summary>A state that the store's watch tells of: the object that was written here, or one made of the value.</summary>
    /// <exception cref="UnreadableValueException">The value is no such object.</exception>
    public StoredObject Observe(KeyValue kv)
    {
        string key = KeyOf(kv.Key.Span);
        if (_written.TryGetValue(key, out var written) && written.Revision <= kv.ModRevision)
        {
            _written.TryRemove(KeyValuePair.Create(key, written));
            if (written.Revision == kv.ModRevision)
                return written;
        }

        return Read(kv);
    }

    /// <summary>The key is gone, and with it what was written under it.</summary>
    public void ForgetWritten(string key) => _written.TryRemove(key, out _);

    /// <summary>Nothing that was written before is waited for any more.</summary>
    public void ForgetWritten() => _written.Clear();

    public ValueTask DisposeAsync() => _cache.IsValueCreated ? _cache.Value.DisposeAsync() : ValueTask.CompletedTask;
}
