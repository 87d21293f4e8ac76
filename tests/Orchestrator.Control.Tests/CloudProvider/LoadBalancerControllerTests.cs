using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Control.CloudProvider;

namespace Orchestrator.Control.Tests.CloudProvider;

public sealed class LoadBalancerControllerTests
{
    private readonly FakeCluster _cluster = new();
    private readonly ControllerDescription _controller = LoadBalancerController.Describe(new CloudProviderSettings { ReservedPorts = [6443] });

    public LoadBalancerControllerTests() => _cluster.With(Node("b", "10.0.0.2"), Node("a", "10.0.0.1"));

    [Fact]
    public void A_service_gets_the_addresses_of_all_nodes_that_are_ready()
    {
        _cluster.With(Node("c", "10.0.0.3", "False"), Service("web", 80));

        Look("web");

        var service = Get("web");
        Assert.Equal("10.0.0.1 VIP, 10.0.0.2 VIP", string.Join(", ", service.Status.LoadBalancer!.Ingress!.Select(ingress => $"{ingress.Ip} {ingress.IpMode}")));
        Assert.Equal([LoadBalancerController.CleanupFinalizer], service.Metadata.Finalizers!);
        Assert.Equal(["Normal EnsuringLoadBalancer Ensuring load balancer", "Normal EnsuredLoadBalancer Ensured load balancer"], _cluster.Events);
    }

    [Fact]
    public void Nodes_that_come_go_or_shall_not_be_one_change_the_addresses()
    {
        _cluster.With(Service("web", 80));
        Look("web");

        var added = _cluster.Add(Node("c", "10.0.0.3"));
        Assert.Equal(["default/web"], KeysOf<Node>(null, added));
        Look("web");
        Assert.Equal(["10.0.0.1", "10.0.0.2", "10.0.0.3"], AddressesOf("web"));

        var excluded = _cluster.Change<Node>("", "a", node => node.Metadata.Labels![LoadBalancerController.ExcludeLabel] = "");
        Assert.Equal(["default/web"], KeysOf(Node("a", "10.0.0.1"), excluded));
        _cluster.Remove(_cluster.Get<Node>("", "b")!);
        Look("web");

        Assert.Equal(["10.0.0.3"], AddressesOf("web"));
        Assert.Equal(2, _cluster.Events.Count(told => told == "Normal UpdatedLoadBalancer Updated load balancer with new hosts"));
    }

    [Fact]
    public void A_heartbeat_of_a_node_concerns_no_service()
    {
        _cluster.With(Service("web", 80));
        var later = Node("a", "10.0.0.1");
        later.Status.Conditions![0].LastHeartbeatTime = Make.Start.AddSeconds(10);

        Assert.Empty(KeysOf(Node("a", "10.0.0.1"), later));
    }

    [Fact]
    public void Outside_addresses_go_before_the_nodes_own_and_families_are_kept_apart()
    {
        _cluster.Change<Node>("", "a", node => node.Status.Addresses!.Add(new NodeAddress { Type = "ExternalIP", Address = "203.0.113.7" }));
        _cluster.Change<Node>("", "b", node => node.Status.Addresses!.Add(new NodeAddress { Type = "InternalIP", Address = "fd00::2" }));
        _cluster.With(Service("web", 80), Service("six", 81));
        _cluster.Change<Service>(Make.Ns, "web", service => service.Spec.IpFamilies = ["IPv4"]);
        _cluster.Change<Service>(Make.Ns, "six", service => service.Spec.IpFamilies = ["IPv6"]);

        Look("web");
        Look("six");

        Assert.Equal(["203.0.113.7", "10.0.0.2"], AddressesOf("web"));
        Assert.Equal(["fd00::2"], AddressesOf("six"));
    }

    [Theory]
    [InlineData(null, 2)]
    [InlineData(LoadBalancerController.ClassName, 2)]
    [InlineData("example.com/other", 0)]
    public void Services_of_another_class_are_left_alone(string? className, int addresses)
    {
        var service = Service("web", 80);
        service.Spec.LoadBalancerClass = className;
        _cluster.With(service);

        Look("web");

        Assert.Equal(addresses, AddressesOf("web").Count);
        Assert.Equal(addresses > 0, Get("web").Metadata.Finalizers is not null);
    }

    [Fact]
    public void What_stays_on_its_node_has_the_addresses_of_nodes_with_ready_endpoints_alone()
    {
        var service = Service("web", 80);
        service.Spec.ExternalTrafficPolicy = "Local";
        _cluster.With(service, Slice("web", ("a", false), ("b", true)));
        Look("web");
        Assert.Equal(["10.0.0.2"], AddressesOf("web"));

        var slice = _cluster.Change<EndpointSlice>(Make.Ns, "web-1", slice => slice.Endpoints![0].Conditions!.Ready = true);
        Assert.Equal(["default/web"], KeysOf<EndpointSlice>(null, slice));
        Look("web");
        Assert.Equal(["10.0.0.1", "10.0.0.2"], AddressesOf("web"));

        _cluster.Change<EndpointSlice>(Make.Ns, "web-1", slice => slice.Endpoints = []);
        Look("web");
        Assert.Empty(AddressesOf("web"));
        Assert.Contains("Warning UnAvailableLoadBalancer There are no available nodes for LoadBalancer", _cluster.Events);
    }

