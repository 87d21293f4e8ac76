using KvStore.Client;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Caching;

namespace Orchestrator.Runtime.ApiServer.Resources;

/// <summary>All resources that are served, by name, by type, and by what they are stored as.</summary>
internal sealed class ResourceRegistry : IAsyncDisposable
{
    private readonly Dictionary<GroupVersionResource, ResourceView> _views = [];
    private readonly Dictionary<GroupVersionKind, ResourceView> _byKind = [];
    private readonly Dictionary<string, StoredResource> _stored = new(StringComparer.Ordinal);

    // One for all caches: an idle server wakes up once a second, not once for each of fifty resources.
    private readonly ITimer _tick;

    public ResourceRegistry(EtcdClient store, TimeProvider clock, ILoggerFactory loggers)
    {
        foreach (var description in ResourceTable.Served.All.Where(IsStorageVersion))
            _stored.Add(description.StoragePrefix!, new StoredResource(description, store, clock, loggers));
        foreach (var description in ResourceTable.Served.All)
        {
            var view = new ResourceView(
                description, _stored.GetValueOrDefault(description.StoragePrefix ?? ""), ConversionOf(description), clock);
            _views.Add(view.Resource, view);
            _byKind.TryAdd(description.Kind, view);
        }
        _tick = clock.CreateTimer(static self => ((ResourceRegistry)self!).Tick(), this, WatchCache.TickInterval, WatchCache.TickInterval);
    }

    public IReadOnlyCollection<ResourceView> Views => _views.Values;

    public IReadOnlyCollection<StoredResource> Stored => _stored.Values;

    public ResourceView? Find(string group, string version, string plural) =>
        _views.GetValueOrDefault(new GroupVersionResource(group, version, plural));

    public ResourceView ViewOf(GroupVersionKind kind) =>
        _byKind.TryGetValue(kind, out var view) ? view : throw new ArgumentException($"{kind} is not served");

    public ResourceView ViewOf<T>()
        where T : class, IKubernetesObject<T> => ViewOf(T.StaticKind);

    public async ValueTask DisposeAsync()
    {
        await _tick.DisposeAsync().ConfigureAwait(false);
        foreach (var stored in _stored.Values)
            await stored.DisposeAsync().ConfigureAwait(false);
    }

    private void Tick()
    {
        foreach (var stored in _stored.Values)
        {
            if (stored.HasCache)
                stored.Cache.Tick();
        }
    }

    private static bool IsStorageVersion(ResourceDescription description) =>
        description.StoragePrefix is not null && ConversionOf(description) is null;

    private static IVersionConversion? ConversionOf(ResourceDescription description) =>
        (description.Group, description.Version, description.Plural) switch
        {
            ("events.k8s.io", "v1", "events") => new EventConversion(),
            ("autoscaling", "v1", "horizontalpodautoscalers") => new AutoscalerConversion(),
            _ => null,
        };
}
