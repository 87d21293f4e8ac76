using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;

namespace Orchestrator.Api.Defaulting;

/// <summary>Defaults of services and of what lists their backends.</summary>
internal static class ServiceDefaults
{
    private const int ClientAffinitySeconds = 10800;

    public static void Apply(Service service)
    {
        var spec = service.Spec;
        ApplyAffinity(spec);
        spec.Type = Defaults.Filled(spec.Type, "ClusterIP");
        foreach (var port in spec.Ports.OrEmpty())
        {
            port.Protocol = Defaults.Filled(port.Protocol, "TCP");
            if (IsUnset(port.TargetPort))
                port.TargetPort = IntOrString.FromInt(port.Port ?? 0);
        }
        if (IsReachedFromOutside(spec))
            spec.ExternalTrafficPolicy = Defaults.Filled(spec.ExternalTrafficPolicy, "Cluster");
        if (spec.Type is "NodePort" or "LoadBalancer" or "ClusterIP")
            spec.InternalTrafficPolicy ??= "Cluster";
        service.Status.LoadBalancer ??= new LoadBalancerStatus();
        if (spec.Type == "LoadBalancer")
            ApplyLoadBalancer(service);
    }

    public static void Apply(Endpoints endpoints)
    {
        foreach (var port in endpoints.Subsets.OrEmpty().SelectMany(subset => subset.Ports.OrEmpty()))
            port.Protocol = Defaults.Filled(port.Protocol, "TCP");
    }

    public static void Apply(EndpointSlice slice)
    {
        foreach (var port in slice.Ports.OrEmpty())
        {
            port.Name ??= "";
            port.Protocol ??= "TCP";
        }
    }

    /// <summary>Whether traffic from outside the cluster may come in, so that the policy for it has a meaning.</summary>
    public static bool IsReachedFromOutside(ServiceSpec spec) =>
        spec.Type is "LoadBalancer" or "NodePort" || (spec.Type == "ClusterIP" && spec.ExternalIPs is { Count: > 0 });

    private static void ApplyAffinity(ServiceSpec spec)
    {
        spec.SessionAffinity = Defaults.Filled(spec.SessionAffinity, "None");
        if (spec.SessionAffinity == "None")
            spec.SessionAffinityConfig = null;
        else if (spec.SessionAffinity == "ClientIP" && spec.SessionAffinityConfig?.ClientIP?.TimeoutSeconds is null)
            spec.SessionAffinityConfig = new SessionAffinityConfig
            {
                ClientIP = new ClientIPConfig { TimeoutSeconds = ClientAffinitySeconds },
            };
    }

    private static void ApplyLoadBalancer(Service service)
    {
        service.Spec.AllocateLoadBalancerNodePorts ??= true;
        foreach (var ingress in service.Status.LoadBalancer!.Ingress.OrEmpty())
        {
            if (!string.IsNullOrEmpty(ingress.Ip))
                ingress.IpMode ??= "VIP";
        }
    }

    private static bool IsUnset(IntOrString? port) =>
        port is not { } value || (value.IsInt ? value.IntValue == 0 : string.IsNullOrEmpty(value.StringValue));
}
