using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Control.Networking;

namespace Orchestrator.Control.CloudProvider;

/// <summary>Makes the nodes themselves the load balancers of services of that type: their addresses become the services'.</summary>
/// <remarks>
/// What a balancer's address does is the service proxy's: all nodes lead it on. Here is decided which addresses those are, and who has a port:
/// the nodes' addresses are shared by all services, so a port is the first one's, and the next waits until it is free.
/// <para>Serial: two services that want the same port must not be looked at side by side, nor before the last status is seen.</para>
/// </remarks>
public static class LoadBalancerController
{
    public const string CleanupFinalizer = "service.kubernetes.io/load-balancer-cleanup";

    /// <summary>The class by which a service may ask for this provider; without any it gets it too. All others are somebody else's.</summary>
    public const string ClassName = "orchestrator.local/nodes";

    /// <summary>Nodes that shall not be balancers.</summary>
    public const string ExcludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers";

    /// <summary>Slices by the service that they belong to.</summary>
    private const string ByService = "service";

    public static ControllerDescription Describe(CloudProviderSettings settings) => new()
    {
        Name = "service-controller",
        Reconcile = input => new LoadBalancerLook(settings, input).Decide(),
        IsSerial = true,
        Workers = 1,
        Watches = [Watch.On<Service>(KeysOf), Watch.On<Node>(KeysOf), Watch.On<EndpointSlice>(KeysOf)],
        Indexes = [ObjectIndex.Of<EndpointSlice>(ByService, static slice => ServiceOf(slice) is { } key ? [key.ToString()] : [])],
    };

    /// <summary>Whether the service is to have a balancer, and ours.</summary>
    internal static bool IsWanted(Service service) =>
        service.Spec is { Type: "LoadBalancer", LoadBalancerClass: null or "" or ClassName } && !service.IsBeingDeleted;

    /// <summary>Whether there may be something of ours at the service.</summary>
    internal static bool IsHeld(Service service) => service.Metadata.Finalizers.OrEmpty().Contains(CleanupFinalizer);

    internal static IEnumerable<EndpointSlice> SlicesOf(Service service, IObjectCache cache) =>
        cache.ByIndex<EndpointSlice>(ByService, service.Key.ToString());

    private static IEnumerable<NamespacedName> KeysOf(Service? before, Service? after, IObjectCache cache)
    {
        bool isOurs = (before is not null && Concerns(before)) || (after is not null && Concerns(after));
        if (isOurs)
            yield return (after ?? before)!.Key;
        // What had a port and has it no more frees it; a node port that is new or gone counts as well.
        if (before is null || (after is not null && !after.IsBeingDeleted && before.Spec.DeepEquals(after.Spec) && before.Status.DeepEquals(after.Status)))
            yield break;
        foreach (var waiting in cache.List<Service>().Where(service => IsWanted(service) && !BalancerPorts.HasAddress(service)))
            yield return waiting.Key;
    }

    private static IEnumerable<NamespacedName> KeysOf(Node? before, Node? after, IObjectCache cache) =>
        BalancerNode.AddressesOf(before).SequenceEqual(BalancerNode.AddressesOf(after))
            ? [] : cache.List<Service>().Where(IsWanted).Select(service => service.Key);

    private static IEnumerable<NamespacedName> KeysOf(EndpointSlice? before, EndpointSlice? after, IObjectCache cache) =>
        ServiceOf((after ?? before)!) is { } key && cache.Get<Service>(key.Namespace, key.Name) is { } service && IsWanted(service)
        && service.Spec.ExternalTrafficPolicy == "Local" ? [key] : [];

    private static bool Concerns(Service service) => IsWanted(service) || IsHeld(service);

    private static NamespacedName? ServiceOf(EndpointSlice slice) =>
        slice.Labels.GetValueOrDefault(PodAddresses.ServiceNameLabel) is { Length: > 0 } name ? new NamespacedName(slice.Namespace, name) : null;
}
