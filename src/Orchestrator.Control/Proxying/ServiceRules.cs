using System.Globalization;
using Orchestrator.Api.DiscoveryV1;

namespace Orchestrator.Control.Proxying;

/// <summary>What one service adds to the table.</summary>
public sealed class ServiceRules
{
    public const string ServiceNameLabel = "kubernetes.io/service-name";

    /// <summary>Services that are somebody else's business.</summary>
    public const string ProxyNameLabel = "service.kubernetes.io/service-proxy-name";

    private ServiceRules(Service service)
    {
        Service = service.Key;
        Created = service.Metadata.CreationTimestamp ?? DateTimeOffset.MinValue;
    }

    public NamespacedName Service { get; }

    public DateTimeOffset Created { get; }

    /// <summary>Elements for the table's sets and maps.</summary>
    internal List<(string Set, string Key, NftElement Element)> Elements { get; } = [];

    internal List<NftChain> Chains { get; } = [];

    /// <summary>Sets of its own: which clients its endpoints keep.</summary>
    internal List<NftSet> Sets { get; } = [];

    internal List<UdpPort> UdpPorts { get; } = [];

    internal ServiceHealth? Health { get; private set; }

    /// <summary>Null for services without an address of their own: headless, by an external name, not yet allocated.</summary>
    public static ServiceRules? For(Service service, IReadOnlyCollection<EndpointSlice> slices, ProxySettings settings)
    {
        var family = settings.Family;
        if (service.Spec.Type == "ExternalName" || service.Labels.ContainsKey(ProxyNameLabel) || ClusterIp(service, family) is not { } ip)
            return null;
        var rules = new ServiceRules(service);
        foreach (var port in service.Spec.Ports.OrEmpty())
        {
            var endpoints = ServiceEndpoint.Of(port, slices, family);
            new ServicePortRules(service, port, ip, endpoints, settings).AddTo(rules);
            // Two ports may lead to the same pod: it counts once.
            foreach (var endpoint in endpoints.Where(endpoint => endpoint.IsReady && endpoint.NodeName == settings.NodeName))
                rules._localAddresses.Add(endpoint.Address);
        }
        rules.Elements.Add((ProxyNames.ClusterIps, ip, new NftElement()));
        if (service.Spec.HealthCheckNodePort is { } health and > 0 && service.Spec.Type == "LoadBalancer" && IsExternallyLocal(service))
            rules.Health = new ServiceHealth(service.Key, health, rules._localAddresses.Count);
        return rules;
    }

    private readonly HashSet<string> _localAddresses = [];

    internal static bool IsExternallyLocal(Service service) => service.Spec.ExternalTrafficPolicy == "Local"
        && (service.Spec.Type is "NodePort" or "LoadBalancer" || service.Spec.ExternalIPs is { Count: > 0 });

    internal static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string? ClusterIp(Service service, IpFamily family)
    {
        IEnumerable<string> all = service.Spec.ClusterIPs is { Count: > 0 } several ? several : [service.Spec.ClusterIP ?? ""];
        return all.Select(address => family.Canonical(address)).FirstOrDefault(ip => ip is not null);
    }
}
