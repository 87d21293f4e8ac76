using System.Collections.Concurrent;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Storage;

namespace Orchestrator.Runtime.ApiServer.Resources;

/// <summary>Objects of the watch caches as types.</summary>
internal sealed class CachedObjects(ResourceRegistry resources, ObjectStore store) : IObjectReader
{
    // A list of everything is made once for each snapshot.
    private readonly ConcurrentDictionary<GroupVersionKind, (ObjectSnapshot Snapshot, object List)> _lists = [];

    public async ValueTask<T?> GetAsync<T>(string ns, string name, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T>
    {
        var view = resources.ViewOf<T>();
        var stored = view.Stored!;
        await stored.Cache.FilledAsync(cancellationToken).ConfigureAwait(false);
        return stored.Cache.State.Snapshot.Find(stored.KeyOf(ns, name)) is { } value ? Typed<T>(view, value) : null;
    }

    public async ValueTask<T?> GetLiveAsync<T>(string ns, string name, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T>
    {
        var view = resources.ViewOf<T>();
        var stored = view.Stored!;
        var value = await store.GetAsync(stored, stored.KeyOf(ns, name), cancellationToken).ConfigureAwait(false);
        return value is null ? null : Typed<T>(view, value);
    }

    public async ValueTask<IReadOnlyList<T>> ListAsync<T>(string? ns = null, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T>
    {
        var view = resources.ViewOf<T>();
        var cache = view.Stored!.Cache;
        await cache.FilledAsync(cancellationToken).ConfigureAwait(false);
        var snapshot = cache.State.Snapshot;
        if (ns is not null && view.Description.IsNamespaced)
            return [.. snapshot.Range(ns + "/").Select(value => Typed<T>(view, value))];
        if (_lists.TryGetValue(T.StaticKind, out var known) && ReferenceEquals(known.Snapshot, snapshot))
            return (IReadOnlyList<T>)known.List;
        IReadOnlyList<T> list = [.. snapshot.Range("").Select(value => Typed<T>(view, value))];
        _lists[T.StaticKind] = (snapshot, list);
        return list;
    }

    public async ValueTask<IReadOnlyList<T>> ListIndexedAsync<T>(string? ns, string value, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T>
    {
        var view = resources.ViewOf<T>();
        var cache = view.Stored!.Cache;
        await cache.FilledAsync(cancellationToken).ConfigureAwait(false);
        return
        [
            .. cache.State.Snapshot.Range(ns is null ? "" : ns + "/").Where(stored => stored.IndexValue == value)
                .Select(stored => Typed<T>(view, stored)),
        ];
    }

    private static T Typed<T>(ResourceView view, StoredObject value)
        where T : class, IKubernetesObject<T> => view.IsStorageVersion
        ? (T)value.Shared
        : KubernetesJson.Deserialize<T>(view.Encode(value, ObjectForm.Full));
}
