using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Control.Networking;
using EndpointPort = Orchestrator.Api.DiscoveryV1.EndpointPort;

namespace Orchestrator.Control.Dns;

/// <summary>The service under which pods ask the cluster's name server, and where that leads.</summary>
/// <param name="ClusterIP">The service's address.</param>
/// <param name="Listener">Where the server listens: an address that pods' packets reach.</param>
public sealed record NameServerObjects(string ClusterIP, string Listener, int ListenerPort = NameServerObjects.Port)
{
    public const string Namespace = "kube-system";
    public const string Name = "kube-dns";
    public const int Port = 53;

    /// <summary>Whoever manages slices for services with selectors leaves this one alone: it bears another's name.</summary>
    public const string ManagedBy = "dns.orchestrator";

    /// <summary>What the API server lets a slice have.</summary>
    private const int EndpointLimit = 1000;

    private const string ManagedByLabel = "endpointslice.kubernetes.io/managed-by";

    private static readonly (string Name, string Protocol)[] Ports = [("dns", "UDP"), ("dns-tcp", "TCP")];

    /// <summary>Where each node answers its own pods itself: then <see cref="Listener"/> is one of them. Null: one server for all.</summary>
    public IReadOnlyList<NodeNameServer>? OfNodes { get; init; }

    /// <summary>The tenth address of a range of services: where kubelets everywhere expect it.</summary>
    /// <exception cref="FormatException">The range is none, or has no tenth address.</exception>
    public static string AddressIn(string serviceRange)
    {
        var block = NodeIpam.CidrBlock.Parse(serviceRange);
        int bits = block.IsV6 ? 128 : 32;
        if (bits - block.PrefixLength < 4)
            throw new FormatException($"{serviceRange} has no tenth address");
        string whole = block.Part(bits, 10).ToString();
        return whole[..whole.IndexOf('/', StringComparison.Ordinal)];
    }

    public Service ToService() => new()
    {
        Metadata = new ObjectMeta
        {
            Namespace = Namespace,
            Name = Name,
            Labels = new Dictionary<string, string>
            {
                ["k8s-app"] = "kube-dns",
                ["kubernetes.io/cluster-service"] = "true",
                ["kubernetes.io/name"] = "CoreDNS",
            },
        },
        // Without a selector: its endpoints are those that are written below.
        Spec = new ServiceSpec
        {
            ClusterIP = ClusterIP,
            ClusterIPs = [ClusterIP],
            InternalTrafficPolicy = OfNodes is null ? "Cluster" : "Local",
            Ports = [.. Ports.Select(port => new ServicePort { Name = port.Name, Protocol = port.Protocol, Port = Port, TargetPort = ListenerPort })],
        },
    };

    public EndpointSlice ToSlice() => new()
    {
        Metadata = new ObjectMeta
        {
            Namespace = Namespace,
            Name = Name,
            Labels = new Dictionary<string, string> { [PodAddresses.ServiceNameLabel] = Name, [ManagedByLabel] = ManagedBy },
        },
        AddressType = PodAddresses.IsV6(Listener) ? "IPv6" : "IPv4",
        Endpoints = OfNodes is null
            ? [EndpointAt(Listener, null)]
            : [.. OfNodes.Take(EndpointLimit).Select(server => EndpointAt(server.Address, server.Node))],
        Ports = [.. Ports.Select(port => new EndpointPort { Name = port.Name, Protocol = port.Protocol, Port = ListenerPort })],
    };

    /// <summary>A service that is there, as it should be; null if it is. Others' labels and fields stay.</summary>
    /// <exception cref="InvalidOperationException">It has another address: that cannot be changed.</exception>
    public Service? Correct(Service existing)
    {
        var wanted = ToService();
        if (existing.Spec.ClusterIP != ClusterIP)
            throw new InvalidOperationException($"the service {Namespace}/{Name} has the address {existing.Spec.ClusterIP}, not {ClusterIP}");
        var corrected = existing.DeepClone();
        corrected.Metadata.Labels = With(existing.Labels, wanted.Labels);
        corrected.Spec.Selector = null;
        corrected.Spec.InternalTrafficPolicy = wanted.Spec.InternalTrafficPolicy;
        if (!ArePortsRight(existing))
            corrected.Spec.Ports = wanted.Spec.Ports;
        return corrected.DeepEquals(existing) ? null : corrected;
    }

    /// <summary>A slice that is there, as it should be; null if it is.</summary>
    public EndpointSlice? Correct(EndpointSlice existing)
    {
        var wanted = ToSlice();
        var corrected = existing.DeepClone();
        corrected.Metadata.Labels = With(existing.Labels, wanted.Labels);
        (corrected.Endpoints, corrected.Ports) = (wanted.Endpoints, wanted.Ports);
        return corrected.DeepEquals(existing) ? null : corrected;
    }

    private static Endpoint EndpointAt(string address, string? node) => new()
    {
        Addresses = [address],
        NodeName = node,
        Conditions = new EndpointConditions { Ready = true, Serving = true, Terminating = false },
    };

    private bool ArePortsRight(Service service) => service.Spec.Ports.OrEmpty().Count == Ports.Length && Ports.All(port =>
        service.Spec.Ports!.Any(one => one.Name == port.Name && one.Protocol == port.Protocol && one.Port == Port && one.TargetPort == ListenerPort));

    private static Dictionary<string, string> With(IReadOnlyDictionary<string, string> labels, IReadOnlyDictionary<string, string> wanted)
    {
        var all = new Dictionary<string, string>(labels);
        foreach (var (key, value) in wanted)
            all[key] = value;
        return all;
    }
}

/// <summary>A node that answers its own pods.</summary>
public sealed record NodeNameServer(string Node, string Address);
