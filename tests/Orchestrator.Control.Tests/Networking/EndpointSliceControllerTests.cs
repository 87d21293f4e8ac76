using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Control.Networking;

namespace Orchestrator.Control.Tests.Networking;

public sealed class EndpointSliceControllerTests
{
    private static readonly NamespacedName Key = new(Make.Ns, "web");

    private readonly FakeCluster _cluster = new FakeCluster().With(Make.Node("node-1"));

    private IReadOnlyList<EndpointSlice> Slices => _cluster.List<EndpointSlice>();

    private IEnumerable<Endpoint> All => Slices.SelectMany(slice => slice.Endpoints!);

    private static Service New(Action<ServiceSpec>? change = null)
    {
        var service = new Service
        {
            Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "web", Uid = "service-web", Labels = new() { ["team"] = "a" } },
            Spec = new ServiceSpec
            {
                Type = "ClusterIP",
                ClusterIP = "10.96.0.10",
                IpFamilies = ["IPv4"],
                Selector = new() { ["app"] = "web" },
                Ports = [new ServicePort { Name = "http", Port = 80, TargetPort = 8080, Protocol = "TCP" }],
            },
        };
        change?.Invoke(service.Spec);
        return service;
    }

    private static Pod Served(int number) => Make.Pod($"web-{number:d4}").Ready().With(pod =>
    {
        pod.Status.PodIP = $"10.244.{number / 250}.{number % 250 + 1}";
        pod.Status.PodIPs = [new PodIP { Ip = pod.Status.PodIP }];
    });

    private void Look() => _cluster.Settle(EndpointSliceController.Description, Key);

    [Fact]
    public void A_services_pods_are_written_into_a_slice_of_its_own()
    {
        _cluster.With(New(), Served(1));

        Look();

        var slice = Assert.Single(Slices);
        Assert.StartsWith("web-", slice.Name);
        Assert.Equal("IPv4", slice.AddressType);
        Assert.Equal(("web", "endpointslice-controller.k8s.io", "a"), (slice.Labels["kubernetes.io/service-name"],
            slice.Labels["endpointslice.kubernetes.io/managed-by"], slice.Labels["team"]));
        Assert.Equal("service-web", slice.ControllerOwner!.Uid);
        Assert.Equal(("http", 8080, "TCP"), (slice.Ports![0].Name, slice.Ports[0].Port, slice.Ports[0].Protocol));
        var endpoint = Assert.Single(slice.Endpoints!);
        Assert.Equal(["10.244.0.2"], endpoint.Addresses!);
        Assert.Equal((true, true, false), (endpoint.Conditions!.Ready, endpoint.Conditions.Serving, endpoint.Conditions.Terminating));
        Assert.Equal(("node-1", "zone-a", "web-0001"), (endpoint.NodeName, endpoint.Zone, endpoint.TargetRef!.Name));
    }

    [Fact]
    public void Without_pods_there_is_one_empty_slice()
    {
        _cluster.With(New());

        Look();

        Assert.Empty(Assert.Single(Slices).Endpoints.OrEmpty());
    }

    [Fact]
    public void A_slice_holds_a_hundred_endpoints_at_most()
    {
        _cluster.With(New());
        for (int i = 0; i < 250; i++)
            _cluster.With(Served(i));

        Look();

        Assert.Equal([50, 100, 100], Slices.Select(slice => slice.Endpoints!.Count).Order());
        Assert.Equal(250, All.Select(endpoint => endpoint.Addresses![0]).Distinct().Count());
    }

    [Fact]
    public void A_pod_that_comes_goes_or_changes_costs_one_write()
    {
        _cluster.With(New());
        for (int i = 0; i < 150; i++)
            _cluster.With(Served(i));
        Look();

        _cluster.Done.Clear();
        _cluster.With(Served(150));
        Look();
        Assert.IsType<Update>(Assert.Single(_cluster.Done));
        _cluster.Done.Clear();
        _cluster.Change<Pod>(Make.Ns, "web-0003", pod => pod.NotReady());
        Look();
        Assert.IsType<Update>(Assert.Single(_cluster.Done));
        _cluster.Done.Clear();
        _cluster.Remove(_cluster.Get<Pod>(Make.Ns, "web-0004")!);
        Look();

        Assert.IsType<Update>(Assert.Single(_cluster.Done));
        Assert.Equal(150, All.Count());
    }

    [Theory]
    [InlineData(true, false, false, true, true, false)]
    [InlineData(false, false, false, false, false, false)]
    [InlineData(true, true, false, false, true, true)]
    [InlineData(false, false, true, true, false, false)]
    [InlineData(false, true, true, true, false, true)]
    public void The_conditions_of_an_endpoint(
        bool isPodReady, bool isGoing, bool publishesNotReady, bool ready, bool serving, bool terminating)
    {
        var pod = Served(1);
        if (!isPodReady)
            pod.NotReady();
        if (isGoing)
            pod.Metadata.DeletionTimestamp = _cluster.Now;
        _cluster.With(New(spec => spec.PublishNotReadyAddresses = publishesNotReady), pod);

        Look();

        var conditions = All.Single().Conditions!;
        Assert.Equal((ready, serving, terminating), (conditions.Ready, conditions.Serving, conditions.Terminating));
    }

    [Fact]
    public void Ended_pods_and_pods_without_an_address_are_left_out()
    {
        _cluster.With(New(), Served(1).Phase("Succeeded"), Served(2).Phase("Failed"), Make.Pod("web-pending").Phase("Pending"));

        Look();

        Assert.Empty(All);
    }

    [Fact]
    public void A_named_port_may_have_another_number_in_each_pod()
    {
        Pod WithPort(int number, int port) => Served(number).With(pod => pod.Spec.Containers![0].Ports =
            [new ContainerPort { Name = "web", ContainerPortValue = port, Protocol = "TCP" }]);
        _cluster.With(New(spec => spec.Ports![0].TargetPort = "web"), WithPort(1, 8080), WithPort(2, 9090), WithPort(3, 8080));

        Look();

        Assert.Equal([(8080, 2), (9090, 1)], Slices.Select(slice => (slice.Ports![0].Port!.Value, slice.Endpoints!.Count)).Order());
    }

    [Fact]
    public void A_change_of_ports_reuses_the_slice()
    {
        _cluster.With(New(), Served(1));
        Look();
        string name = Slices[0].Name;

        _cluster.Edit<Service>(Make.Ns, "web", service => service.Spec.Ports![0].TargetPort = 9090);
        Look();

        Assert.Equal((name, 9090), (Assert.Single(Slices).Name, Slices[0].Ports![0].Port));
    }

    [Fact]
    public void Two_families_have_slices_each()
    {
        _cluster.With(New(spec => spec.IpFamilies = ["IPv4", "IPv6"]),
            Served(1).With(pod => pod.Status.PodIPs!.Add(new PodIP { Ip = "fd00::1" })));

        Look();

        Assert.Equal(["IPv4 10.244.0.2", "IPv6 fd00::1"],
            Slices.Select(slice => $"{slice.AddressType} {slice.Endpoints![0].Addresses![0]}").Order());
    }

    [Fact]
    public void Headless_services_are_labelled_and_know_host_names()
    {
        _cluster.With(New(spec =>
        {
            spec.ClusterIP = "None";
            spec.Ports = null;
        }), Served(1).With(pod =>
        {
            pod.Spec.Hostname = "web-0";
            pod.Spec.Subdomain = "web";
        }));

        Look();

        var slice = Assert.Single(Slices);
        Assert.True(slice.Labels.ContainsKey("service.kubernetes.io/headless"));
        Assert.Equal("web-0", slice.Endpoints![0].Hostname);
        Assert.Empty(slice.Ports.OrEmpty());
    }

    [Fact]
    public void Traffic_may_be_asked_to_stay_near()
    {
        _cluster.With(New(spec => spec.TrafficDistribution = "PreferClose"), Served(1));

        Look();

        Assert.Equal("zone-a", All.Single().Hints!.ForZones![0].Name);
    }

    [Fact]
    public void A_service_without_a_selector_is_left_to_people()
    {
        _cluster.With(New(spec => spec.Selector = null), Served(1));

        Look();

        Assert.Empty(Slices);
    }

    [Fact]
    public void A_pod_of_an_unknown_node_waits()
    {
        _cluster.With(New(), Served(1).With(pod => pod.Spec.NodeName = "unknown"));

        var decision = _cluster.Reconcile(EndpointSliceController.Description, Key);

        Assert.True(decision.RetryWithBackoff);
        Assert.Empty(All);
    }

    [Fact]
    public void Endpoints_tell_ready_and_not_ready_addresses_by_ports()
    {
        _cluster.With(New(), Served(2), Served(1), Served(3).NotReady(), Served(4).With(pod => pod.Metadata.DeletionTimestamp = _cluster.Now));

        _cluster.Settle(EndpointsController.Description, Key);

        var endpoints = _cluster.Get<Api.CoreV1.Endpoints>(Make.Ns, "web")!;
        var subset = Assert.Single(endpoints.Subsets!);
        Assert.Equal(["10.244.0.2", "10.244.0.3"], subset.Addresses!.Select(address => address.Ip!));
        Assert.Equal(["10.244.0.4"], subset.NotReadyAddresses!.Select(address => address.Ip!));
        Assert.Equal(("http", 8080), (subset.Ports![0].Name, subset.Ports[0].Port));
        Assert.Equal("endpoint-controller", endpoints.Labels["endpoints.kubernetes.io/managed-by"]);

        _cluster.Remove(_cluster.Get<Service>(Make.Ns, "web")!);
        _cluster.Settle(EndpointsController.Description, Key);
        Assert.Empty(_cluster.List<Api.CoreV1.Endpoints>());
    }

    [Fact]
    public void Endpoints_of_people_are_mirrored_into_slices()
    {
        _cluster.With(New(spec => spec.Selector = null), new Api.CoreV1.Endpoints
        {
            Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "web" },
            Subsets =
            [
                new EndpointSubset
                {
                    Addresses = [new EndpointAddress { Ip = "192.0.2.1" }],
                    NotReadyAddresses = [new EndpointAddress { Ip = "192.0.2.2" }],
                    Ports = [new Api.CoreV1.EndpointPort { Name = "http", Port = 80, Protocol = "TCP" }],
                },
            ],
        });

        _cluster.Settle(EndpointMirroringController.Description, Key);

        var slice = Assert.Single(Slices);
        Assert.Equal("endpointslicemirroring-controller.k8s.io", slice.Labels["endpointslice.kubernetes.io/managed-by"]);
        Assert.Equal([("192.0.2.1", true), ("192.0.2.2", false)],
            slice.Endpoints!.Select(endpoint => (endpoint.Addresses![0], endpoint.Conditions!.Ready!.Value)).Order());
        _cluster.Remove(_cluster.List<Api.CoreV1.Endpoints>()[0]);
        _cluster.Settle(EndpointMirroringController.Description, Key);
        Assert.Empty(Slices);
    }
}
