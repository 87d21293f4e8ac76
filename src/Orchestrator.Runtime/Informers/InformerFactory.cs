using Orchestrator.Api;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Runtime.Informers;

/// <summary>One informer for each resource, shared by all who ask for it.</summary>
/// <remarks>Thread-safe. Informers asked for after <see cref="Start"/> are started by the next call of it.</remarks>
public sealed class InformerFactory(ApiClient client, InformerOptions? defaults = null)
{
    private readonly Lock _lock = new();
    private readonly InformerOptions _defaults = defaults ?? new InformerOptions();
    private readonly Dictionary<(GroupVersionKind Kind, bool IsMetadataOnly), Informer> _informers = [];
    private readonly Dictionary<Informer, Task> _running = [];

    public SharedInformer<T> For<T>()
        where T : class, IKubernetesObject<T> =>
        new(For(T.StaticKind));

    public Informer For(GroupVersionKind kind) => For(ApiClient.ResourceOf(kind), isMetadataOnly: false);

    /// <summary>Metadata of any resource's objects.</summary>
    public Informer ForMetadata(ResourceDescription resource) => For(resource, isMetadataOnly: true);

    /// <summary>Starts all informers that do not run yet; they end when cancelled.</summary>
    public void Start(CancellationToken cancellation)
    {
        lock (_lock)
        {
            foreach (var informer in _informers.Values)
            {
                if (!_running.ContainsKey(informer))
                    _running.Add(informer, informer.RunAsync(cancellation));
            }
        }
    }

    /// <summary>Waits until every informer has its first list.</summary>
    public async Task WaitForSyncAsync(CancellationToken cancellation = default)
    {
        foreach (var informer in All)
            await informer.WaitForSyncAsync(cancellation);
    }

    /// <summary>Starts all informers and waits until they have ended.</summary>
    public Task RunAsync(CancellationToken cancellation)
    {
        Start(cancellation);
        return WaitForEndAsync();
    }

    /// <summary>Completes when all that were started have ended.</summary>
    public Task WaitForEndAsync()
    {
        lock (_lock)
            return Task.WhenAll(_running.Values);
    }

    public IReadOnlyList<Informer> All
    {
        get
        {
            lock (_lock)
                return [.. _informers.Values];
        }
    }

    private Informer For(ResourceDescription resource, bool isMetadataOnly)
    {
        lock (_lock)
        {
            var key = (resource.Kind, isMetadataOnly);
            if (!_informers.TryGetValue(key, out var informer))
            {
                informer = new Informer(client, resource, _defaults with { IsMetadataOnly = isMetadataOnly });
                _informers.Add(key, informer);
            }
            return informer;
        }
    }
}
