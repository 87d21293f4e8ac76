using Orchestrator.Control.Pods;

namespace Orchestrator.Control.Networking;

/// <summary>Writes the addresses of each service's pods into its Endpoints object, for those who still read these.</summary>
public static class EndpointsController
{
    public const string ManagedByLabel = "endpoints.kubernetes.io/managed-by";
    public const string ManagedBy = "endpoint-controller";
    public const string OverCapacityAnnotation = "endpoints.kubernetes.io/over-capacity";

    /// <summary>The most addresses of one object; beyond that it is truncated, and says so.</summary>
    public const int AddressLimit = 1000;

    public static ControllerDescription Description { get; } = new()
    {
        Name = "endpoint-controller",
        Reconcile = Reconcile,
        Workers = 5,
        Watches =
        [
            Watch.Self<Service>(),
            Watch.On<Pod>(PodAddresses.ServiceKeys) with { Delay = TimeSpan.FromMilliseconds(50) },
            Watch.Self<Orchestrator.Api.CoreV1.Endpoints>(),
        ],
        Indexes = [PodAddresses.PodsByLabel],
    };

    public static Decision Reconcile(ReconcileInput input)
    {
        var existing = input.Cache.Get<Orchestrator.Api.CoreV1.Endpoints>(input.Key.Namespace, input.Key.Name);
        if (input.Cache.Get<Service>(input.Key.Namespace, input.Key.Name) is not { } service)
        {
            // Only what was written here: others (leader election of old) keep Endpoints without a service.
            return existing is not null && existing.Labels.GetValueOrDefault(ManagedByLabel) == ManagedBy
                ? Decision.Of(new Delete(ObjectRef.To(existing))) : Decision.Nothing;
        }
        if (!PodAddresses.HasSelector(service))
            return Decision.Nothing;
        var wanted = existing?.DeepClone() ?? new Orchestrator.Api.CoreV1.Endpoints
        {
            Metadata = new ObjectMeta { Namespace = service.Namespace, Name = service.Name },
        };
        wanted.Metadata.Labels = Labels(service);
        wanted.Subsets = Subsets(service, input.Cache, out bool isTruncated);
        Mark(wanted, isTruncated);
        if (existing is null)
        {
            return Decision.Of(new Create(wanted)
            {
                OnFailure = EventNote.WarningAbout(service, "FailedToCreateEndpoint",
                    $"Failed to create endpoint for service {service.Namespace}/{service.Name}: {{error}}"),
            });
        }
        return wanted.DeepEquals(existing) ? Decision.Nothing : Decision.Of(new Update(wanted)
        {
            OnFailure = EventNote.WarningAbout(service, "FailedToUpdateEndpoint",
                $"Failed to update endpoint {service.Namespace}/{service.Name}: {{error}}"),
        });
    }

    private static Dictionary<string, string> Labels(Service service)
    {
        var labels = new Dictionary<string, string>(service.Labels) { [ManagedByLabel] = ManagedBy };
        labels.Remove(PodAddresses.HeadlessLabel);
        if (PodAddresses.IsHeadless(service))
            labels[PodAddresses.HeadlessLabel] = "";
        return labels;
    }

    private static void Mark(Orchestrator.Api.CoreV1.Endpoints endpoints, bool isTruncated)
    {
        if (isTruncated)
            (endpoints.Metadata.Annotations ??= [])[OverCapacityAnnotation] = "truncated";
        else
            endpoints.Metadata.Annotations?.Remove(OverCapacityAnnotation);
        if (endpoints.Metadata.Annotations is { Count: 0 })
            endpoints.Metadata.Annotations = null;
    }

    private static List<EndpointSubset>? Subsets(Service service, IObjectCache cache, out bool isTruncated)
    {
        bool publishesAll = service.Spec.PublishNotReadyAddresses == true;
        bool wantsV6 = service.Spec.IpFamilies is { Count: > 0 } families ? families[0] == "IPv6"
            : service.Spec.ClusterIP is { } clusterIP && PodAddresses.IsV6(clusterIP);
        var entries = new List<(EndpointAddress Address, bool IsReady, List<EndpointPort> Ports)>();
        foreach (var pod in PodAddresses.Selected(service, cache).OrderBy(pod => pod.Name, StringComparer.Ordinal))
        {
            string? ip = PodAddresses.IPs(pod).FirstOrDefault(ip => PodAddresses.IsV6(ip) == wantsV6);
            if (ip is null || pod.IsTerminal() || (pod.IsBeingDeleted && !publishesAll))
                continue;
            entries.Add((AddressOf(service, pod, ip), publishesAll || pod.IsReady(), Ports(service, pod)));
        }
        isTruncated = entries.Count > AddressLimit;
        // Whom to leave out: first those that serve nobody.
        if (isTruncated)
            entries = entries.OrderByDescending(entry => entry.IsReady).Take(AddressLimit).ToList();
        bool isPortless = service.Spec.Ports.OrEmpty().Count == 0 && PodAddresses.IsHeadless(service);
        var subsets = entries.Where(entry => isPortless || entry.Ports.Count > 0)
            .GroupBy(entry => string.Join("|", entry.Ports.Select(port => $"{port.Name}/{port.Port}/{port.Protocol}")))
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => new EndpointSubset
            {
                Addresses = Sorted(group.Where(entry => entry.IsReady).Select(entry => entry.Address)),
                NotReadyAddresses = Sorted(group.Where(entry => !entry.IsReady).Select(entry => entry.Address)),
                Ports = group.First().Ports is { Count: > 0 } ports ? ports : null,
            }).ToList();
        return subsets.Count == 0 ? null : subsets;
    }

    private static List<EndpointAddress>? Sorted(IEnumerable<EndpointAddress> addresses)
    {
        var sorted = addresses.OrderBy(address => address.Ip, StringComparer.Ordinal)
            .ThenBy(address => address.TargetRef?.Uid, StringComparer.Ordinal).ToList();
        return sorted.Count == 0 ? null : sorted;
    }

    private static EndpointAddress AddressOf(Service service, Pod pod, string ip) => new()
    {
        Ip = ip,
        Hostname = PodAddresses.Hostname(pod, service),
        NodeName = string.IsNullOrEmpty(pod.Spec.NodeName) ? null : pod.Spec.NodeName,
        TargetRef = PodAddresses.TargetRef(pod),
    };

    private static List<EndpointPort> Ports(Service service, Pod pod)
    {
        var ports = new List<EndpointPort>();
        foreach (var port in service.Spec.Ports.OrEmpty())
        {
            if (PodAddresses.TargetPort(pod, port) is { } number)
            {
                ports.Add(new EndpointPort
                {
                    Name = string.IsNullOrEmpty(port.Name) ? null : port.Name,
                    Port = number,
                    Protocol = port.Protocol ?? "TCP",
                    AppProtocol = port.AppProtocol,
                });
            }
        }
        return ports.OrderBy(port => port.Name, StringComparer.Ordinal).ToList();
    }
}
