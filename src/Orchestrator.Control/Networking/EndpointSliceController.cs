using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Control.Pods;
using EndpointPort = Orchestrator.Api.DiscoveryV1.EndpointPort;

namespace Orchestrator.Control.Networking;

/// <summary>Writes the addresses of each service's pods into EndpointSlices.</summary>
public static class EndpointSliceController
{
    public const string ManagedByLabel = "endpointslice.kubernetes.io/managed-by";
    public const string ManagedBy = "endpointslice-controller.k8s.io";

    /// <summary>The most endpoints of one slice.</summary>
    public const int SliceLimit = 100;

    private static readonly TimeSpan BatchDelay = TimeSpan.FromMilliseconds(50);

    public static ControllerDescription Description { get; } = new()
    {
        Name = "endpoint-slice-controller",
        Reconcile = Reconcile,
        Workers = 5,
        Watches =
        [
            Watch.Self<Service>(),
            Watch.On<Pod>(PodAddresses.ServiceKeys) with { Delay = BatchDelay },
            Watch.On<EndpointSlice>(static (before, after, _) => KeysOfSlice(before, after, ManagedBy)),
            Watch.Silent<Node>(),
        ],
        Indexes = [SlicesByService, PodAddresses.PodsByLabel],
    };

    private const string ByService = "service";

    internal static ObjectIndex SlicesByService => ObjectIndex.Of<EndpointSlice>(ByService, static slice =>
        slice.Labels.TryGetValue(PodAddresses.ServiceNameLabel, out string? service) ? [$"{slice.Namespace}/{service}"] : []);

    internal static IEnumerable<EndpointSlice> SlicesOf(IObjectCache cache, NamespacedName service, string manager) =>
        cache.ByIndex<EndpointSlice>(ByService, $"{service.Namespace}/{service.Name}")
            .Where(slice => slice.Labels.GetValueOrDefault(ManagedByLabel) == manager);

    internal static IEnumerable<NamespacedName> KeysOfSlice(EndpointSlice? before, EndpointSlice? after, string manager)
    {
        foreach (var slice in new[] { before, after })
        {
            if (slice is not null && slice.Labels.GetValueOrDefault(ManagedByLabel) == manager
                && slice.Labels.TryGetValue(PodAddresses.ServiceNameLabel, out string? service))
            {
                yield return new NamespacedName(slice.Namespace, service);
            }
        }
    }

    public static Decision Reconcile(ReconcileInput input)
    {
        // The slices of a service that is gone are the garbage collector's.
        if (input.Cache.Get<Service>(input.Key.Namespace, input.Key.Name) is not { } service
            || service.IsBeingDeleted || !PodAddresses.HasSelector(service))
        {
            return Decision.Nothing;
        }
        var groups = Groups(service, input.Cache, out bool lacksNode);
        var packer = new SlicePacker(SliceLimit, group => NewSlice(service, group), slice => SyncMetadata(service, slice));
        var intents = packer.Pack(SlicesOf(input.Cache, service.Key, ManagedBy).ToList(), groups).Select(intent => intent with
        {
            OnFailure = EventNote.WarningAbout(service, "FailedToUpdateEndpointSlices",
                $"Error updating Endpoint Slices for Service {service.Namespace}/{service.Name}: {{error}}"),
        });
        return new Decision { Intents = intents.ToList(), RetryWithBackoff = lacksNode };
    }

    private static List<EndpointGroup> Groups(Service service, IObjectCache cache, out bool lacksNode)
    {
        lacksNode = false;
        var pods = new List<(Pod Pod, Node? Node)>();
        foreach (var pod in PodAddresses.Selected(service, cache).OrderBy(pod => pod.Name, StringComparer.Ordinal))
        {
            if (pod.IsTerminal() || !PodAddresses.IPs(pod).Any())
                continue;
            var node = pod.IsScheduled() ? cache.Get<Node>("", pod.Spec.NodeName!) : null;
            // A pod of a node that is not there cannot be reached; the node may also just not be seen yet.
            if (pod.IsScheduled() && node is null && service.Spec.PublishNotReadyAddresses != true)
                lacksNode = true;
            else
                pods.Add((pod, node));
        }
        return AddressTypes(service).SelectMany(type => Groups(service, pods, type)).ToList();
    }

    private static IEnumerable<string> AddressTypes(Service service) => service.Spec.IpFamilies is { Count: > 0 } families
        ? families
        : [service.Spec.ClusterIP is { } ip && PodAddresses.IsV6(ip) ? "IPv6" : "IPv4"];

