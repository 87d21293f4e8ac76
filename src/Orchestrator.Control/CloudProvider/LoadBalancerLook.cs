namespace Orchestrator.Control.CloudProvider;

/// <summary>One look at one service: which addresses it is to have, and what is to be done for that.</summary>
internal sealed class LoadBalancerLook(CloudProviderSettings settings, ReconcileInput input)
{
    /// <summary>What an event has told is not told again at every look.</summary>
    private sealed record Told(string Problem);

    public Decision Decide()
    {
        if (input.Cache.Get<Service>(input.Key.Namespace, input.Key.Name) is not { } service)
            return Decision.Nothing;
        if (!LoadBalancerController.IsWanted(service))
            return LoadBalancerController.IsHeld(service) ? CleanUp(service) : Decision.Nothing;
        if (BalancerPorts.Conflict(service, input.Cache, settings) is { } conflict)
            return Refuse(service, "SyncLoadBalancerFailed", $"Error syncing load balancer: failed to ensure load balancer: {conflict}");
        var addresses = AddressesOf(service);
        return addresses.Count > 0 ? Provide(service, addresses)
            : Refuse(service, "UnAvailableLoadBalancer", "There are no available nodes for LoadBalancer");
    }

    private static Decision Provide(Service service, List<LoadBalancerIngress> addresses)
    {
        bool isThere = BalancerPorts.HasAddress(service);
        var changed = With(service, addresses, isHeld: true);
        if (IsSame(service, changed))
            return Decision.Nothing;
        var update = Update.Status(changed);
        return isThere
            ? Decision.Of(update with { OnSuccess = EventNote.About(service, "UpdatedLoadBalancer", "Updated load balancer with new hosts") })
            : Decision.Of(
                new EmitEvent(EventNote.About(service, "EnsuringLoadBalancer", "Ensuring load balancer")),
                update with { OnSuccess = EventNote.About(service, "EnsuredLoadBalancer", "Ensured load balancer") });
    }

    /// <summary>It waits, without an address. What wakes it is the change of whatever stands in the way.</summary>
    private Decision Refuse(Service service, string reason, string message)
    {
        List<Intent> intents = [];
        var changed = With(service, [], isHeld: true);
        if (!IsSame(service, changed))
            intents.Add(Update.Status(changed));
        if ((input.Memory as Told)?.Problem != message)
            intents.Add(new EmitEvent(EventNote.WarningAbout(service, reason, message)));
        return new Decision { Intents = intents, Memory = new Told(message) };
    }

    /// <summary>It is going, or wants no balancer any more, or another's.</summary>
    private static Decision CleanUp(Service service)
    {
        // Another class's status is not ours: it can only have been given since.
        bool isOthers = service.Spec.Type == "LoadBalancer" && !service.IsBeingDeleted;
        var changed = With(service, isOthers ? service.Status.LoadBalancer?.Ingress ?? [] : [], isHeld: false);
        return Decision.Of(
            new EmitEvent(EventNote.About(service, "DeletingLoadBalancer", "Deleting load balancer")),
            Update.Status(changed) with { OnSuccess = EventNote.About(service, "DeletedLoadBalancer", "Deleted load balancer") });
    }

    private List<LoadBalancerIngress> AddressesOf(Service service)
    {
        var nodes = input.Cache.List<Node>().OrderBy(node => node.Name, StringComparer.Ordinal);
        var serving = service.Spec.ExternalTrafficPolicy == "Local" ? NodesOfEndpoints(service) : null;
        return
        [
            .. nodes.Where(node => serving is null || serving.Contains(node.Name)).SelectMany(BalancerNode.AddressesOf)
                .Where(address => IsOfFamily(service, address)).Distinct()
                .Select(address => new LoadBalancerIngress { Ip = address, IpMode = "VIP" }),
        ];
    }

    private HashSet<string> NodesOfEndpoints(Service service) => LoadBalancerController.SlicesOf(service, input.Cache)
        .SelectMany(slice => slice.Endpoints.OrEmpty()).Where(endpoint => endpoint.Conditions?.Ready != false)
        .Select(endpoint => endpoint.NodeName).OfType<string>().ToHashSet();

    private static bool IsOfFamily(Service service, string address) => service.Spec.IpFamilies is not { Count: > 0 } families
        || families.Contains(address.Contains(':', StringComparison.Ordinal) ? "IPv6" : "IPv4");

    /// <summary>The finalizer goes the same way as the status, in one write: neither is ever there without the other.</summary>
    private static Service With(Service service, List<LoadBalancerIngress> addresses, bool isHeld)
    {
        var changed = service.DeepClone();
        changed.Status.LoadBalancer = new LoadBalancerStatus { Ingress = addresses.Count > 0 ? addresses : null };
        var finalizers = changed.Metadata.Finalizers.OrEmpty().Where(finalizer => finalizer != LoadBalancerController.CleanupFinalizer).ToList();
        if (isHeld)
            finalizers.Add(LoadBalancerController.CleanupFinalizer);
        if (isHeld != LoadBalancerController.IsHeld(service))
            changed.Metadata.Finalizers = finalizers.Count > 0 ? finalizers : null;
        return changed;
    }

    private static bool IsSame(Service service, Service changed) => LoadBalancerController.IsHeld(service) == LoadBalancerController.IsHeld(changed)
        && (service.Status.LoadBalancer ?? new LoadBalancerStatus()).DeepEquals(changed.Status.LoadBalancer!);
}
