using System.Globalization;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.NetworkingV1;
using static Orchestrator.Api.Printing.PrinterTable;

namespace Orchestrator.Api.Printing;

/// <summary>Tables of services, of their backends and of what leads to them.</summary>
internal static class NetworkPrinters
{
    public static IEnumerable<KeyValuePair<GroupVersionKind, TablePrinter>> All()
    {
        yield return Of<Service>(
            ColumnSet.Named()
                .Text("Type", "How the service is reached.")
                .Text("Cluster-IP", "Its address inside the cluster.")
                .Text("External-IP", "Its address outside of it.")
                .Text("Port(s)", "Its ports, and those on every node.")
                .Age().Selector(),
            (service, now) =>
            [
                service.Name, service.Spec.Type ?? "", ClusterIPOf(service.Spec), ExternalIPOf(service), PortsOf(service),
                Age(service, now), LabelText.OfLabels(service.Spec.Selector),
            ]);
        yield return Of<Endpoints>(
            ColumnSet.Named().Text("Endpoints", "Addresses and ports of the backends.").Age(),
            (endpoints, now) => [endpoints.Name, BackendsOf(endpoints), Age(endpoints, now)]);
        yield return Of<EndpointSlice>(
            ColumnSet.Named()
                .Text("AddressType", "What its addresses are.")
                .Text("Ports", "Ports of the backends.")
                .Text("Endpoints", "Addresses of the backends.")
                .Age(),
            (slice, now) =>
            [
                slice.Name, slice.AddressType ?? "",
                FirstThree(slice.Ports.OrEmpty().ConvertAll(PortOf), "<unset>"),
                FirstThree([.. slice.Endpoints.OrEmpty().SelectMany(endpoint => endpoint.Addresses.OrEmpty())], "<unset>"),
                Age(slice, now),
            ]);
        yield return Of<Ingress>(
            ColumnSet.Named()
                .Text("Class", "The class that carries it out.")
                .Text("Hosts", "Hosts whose requests it takes.")
                .Text("Address", "Where it is reached.")
                .Text("Ports", "Ports that are open.")
                .Age(),
            (ingress, now) =>
            [
                ingress.Name, ingress.Spec.IngressClassName ?? "<none>", HostsOf(ingress), AddressOf(ingress),
                ingress.Spec.Tls is { Count: > 0 } ? "80, 443" : "80", Age(ingress, now),
            ]);
        yield return Of<IngressClass>(
            ColumnSet.Named()
                .Text("Controller", "Who carries out ingresses of this class.")
                .Text("Parameters", "Where more is said of the class.")
                .Age(),
            (ingressClass, now) =>
                [ingressClass.Name, ingressClass.Spec.Controller ?? "", ParametersOf(ingressClass), Age(ingressClass, now)]);
        yield return Of<NetworkPolicy>(
            ColumnSet.Named().Text("Pod-Selector", "Labels of the pods it holds for.").Age(),
            (policy, now) => [policy.Name, LabelText.OfSelector(policy.Spec.PodSelector), Age(policy, now)]);
        yield return Of<ServiceCIDR>(
            ColumnSet.Named().Text("CIDRs", "Ranges that services' addresses are taken from.").Age(),
            (range, now) => [range.Name, string.Join(',', range.Spec.Cidrs.OrEmpty()), Age(range, now)]);
        yield return Of<IPAddress>(
            ColumnSet.Named().Text("ParentRef", "Whose address it is.").Age(),
            (address, now) => [address.Name, ParentOf(address), Age(address, now)]);
    }

    private static string ClusterIPOf(ServiceSpec spec)
    {
        if (spec.ClusterIPs is { Count: > 0 } ips)
            return ips[0];
        return OrNone(spec.ClusterIP);
    }

