using System.Collections.Concurrent;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>The cluster's services as the API last showed them: what containers are told of in their environment.</summary>
internal sealed class ServiceCatalog : IObjectSink<Service>
{
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, Service>> _byNamespace = new();
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes once all services have been told: a container that started before would never hear of them.</summary>
    public Task WaitForSyncAsync(CancellationToken ct) => _synced.Task.WaitAsync(ct);

    public IEnumerable<Service> Of(string ns) => _byNamespace.TryGetValue(ns, out var services) ? services.Values : [];

    public void Changed(Service value) => _byNamespace.GetOrAdd(value.Namespace, _ => new())[value.Name] = value;

    public void Deleted(Service value)
    {
        if (_byNamespace.TryGetValue(value.Namespace, out var services))
            services.TryRemove(value.Name, out _);
    }

    public void Synced() => _synced.TrySetResult();
}
