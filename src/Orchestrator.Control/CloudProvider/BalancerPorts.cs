using System.Globalization;

namespace Orchestrator.Control.CloudProvider;

/// <summary>Who has which port of the nodes' addresses.</summary>
internal static class BalancerPorts
{
    public static bool HasAddress(Service service) => service.Status.LoadBalancer?.Ingress is { Count: > 0 };

    /// <summary>Why the service cannot have its ports; null if it can.</summary>
    public static string? Conflict(Service service, IObjectCache cache, CloudProviderSettings settings)
    {
        var wanted = PortsOf(service).ToHashSet();
        foreach (var (protocol, port) in wanted)
        {
            if (protocol == "TCP" && (settings.ReservedPorts.Contains(port) || IsKubelets(port, cache)))
                return $"port {Text(port, protocol)} of the nodes is the cluster's own";
        }
        foreach (var other in cache.List<Service>().Where(other => other.Key != service.Key))
        {
            // Whoever is there first keeps it: also an older service that wants it only now.
            if (LoadBalancerController.IsWanted(other) && HasAddress(other) && PortsOf(other).FirstOrDefault(wanted.Contains) is { Port: > 0 } taken)
                return $"port {Text(taken.Port, taken.Protocol)} of the nodes is taken by the service {other.Namespace}/{other.Name}";
            if (NodePortsOf(other).FirstOrDefault(wanted.Contains) is { Port: > 0 } opened)
                return $"port {Text(opened.Port, opened.Protocol)} of the nodes is the node port of the service {other.Namespace}/{other.Name}";
        }
        return null;
    }

    private static bool IsKubelets(int port, IObjectCache cache) =>
        cache.List<Node>().Any(node => node.Status.DaemonEndpoints?.KubeletEndpoint?.Port == port);

    private static IEnumerable<(string Protocol, int Port)> PortsOf(Service service) =>
        service.Spec.Ports.OrEmpty().Select(port => (port.Protocol ?? "TCP", port.Port ?? 0));

    private static IEnumerable<(string Protocol, int Port)> NodePortsOf(Service service) =>
        service.Spec.Ports.OrEmpty().Where(port => port.NodePort is > 0).Select(port => (port.Protocol ?? "TCP", port.NodePort!.Value));

    private static string Text(int port, string protocol) => string.Create(CultureInfo.InvariantCulture, $"{port}/{protocol}");
}