    private static string ExternalIPOf(Service service)
    {
        var spec = service.Spec;
        string fixedIPs = string.Join(',', spec.ExternalIPs.OrEmpty());
        switch (spec.Type)
        {
            case "ClusterIP" or "NodePort":
                return OrNone(fixedIPs);
            case "LoadBalancer":
                var balanced = (service.Status.LoadBalancer?.Ingress).OrEmpty()
                    .Select(ingress => string.IsNullOrEmpty(ingress.Ip) ? ingress.Hostname ?? "" : ingress.Ip);
                string all = string.Join(',', DistinctSorted(balanced).Concat(spec.ExternalIPs.OrEmpty()));
                return all.Length > 0 ? all : "<pending>";
            case "ExternalName":
                return spec.ExternalName ?? "";
            default:
                return "<unknown>";
        }
    }

    private static string PortsOf(Service service) => OrNone(string.Join(',', service.Spec.Ports.OrEmpty().Select(port =>
        port.NodePort > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{port.Port ?? 0}:{port.NodePort}/{port.Protocol}")
            : string.Create(CultureInfo.InvariantCulture, $"{port.Port ?? 0}/{port.Protocol}"))));

    private static string BackendsOf(Endpoints endpoints)
    {
        if (endpoints.Subsets is null or { Count: 0 })
            return "<none>";
        var backends = new List<string>();
        foreach (var subset in endpoints.Subsets)
        {
            // A headless service may have no ports at all.
            if (subset.Ports is null or { Count: 0 })
                backends.AddRange(subset.Addresses.OrEmpty().Select(address => address.Ip ?? ""));
            foreach (var port in subset.Ports.OrEmpty())
                backends.AddRange(subset.Addresses.OrEmpty().Select(address => HostPort(address.Ip ?? "", port.Port ?? 0)));
        }
        return FirstThree(backends, "");
    }

    private static string HostPort(string host, int port) => host.Contains(':')
        ? string.Create(CultureInfo.InvariantCulture, $"[{host}]:{port}")
        : string.Create(CultureInfo.InvariantCulture, $"{host}:{port}");

    private static string PortOf(DiscoveryV1.EndpointPort port) =>
        port.Port?.ToString(CultureInfo.InvariantCulture) ?? port.Name ?? "*";

    private static string HostsOf(Ingress ingress)
    {
        const int shown = 3;
        var rules = ingress.Spec.Rules.OrEmpty();
        var hosts = new List<string>();
        bool hasMore = false;
        foreach (var rule in rules)
        {
            if (hosts.Count == shown)
                hasMore = true;
            else if (!string.IsNullOrEmpty(rule.Host))
                hosts.Add(rule.Host);
        }
        if (hosts.Count == 0)
            return "*";
        string text = string.Join(',', hosts);
        return hasMore ? string.Create(CultureInfo.InvariantCulture, $"{text} + {rules.Count - shown} more...") : text;
    }

    private static string AddressOf(Ingress ingress) =>
        string.Join(',', DistinctSorted((ingress.Status.LoadBalancer?.Ingress).OrEmpty()
            .Select(point => string.IsNullOrEmpty(point.Ip) ? point.Hostname ?? "" : point.Ip)));

    private static IEnumerable<string> DistinctSorted(IEnumerable<string> values) =>
        values.Where(value => value.Length > 0).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    private static string ParametersOf(IngressClass ingressClass)
    {
        if (ingressClass.Spec.Parameters is not { } parameters)
            return "<none>";
        string group = parameters.ApiGroup is { } name ? "." + name : "";
        return $"{parameters.Kind}{group}/{parameters.Name}";
    }

    private static string ParentOf(IPAddress address)
    {
        if (address.Spec.ParentRef is not { } parent)
            return "<none>";
        string resource = string.IsNullOrEmpty(parent.Group) ? parent.Resource ?? "" : $"{parent.Resource}.{parent.Group}";
        string ns = string.IsNullOrEmpty(parent.Namespace) ? "" : $"/{parent.Namespace}";
        return $"{resource.ToLowerInvariant()}{ns}/{parent.Name}";
    }
}
