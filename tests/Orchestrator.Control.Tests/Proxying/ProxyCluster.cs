using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Control.Proxying;
using DiscoveryPort = Orchestrator.Api.DiscoveryV1.EndpointPort;

namespace Orchestrator.Control.Tests.Proxying;

/// <summary>Services and endpoints as a node's proxy sees them: the given of a test in a few lines.</summary>
internal sealed class ProxyCluster
{
    public const string Here = "node-1";
    public const string Elsewhere = "node-2";
    public const string ClientPod = "10.244.9.9";
    public const string Outside = "203.0.113.5";
    public const string NodeIp = "192.168.7.1";
    public const string ServiceIp = "10.96.0.10";

    private readonly List<Service> _services = [];
    private readonly List<EndpointSlice> _slices = [];

    public ProxySettings Settings { get; set; } = new()
    {
        NodeName = Here,
        NodeAddresses = [NodeIp, "fd00:7::1"],
        PodCidrs = ["10.244.0.0/16", "fd00:244::/56"],
        ServiceCidrs = ["10.96.0.0/16", "fd00:96::/112"],
    };

    public ProxyTable Table => ProxyTable.Compose(
        Settings,
        _services.Select(service => ServiceRules.For(
            service, [.. _slices.Where(slice => slice.Labels[ServiceRules.ServiceNameLabel] == service.Name)], Settings)).OfType<ServiceRules>());

    /// <summary>The kernel with this table in it.</summary>
    public NftModel Kernel => new NftModel().Apply(NftDifference.Whole(Table.Table).Text);

    public ProxyCluster With(Service service)
    {
        _services.RemoveAll(other => other.Key == service.Key);
        _services.Add(service);
        return this;
    }

    public ProxyCluster With(EndpointSlice slice)
    {
        _slices.RemoveAll(other => other.Key == slice.Key);
        _slices.Add(slice);
        return this;
    }

    /// <summary>A service at 10.96.0.10:80 and its slice, by default.</summary>
    public ProxyCluster With(Service service, params Endpoint[] endpoints) => With(service).With(Slice(service, endpoints));

    public void Remove(string name)
    {
        _services.RemoveAll(service => service.Name == name);
        _slices.RemoveAll(slice => slice.Labels[ServiceRules.ServiceNameLabel] == name);
    }

    /// <summary>What becomes of a packet.</summary>
    public string Send(string source, string destination, int port, string protocol = "tcp") =>
        Kernel.Send(new Packet(source, destination, port, protocol) { IsOfNode = source is NodeIp or "fd00:7::1" });

    public static Service Service(string name = "web", Action<ServiceSpec>? change = null)
    {
        var service = new Service
        {
            Metadata = new ObjectMeta { Namespace = Make.Ns, Name = name, CreationTimestamp = Make.Start },
            Spec = new ServiceSpec
            {
                Type = "ClusterIP",
                ClusterIP = ServiceIp,
                ClusterIPs = [ServiceIp],
                InternalTrafficPolicy = "Cluster",
                Ports = [new ServicePort { Name = "http", Port = 80, Protocol = "TCP" }],
            },
        };
        change?.Invoke(service.Spec);
        return service;
    }

    public static Service NodePort(Action<ServiceSpec>? change = null) => Service(change: spec =>
    {
        spec.Type = "NodePort";
        spec.ExternalTrafficPolicy = "Cluster";
        spec.Ports![0].NodePort = 30080;
        change?.Invoke(spec);
    });

    public static Service Balancer(string ip = "198.51.100.1", Action<ServiceSpec>? change = null, string? ipMode = "VIP")
    {
        var service = NodePort(spec =>
        {
            spec.Type = "LoadBalancer";
            change?.Invoke(spec);
        });
        service.Status.LoadBalancer = new LoadBalancerStatus { Ingress = [new LoadBalancerIngress { Ip = ip, IpMode = ipMode }] };
        return service;
    }

    public static EndpointSlice Slice(Service service, params Endpoint[] endpoints) => new()
    {
        Metadata = new ObjectMeta
        {
            Namespace = service.Namespace,
            Name = service.Name + "-slice",
            Labels = new() { [ServiceRules.ServiceNameLabel] = service.Name },
        },
        AddressType = "IPv4",
        Ports = [.. service.Spec.Ports.OrEmpty().Select(port => new DiscoveryPort { Name = port.Name, Port = 8000 + port.Port, Protocol = port.Protocol })],
        Endpoints = [.. endpoints],
    };

    public static Endpoint Ready(string address, string node = Here) => New(address, node, true, true, false);

    public static Endpoint Ending(string address, string node = Here) => New(address, node, false, true, true);

    public static Endpoint NotReady(string address, string node = Here) => New(address, node, false, false, false);

    public static Endpoint New(string address, string? node, bool? ready, bool? serving, bool? terminating) => new()
    {
        Addresses = [address],
        NodeName = node,
        Conditions = new EndpointConditions { Ready = ready, Serving = serving, Terminating = terminating },
    };
}
