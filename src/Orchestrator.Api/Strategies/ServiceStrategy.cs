using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Defaulting;

namespace Orchestrator.Api.Strategies;

/// <summary>Services: what was allocated stays where the client leaves it out, and goes with the type that needed it.</summary>
/// <remarks>Allocation itself (cluster addresses, node ports) needs the store and is the API server's.</remarks>
public static class ServiceStrategy
{
    internal static KindStrategy<Service> Create() => new()
    {
        AllowsCreateOnUpdate = true,
        ResetStatus = service => service.Status = new ServiceStatus { LoadBalancer = new LoadBalancerStatus() },
        KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
        KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
        OnCreate = (service, _) => MirrorClusterIPs(service.Spec, null),
        OnUpdate = OnUpdate,
        OnStatusUpdate = (updated, _, _) => ServiceDefaults.Apply(updated),
        Warns = (service, old) => MiscellaneousWarnings.Of(service),
    };

    /// <summary>Whether a service of this type has an address of its own in the cluster (which may be <c>None</c>).</summary>
    public static bool NeedsClusterIP(ServiceSpec spec) => spec.Type is "ClusterIP" or "NodePort" or "LoadBalancer";

    /// <summary>Whether each of its ports gets a port on every node.</summary>
    public static bool NeedsNodePorts(ServiceSpec spec) =>
        spec.Type == "NodePort" || (spec.Type == "LoadBalancer" && spec.AllocateLoadBalancerNodePorts != false);

    /// <summary>Whether its load balancer asks the nodes on a port of their own which of them have backends.</summary>
    public static bool NeedsHealthCheckNodePort(ServiceSpec spec) =>
        spec.Type == "LoadBalancer" && spec.ExternalTrafficPolicy == "Local";

    private static void OnUpdate(Service updated, Service old)
    {
        KeepAllocated(updated.Spec, old.Spec);
        MirrorClusterIPs(updated.Spec, old.Spec);
        DropWithType(updated.Spec, old.Spec);
    }

    // A client that knows one field only changes both with it; who sends neither keeps both.
    private static void MirrorClusterIPs(ServiceSpec spec, ServiceSpec? old)
    {
        bool hasOne = !string.IsNullOrEmpty(spec.ClusterIP);
        bool hasList = spec.ClusterIPs is { Count: > 0 };
        if (old is null)
        {
            if (hasOne && !hasList)
                spec.ClusterIPs = [spec.ClusterIP!];
            return;
        }
        bool sameList = spec.ClusterIPs.OrEmpty().SequenceEqual(old.ClusterIPs.OrEmpty());
        if (!hasOne && hasList && sameList && !string.IsNullOrEmpty(old.ClusterIP))
            spec.ClusterIPs = null; // The address was cleared by a client that does not know the list.
        else if (hasOne && spec.ClusterIP != old.ClusterIP && sameList)
            spec.ClusterIPs = [spec.ClusterIP!];
    }

    private static void KeepAllocated(ServiceSpec spec, ServiceSpec old)
    {
        if (NeedsClusterIP(old) && NeedsClusterIP(spec))
        {
            if (string.IsNullOrEmpty(spec.ClusterIP) && spec.ClusterIPs is not { Count: > 0 })
                spec.ClusterIP = old.ClusterIP;
            if (spec.ClusterIPs is not { Count: > 0 } && spec.ClusterIP == old.ClusterIP)
                spec.ClusterIPs = old.ClusterIPs is { } ips ? [.. ips] : null;
            spec.IpFamilies ??= old.IpFamilies is { } families ? [.. families] : null;
            spec.IpFamilyPolicy ??= old.IpFamilyPolicy;
        }
        if (NeedsNodePorts(old) && NeedsNodePorts(spec))
            KeepNodePorts(spec, old);
        if (NeedsHealthCheckNodePort(old) && NeedsHealthCheckNodePort(spec) && spec.HealthCheckNodePort is null or 0)
            spec.HealthCheckNodePort = old.HealthCheckNodePort;
    }

    private static void KeepNodePorts(ServiceSpec spec, ServiceSpec old)
    {
        var used = spec.Ports.OrEmpty().Select(port => port.NodePort ?? 0).ToHashSet();
        foreach (var port in spec.Ports.OrEmpty())
        {
            if (port.NodePort is not (null or 0))
                continue;
            int kept = old.Ports.OrEmpty()
                .FirstOrDefault(before => before.Port == port.Port && before.Protocol == port.Protocol)?.NodePort ?? 0;
            if (kept != 0 && used.Add(kept))
                port.NodePort = kept;
        }
    }

    private static void DropWithType(ServiceSpec spec, ServiceSpec old)
    {
        if (NeedsClusterIP(old) && !NeedsClusterIP(spec) && (spec.ClusterIP ?? "") == (old.ClusterIP ?? ""))
            (spec.ClusterIP, spec.ClusterIPs, spec.IpFamilies, spec.IpFamilyPolicy) = (null, null, null, null);
        if (NeedsNodePorts(old) && !NeedsNodePorts(spec) && SameNodePorts(spec, old))
        {
            foreach (var port in spec.Ports.OrEmpty())
                port.NodePort = null;
        }
        if (NeedsHealthCheckNodePort(old) && !NeedsHealthCheckNodePort(spec) && spec.HealthCheckNodePort == old.HealthCheckNodePort)
            spec.HealthCheckNodePort = null;
        if (old.Type == "LoadBalancer" && spec.Type != "LoadBalancer")
        {
            if (spec.AllocateLoadBalancerNodePorts == old.AllocateLoadBalancerNodePorts)
                spec.AllocateLoadBalancerNodePorts = null;
            if (spec.LoadBalancerClass == old.LoadBalancerClass)
                spec.LoadBalancerClass = null;
        }
        if (ServiceDefaults.IsReachedFromOutside(old) && !ServiceDefaults.IsReachedFromOutside(spec)
            && spec.ExternalTrafficPolicy == old.ExternalTrafficPolicy)
            spec.ExternalTrafficPolicy = null;
        if (spec.Type == "ExternalName" && old.Type != "ExternalName" && spec.InternalTrafficPolicy == old.InternalTrafficPolicy)
            spec.InternalTrafficPolicy = null;
    }

    private static bool SameNodePorts(ServiceSpec spec, ServiceSpec old)
    {
        var before = old.Ports.OrEmpty().Select(port => port.NodePort ?? 0).ToHashSet();
        return spec.Ports.OrEmpty().All(port => port.NodePort is null or 0 || before.Contains(port.NodePort.Value));
    }
}
