using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Control.Proxying;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Informers;

namespace Orchestrator.Runtime.Proxy;

/// <summary>Services, their slices and the node, as the API server shows them, and which services have changed since somebody asked.</summary>
internal sealed class ServiceFollower
{
    private const string ByService = "service";
    private const string ByPod = "pod";
    private const string ZoneLabel = "topology.kubernetes.io/zone";

    private readonly Informer _services;
    private readonly Informer _slices;
    private readonly Informer _node;
    private readonly string _nodeName;
    private readonly Action _wake;
    private readonly Lock _lock = new();
    private HashSet<NamespacedName> _changed = [];

    /// <param name="wake">Called at each change; it must be quick.</param>
    public ServiceFollower(ApiClient client, ServiceProxyOptions options, Action wake)
    {
        _wake = wake;
        _nodeName = options.NodeName;
        // A node that was away must not stay away: its rules lead to pods that may be gone.
        var informer = new InformerOptions { Log = options.Log, RetryLimit = TimeSpan.FromSeconds(5) };
        _services = new Informer(client, ApiClient.ResourceOf<Service>(), informer with { LabelSelector = $"!{ServiceRules.ProxyNameLabel}" });
        _slices = new Informer(client, ApiClient.ResourceOf<EndpointSlice>(), informer with
        {
            LabelSelector = $"!{ServiceRules.ProxyNameLabel},!service.kubernetes.io/headless",
        });
        _node = new Informer(client, ApiClient.ResourceOf<Node>(), informer with { FieldSelector = $"metadata.name={options.NodeName}" });
        _slices.AddIndex(ByService, static slice => ServiceOf(slice) is { } service ? [service.ToString()!] : []);
        _slices.AddIndex(ByPod, slice => PodsOf((EndpointSlice)slice));
        _services.AddHandler(change => Changed(change.Current.Key));
        _slices.AddHandler(change =>
        {
            // A slice's service is a label, which may be changed as any other.
            Changed(change.Old is null ? null : ServiceOf(change.Old));
            Changed(change.New is null ? null : ServiceOf(change.New));
        });
        _node.AddHandler(change =>
        {
            if (Zone(change.Old) != Zone(change.New))
                _wake();
        });
    }

    /// <summary>The node's zone; "" while it is unknown.</summary>
    public string NodeZone => Zone(_node.Get("", _nodeName));

    public Task RunAsync(CancellationToken cancellation) => Task.WhenAll(
        _services.RunAsync(cancellation), _slices.RunAsync(cancellation), _node.RunAsync(cancellation));

    /// <summary>Until all are known: rules of half of the services would cut the other half off.</summary>
    public async Task WaitForSyncAsync(CancellationToken cancellation)
    {
        await _services.WaitForSyncAsync(cancellation);
        await _slices.WaitForSyncAsync(cancellation);
        await _node.WaitForSyncAsync(cancellation);
    }

    public IReadOnlyList<Service> Services => _services.List<Service>();

    public Service? Service(NamespacedName key) => (Service?)_services.Get(key);

    public IReadOnlyList<EndpointSlice> SlicesOf(NamespacedName service) => _slices.ByIndex<EndpointSlice>(ByService, service.ToString()!);

    /// <summary>Those of the node's pods, by uid, to which a service sends as long as it has a choice.</summary>
    public IReadOnlyList<string> PodsOf(NamespacedName service) => [.. SlicesOf(service).SelectMany(PodsOf).Distinct()];

    /// <summary>Whether any service sends to a pod of this node, as far as is known here.</summary>
    public bool IsSentTo(string pod) => _slices.CountByIndex(ByPod, pod) > 0;

    /// <summary>The services that have changed since the last call.</summary>
    public IReadOnlyCollection<NamespacedName> TakeChanged()
    {
        lock (_lock)
        {
            var taken = _changed;
            _changed = [];
            return taken;
        }
    }

    // One that ends counts no more, though a service that has no other still sends there: that would never end.
    private IEnumerable<string> PodsOf(EndpointSlice slice) => slice.Endpoints.OrEmpty()
        .Where(endpoint => endpoint.NodeName == _nodeName
            && endpoint.TargetRef is { Kind: "Pod", Uid.Length: > 0 }
            && endpoint.Conditions is null or { Ready: not false, Terminating: not true })
        .Select(endpoint => endpoint.TargetRef!.Uid!);

    private void Changed(NamespacedName? service)
    {
        if (service is not { } key)
            return;
        lock (_lock)
            _changed.Add(key);
        _wake();
    }

    private static NamespacedName? ServiceOf(IKubernetesObject slice) =>
        slice.Labels.TryGetValue(ServiceRules.ServiceNameLabel, out string? name) ? new NamespacedName(slice.Namespace, name) : null;

    private static string Zone(IKubernetesObject? node) => node?.Labels.GetValueOrDefault(ZoneLabel) ?? "";
}
