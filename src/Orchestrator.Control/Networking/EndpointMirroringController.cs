using Orchestrator.Api.DiscoveryV1;
using EndpointPort = Orchestrator.Api.DiscoveryV1.EndpointPort;
using EndpointsObject = Orchestrator.Api.CoreV1.Endpoints;

namespace Orchestrator.Control.Networking;

/// <summary>Copies Endpoints that people write themselves (services without a selector) into EndpointSlices, which is where
/// proxies look.</summary>
public static class EndpointMirroringController
{
    public const string ManagedBy = "endpointslicemirroring-controller.k8s.io";
    public const string SkipLabel = "endpointslice.kubernetes.io/skip-mirror";

    /// <summary>The most addresses that are taken over from one subset.</summary>
    public const int SubsetLimit = 1000;

    private const string LeaderAnnotation = "control-plane.alpha.kubernetes.io/leader";
    private const string LastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";

    public static ControllerDescription Description { get; } = new()
    {
        Name = "endpoint-slice-mirroring-controller",
        Reconcile = Reconcile,
        Workers = 5,
        Watches =
        [
            Watch.Self<EndpointsObject>(),
            Watch.Self<Service>(),
            Watch.On<EndpointSlice>(static (before, after, _) =>
                EndpointSliceController.KeysOfSlice(before, after, ManagedBy)),
        ],
        Indexes = [EndpointSliceController.SlicesByService],
    };

    public static Decision Reconcile(ReconcileInput input)
    {
        var slices = EndpointSliceController.SlicesOf(input.Cache, input.Key, ManagedBy).ToList();
        var endpoints = input.Cache.Get<EndpointsObject>(input.Key.Namespace, input.Key.Name);
        var service = input.Cache.Get<Service>(input.Key.Namespace, input.Key.Name);
        if (endpoints is null || service is null || !IsMirrored(endpoints) || PodAddresses.HasSelector(service)
            || service.Spec.Type == "ExternalName")
        {
            return Decision.Of(slices.Where(slice => !slice.IsBeingDeleted)
                .Select(Intent (slice) => new Delete(ObjectRef.To(slice))).ToList());
        }
        var packer = new SlicePacker(
            SubsetLimit, group => NewSlice(endpoints, group), slice => SyncMetadata(endpoints, slice));
        return Decision.Of(packer.Pack(slices, Groups(endpoints)));
    }

    private static bool IsMirrored(EndpointsObject endpoints) => !endpoints.IsBeingDeleted
        && endpoints.Labels.GetValueOrDefault(SkipLabel) != "true" && !endpoints.Annotations.ContainsKey(LeaderAnnotation);

    private static List<EndpointGroup> Groups(EndpointsObject endpoints)
    {
        var groups = new Dictionary<string, (string Type, List<EndpointPort> Ports, List<Endpoint> Endpoints)>();
        foreach (var subset in endpoints.Subsets.OrEmpty())
        {
            var ports = subset.Ports.OrEmpty().Select(port => new EndpointPort
            {
                Name = port.Name ?? "",
                Port = port.Port,
                Protocol = port.Protocol ?? "TCP",
                AppProtocol = port.AppProtocol,
            }).ToList();
            var addresses = subset.Addresses.OrEmpty().Select(address => (address, true))
                .Concat(subset.NotReadyAddresses.OrEmpty().Select(address => (address, false))).Take(SubsetLimit);
            foreach (var (address, isReady) in addresses)
            {
                string type = PodAddresses.IsV6(address.Ip ?? "") ? "IPv6" : "IPv4";
                string key = SlicePacker.KeyOf(type, ports);
                if (!groups.TryGetValue(key, out var group))
                    groups.Add(key, group = (type, ports, []));
                group.Endpoints.Add(EndpointOf(address, isReady));
            }
        }
        return groups.Values.Select(group => new EndpointGroup(group.Type, group.Ports, group.Endpoints)).ToList();
    }

    private static Endpoint EndpointOf(EndpointAddress address, bool isReady) => new()
    {
        Addresses = [address.Ip ?? ""],
        Conditions = new EndpointConditions { Ready = isReady },
        Hostname = string.IsNullOrEmpty(address.Hostname) ? null : address.Hostname,
        NodeName = address.NodeName,
        TargetRef = address.TargetRef?.DeepClone(),
    };

    private static EndpointSlice NewSlice(EndpointsObject endpoints, EndpointGroup group)
    {
        var slice = new EndpointSlice
        {
            Metadata = new ObjectMeta { Namespace = endpoints.Namespace, GenerateName = endpoints.Name + "-" },
            AddressType = group.AddressType,
            Endpoints = [],
            Ports = [.. group.Ports],
        };
        SyncMetadata(endpoints, slice);
        return slice;
    }

    private static bool SyncMetadata(EndpointsObject endpoints, EndpointSlice slice)
    {
        var labels = new Dictionary<string, string>(endpoints.Labels)
        {
            [PodAddresses.ServiceNameLabel] = endpoints.Name,
            [EndpointSliceController.ManagedByLabel] = ManagedBy,
        };
        var annotations = endpoints.Annotations.Where(pair => pair.Key != LastAppliedAnnotation).ToDictionary();
        bool isSame = Same(slice.Labels, labels) && Same(slice.Annotations, annotations) && slice.IsControlledBy(endpoints);
        slice.Metadata.Labels = labels;
        slice.Metadata.Annotations = annotations.Count == 0 ? null : annotations;
        slice.Metadata.OwnerReferences = [References.Controller(endpoints)];
        return !isSame;
    }

    private static bool Same(IReadOnlyDictionary<string, string> x, Dictionary<string, string> y) =>
        x.Count == y.Count && y.All(pair => x.TryGetValue(pair.Key, out string? value) && value == pair.Value);
}
