using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Control.Dns;
using Orchestrator.Runtime.Informers;

namespace Orchestrator.Runtime.Dns;

/// <summary>Makes a new zone of each change of a namespace, a service or its endpoints.</summary>
internal sealed class ZoneFeed : IDisposable
{
    private const string ServiceNameLabel = "kubernetes.io/service-name";

    private readonly Lock _lock = new();
    private readonly ILogger _log;
    private readonly Dictionary<NamespacedName, Service> _services = [];
    private readonly Dictionary<NamespacedName, Dictionary<string, EndpointSlice>> _slices = [];
    private readonly List<IDisposable> _registrations = [];
    private readonly Informer[] _informers;
    private ClusterZone _zone;
    private volatile bool _isSynced;

    public ZoneFeed(ClusterZoneSettings settings, InformerFactory informers, ILogger log)
    {
        _log = log;
        _zone = ClusterZone.Create(settings);
        var namespaces = informers.ForMetadata(Client.ApiClient.ResourceOf<Namespace>());
        var services = informers.For<Service>();
        var slices = informers.For<EndpointSlice>();
        _informers = [namespaces, services.Informer, slices.Informer];
        _registrations.Add(namespaces.AddHandler(TakeNamespace));
        _registrations.Add(services.AddHandler(Take, (_, service) => Take(service), (service, _) => Drop(service)));
        _registrations.Add(slices.AddHandler(
            slice => Move(null, slice), Move, (slice, _) => Move(slice, null)));
    }

    /// <summary>Null until all is known: half a list would deny the other half.</summary>
    public ClusterZone? Zone => _isSynced ? Volatile.Read(ref _zone) : null;

    public async Task WaitForSyncAsync(CancellationToken ct)
    {
        foreach (var informer in _informers)
            await informer.WaitForSyncAsync(ct);
        _isSynced = true;
    }

    public void Dispose() => _registrations.ForEach(registration => registration.Dispose());

    private void TakeNamespace(InformerChange change)
    {
        // Most changes of a namespace say nothing of its name.
        if (change.Type == InformerChangeType.Updated)
            return;
        lock (_lock)
        {
            Volatile.Write(ref _zone, change.Type == InformerChangeType.Deleted
                ? _zone.WithoutNamespace(change.Current.Name)
                : _zone.WithNamespace(change.Current.Name));
        }
    }

    private void Take(Service service)
    {
        lock (_lock)
        {
            _services[service.Key] = service;
            Rebuild(service.Key);
        }
    }

    private void Drop(Service service)
    {
        lock (_lock)
        {
            _services.Remove(service.Key);
            Volatile.Write(ref _zone, _zone.WithoutService(service.Namespace, service.Name));
        }
    }

    private void Move(EndpointSlice? before, EndpointSlice? now)
    {
        lock (_lock)
        {
            var keyBefore = ServiceOf(before);
            var keyNow = ServiceOf(now);
            if (keyBefore is { } old && old != keyNow && _slices.TryGetValue(old, out var left))
            {
                left.Remove(before!.Name);
                if (left.Count == 0)
                    _slices.Remove(old);
                Rebuild(old);
            }
            if (keyNow is not { } key)
                return;
            if (!_slices.TryGetValue(key, out var slices))
                _slices[key] = slices = [];
            slices[now!.Name] = now!;
            Rebuild(key);
        }
    }

    private static NamespacedName? ServiceOf(EndpointSlice? slice) =>
        slice is not null && slice.AddressType != "FQDN" && slice.Labels.TryGetValue(ServiceNameLabel, out string? service)
            ? new NamespacedName(slice.Namespace, service)
            : null;

    private void Rebuild(NamespacedName key)
    {
        if (!_services.TryGetValue(key, out var service))
            return;
        try
        {
            IReadOnlyList<EndpointSlice> slices = _slices.TryGetValue(key, out var some) ? [.. some.Values] : [];
            Volatile.Write(ref _zone, _zone.WithService(service, slices));
        }
        catch (FormatException e)
        {
            // The API server lets no such name pass; another's might.
            _log.LogWarning("service {Service} has no name that could be asked for: {Fault}", key, e.Message);
        }
    }
}