    private static IEnumerable<EndpointGroup> Groups(
        Service service, IReadOnlyList<(Pod Pod, Node? Node)> pods, string addressType)
    {
        var groups = new Dictionary<string, (List<EndpointPort> Ports, List<Endpoint> Endpoints)>();
        foreach (var (pod, node) in pods)
        {
            var addresses = PodAddresses.IPs(pod).Where(ip => PodAddresses.IsV6(ip) == (addressType == "IPv6")).ToList();
            if (addresses.Count == 0)
                continue;
            var ports = Ports(service, pod);
            string key = SlicePacker.KeyOf(addressType, ports);
            if (!groups.TryGetValue(key, out var group))
                groups.Add(key, group = (ports, []));
            group.Endpoints.Add(EndpointOf(service, pod, node, addresses));
        }
        return groups.Count == 0
            ? [new EndpointGroup(addressType, [], [])]
            : groups.Values.Select(group => new EndpointGroup(addressType, group.Ports, group.Endpoints));
    }

    private static List<EndpointPort> Ports(Service service, Pod pod)
    {
        var ports = new List<EndpointPort>();
        foreach (var port in service.Spec.Ports.OrEmpty())
        {
            if (PodAddresses.TargetPort(pod, port) is { } number)
            {
                ports.Add(new EndpointPort
                {
                    Name = port.Name ?? "",
                    Port = number,
                    Protocol = port.Protocol ?? "TCP",
                    AppProtocol = port.AppProtocol,
                });
            }
        }
        return ports;
    }

    private static Endpoint EndpointOf(Service service, Pod pod, Node? node, List<string> addresses)
    {
        bool isServing = pod.IsReady();
        bool isTerminating = pod.IsBeingDeleted;
        string? zone = node?.Labels.GetValueOrDefault(PodAddresses.ZoneLabel);
        var endpoint = new Endpoint
        {
            Addresses = addresses,
            Conditions = new EndpointConditions
            {
                Ready = service.Spec.PublishNotReadyAddresses == true || (isServing && !isTerminating),
                Serving = isServing,
                Terminating = isTerminating,
            },
            Hostname = PodAddresses.Hostname(pod, service),
            NodeName = string.IsNullOrEmpty(pod.Spec.NodeName) ? null : pod.Spec.NodeName,
            TargetRef = PodAddresses.TargetRef(pod),
            Zone = zone,
        };
        endpoint.Hints = Hints(service, endpoint);
        return endpoint;
    }

    /// <summary>Whose traffic an endpoint is meant for, as the service's trafficDistribution asks.</summary>
    private static EndpointHints? Hints(Service service, Endpoint endpoint)
    {
        bool prefersZone = service.Spec.TrafficDistribution is "PreferClose" or "PreferSameZone" or "PreferSameNode";
        bool prefersNode = service.Spec.TrafficDistribution is "PreferSameNode";
        var hints = new EndpointHints
        {
            ForZones = prefersZone && endpoint.Zone is { } zone ? [new ForZone { Name = zone }] : null,
            ForNodes = prefersNode && endpoint.NodeName is { } node ? [new ForNode { Name = node }] : null,
        };
        return hints.ForZones is null && hints.ForNodes is null ? null : hints;
    }

    private static EndpointSlice NewSlice(Service service, EndpointGroup group)
    {
        var slice = new EndpointSlice
        {
            Metadata = new ObjectMeta { Namespace = service.Namespace, GenerateName = service.Name + "-" },
            AddressType = group.AddressType,
            Endpoints = [],
            Ports = [.. group.Ports],
        };
        SyncMetadata(service, slice);
        return slice;
    }

    /// <summary>A slice bears its service's labels and its own, and belongs to the service.</summary>
    /// <returns>Whether anything changed.</returns>
    private static bool SyncMetadata(Service service, EndpointSlice slice)
    {
        var labels = new Dictionary<string, string>(service.Labels)
        {
            [PodAddresses.ServiceNameLabel] = service.Name,
            [ManagedByLabel] = ManagedBy,
        };
        labels.Remove(PodAddresses.HeadlessLabel);
        if (PodAddresses.IsHeadless(service))
            labels[PodAddresses.HeadlessLabel] = "";
        bool isSame = slice.Labels.Count == labels.Count && labels.All(label =>
            slice.Labels.TryGetValue(label.Key, out string? value) && value == label.Value);
        bool isOwned = slice.IsControlledBy(service);
        slice.Metadata.Labels = labels;
        if (!isOwned)
            slice.Metadata.OwnerReferences = [References.Controller(service)];
        return !isSame || !isOwned;
    }
}