    [Fact]
    public void The_second_service_at_a_port_waits_says_why_once_and_gets_it_when_it_is_free()
    {
        _cluster.With(Service("first", 80), Service("second", 80, 443));
        Look("first");

        Look("second");
        Assert.Empty(AddressesOf("second"));
        Assert.Equal(
            ["Warning SyncLoadBalancerFailed Error syncing load balancer: failed to ensure load balancer: port 80/TCP of the nodes is taken by the service default/first"],
            _cluster.Events.Where(told => told.StartsWith("Warning", StringComparison.Ordinal)));

        var before = Get("first");
        var after = _cluster.Edit<Service>(Make.Ns, "first", service => service.Spec.Ports![0].Port = 8080);
        Assert.Equal(["default/first", "default/second"], KeysOf(before, after));
        Look("second");
        Assert.Equal(["10.0.0.1", "10.0.0.2"], AddressesOf("second"));
    }

    [Fact]
    public void An_older_service_takes_no_port_from_one_that_has_it()
    {
        _cluster.With(Service("old", 80));
        _cluster.Change<Service>(Make.Ns, "old", service => service.Spec.Type = "ClusterIP");
        _cluster.Now = _cluster.Now.AddMinutes(1);
        _cluster.With(Service("young", 80));
        Look("young");

        _cluster.Edit<Service>(Make.Ns, "old", service => service.Spec.Type = "LoadBalancer");
        Look("old");
        Look("young");

        Assert.Empty(AddressesOf("old"));
        Assert.Equal(2, AddressesOf("young").Count);
    }

    [Theory]
    [InlineData(6443, "TCP", "port 6443/TCP of the nodes is the cluster's own")]
    [InlineData(10250, "TCP", "port 10250/TCP of the nodes is the cluster's own")]
    [InlineData(30080, "TCP", "port 30080/TCP of the nodes is the node port of the service default/other")]
    [InlineData(6443, "UDP", null)]
    public void Ports_that_the_nodes_use_otherwise_are_not_given_away(int port, string protocol, string? problem)
    {
        var other = Service("other", 90);
        other.Spec.Ports![0].NodePort = 30080;
        var service = Service("web", port);
        service.Spec.Ports![0].Protocol = protocol;
        _cluster.With(other, service);

        Look("web");

        Assert.Equal(problem is null, AddressesOf("web").Count > 0);
        Assert.Equal(problem is null, !_cluster.Events.Any(told => told.StartsWith("Warning", StringComparison.Ordinal)));
        if (problem is not null)
            Assert.Contains($"Warning SyncLoadBalancerFailed Error syncing load balancer: failed to ensure load balancer: {problem}", _cluster.Events);
    }

    [Fact]
    public void A_service_that_changes_its_type_loses_the_addresses()
    {
        _cluster.With(Service("web", 80));
        Look("web");

        _cluster.Edit<Service>(Make.Ns, "web", service => service.Spec.Type = "ClusterIP");
        Look("web");

        Assert.Null(Get("web").Status.LoadBalancer!.Ingress);
        Assert.Null(Get("web").Metadata.Finalizers);
        Assert.Equal(["Normal DeletingLoadBalancer Deleting load balancer", "Normal DeletedLoadBalancer Deleted load balancer"], _cluster.Events.TakeLast(2));
    }

    [Fact]
    public void A_deleted_service_goes_and_frees_its_port()
    {
        _cluster.With(Service("web", 80), Service("next", 80));
        Look("web");
        Look("next");
        var before = Get("web");
        var deleted = _cluster.Change<Service>(Make.Ns, "web", service => service.Metadata.DeletionTimestamp = _cluster.Now);
        Assert.Equal(["default/next", "default/web"], KeysOf(before, deleted).Order());

        Look("web");
        Look("next");

        Assert.Null(_cluster.Get<Service>(Make.Ns, "web"));
        Assert.Equal(2, AddressesOf("next").Count);
    }

    private void Look(string name) => _cluster.Settle(_controller, new NamespacedName(Make.Ns, name));

    private Service Get(string name) => _cluster.Get<Service>(Make.Ns, name)!;

    private List<string?> AddressesOf(string name) => [.. (Get(name).Status.LoadBalancer?.Ingress).OrEmpty().Select(ingress => ingress.Ip)];

    private List<string> KeysOf<T>(T? before, T? after) where T : class, IKubernetesObject<T> =>
        [.. _controller.Watches.Single(watch => watch.Kind == T.StaticKind).Keys(new ObjectChange(before, after), _cluster).Select(key => key.ToString())];

    private static Node Node(string name, string address, string ready = "True")
    {
        var node = Make.Node(name, ready);
        node.Status.Addresses = [new NodeAddress { Type = "InternalIP", Address = address }, new NodeAddress { Type = "Hostname", Address = name }];
        node.Status.DaemonEndpoints = new NodeDaemonEndpoints { KubeletEndpoint = new DaemonEndpoint { Port = 10250 } };
        return node;
    }

    private static Service Service(string name, params int[] ports) => new()
    {
        Metadata = new ObjectMeta { Namespace = Make.Ns, Name = name },
        Spec = new ServiceSpec { Type = "LoadBalancer", Ports = [.. ports.Select(port => new ServicePort { Port = port, Protocol = "TCP" })] },
        Status = new ServiceStatus { LoadBalancer = new LoadBalancerStatus() },
    };

    private static EndpointSlice Slice(string service, params (string Node, bool IsReady)[] endpoints) => new()
    {
        Metadata = new ObjectMeta { Namespace = Make.Ns, Name = service + "-1", Labels = new() { ["kubernetes.io/service-name"] = service } },
        AddressType = "IPv4",
        Endpoints = [.. endpoints.Select(endpoint => new Endpoint { NodeName = endpoint.Node, Conditions = new EndpointConditions { Ready = endpoint.IsReady } })],
    };
}
