using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Control.Proxying;
using static Orchestrator.Control.Tests.Proxying.ProxyCluster;

namespace Orchestrator.Control.Tests.Proxying;

public sealed class ProxyTableTests
{
    private readonly ProxyCluster _cluster = new();

    [Fact]
    public void A_cluster_ip_leads_to_every_ready_endpoint()
    {
        _cluster.With(Service(), Ready("10.244.0.2"), Ready("10.244.1.3", Elsewhere), NotReady("10.244.0.4"), Ending("10.244.0.5"));

        Assert.Equal("10.244.0.2:8080, 10.244.1.3:8080", _cluster.Send(ClientPod, ServiceIp, 80));
    }

    [Theory]
    [InlineData(ClientPod, "10.244.0.2:8080")]
    [InlineData("10.244.0.2", "10.244.0.2:8080 masqueraded")] // Or it would answer itself past the translation.
    [InlineData(NodeIp, "10.244.0.2:8080 masqueraded")]
    [InlineData(Outside, "10.244.0.2:8080 masqueraded")]
    public void Who_is_no_pod_or_meets_himself_comes_under_the_nodes_address(string source, string outcome)
    {
        _cluster.With(Service(), Ready("10.244.0.2"));

        Assert.Equal(outcome, _cluster.Send(source, ServiceIp, 80));
    }

    [Fact]
    public void Without_a_known_pod_network_nobody_is_masqueraded_at_a_cluster_ip()
    {
        _cluster.Settings = _cluster.Settings with { PodCidrs = [] };
        _cluster.With(Service(), Ready("10.244.0.2"));

        Assert.Equal("10.244.0.2:8080", _cluster.Send(Outside, ServiceIp, 80));
    }

    [Theory]
    [InlineData(80, "refused")] // Nobody there.
    [InlineData(81, "refused")] // No such port.
    public void A_cluster_ip_that_nobody_is_behind_refuses_at_once(int port, string outcome)
    {
        _cluster.With(Service(), NotReady("10.244.0.2"));

        Assert.Equal(outcome, _cluster.Send(ClientPod, ServiceIp, port));
        Assert.Equal(outcome, _cluster.Send(NodeIp, ServiceIp, port));
    }

    [Fact]
    public void Tcp_is_refused_by_a_reset_and_all_else_by_an_answer_of_unreachable()
    {
        Assert.Equal(
            ["meta l4proto tcp reject with tcp reset", "reject"],
            _cluster.Table.Table.Chains["reject-now"].Rules.Select(rule => rule.Text));
    }

    [Fact]
    public void A_cluster_ip_that_no_service_has_is_dropped_and_what_is_none_passes()
    {
        _cluster.With(Service(), Ready("10.244.0.2"));

        Assert.Equal("dropped", _cluster.Send(ClientPod, "10.96.7.7", 80));
        Assert.Equal("passes", _cluster.Send(ClientPod, "10.97.0.1", 80));
    }

    [Fact]
    public void Where_nobody_is_ready_those_that_end_but_serve_are_taken()
    {
        _cluster.With(Service(), Ending("10.244.0.2"), NotReady("10.244.0.3"), New("10.244.0.4", Here, false, false, true));

        Assert.Equal("10.244.0.2:8080", _cluster.Send(ClientPod, ServiceIp, 80));
    }

    [Fact]
    public void Unknown_conditions_mean_ready()
    {
        _cluster.With(Service(), New("10.244.0.2", Here, null, null, null), new Endpoint { Addresses = ["10.244.0.3"] });

        Assert.Equal("10.244.0.2:8080, 10.244.0.3:8080", _cluster.Send(ClientPod, ServiceIp, 80));
    }

    [Fact]
    public void An_address_in_two_slices_counts_once_and_as_the_better_of_the_two()
    {
        var service = Service();
        var other = Slice(service, NotReady("10.244.0.2"), Ready("10.244.0.3"));
        other.Metadata.Name = "another";
        _cluster.With(service, Ready("10.244.0.2"), NotReady("10.244.0.3")).With(other);

        Assert.Equal("10.244.0.2:8080, 10.244.0.3:8080", _cluster.Send(ClientPod, ServiceIp, 80));
    }

    [Fact]
    public void Ports_are_told_apart_by_name_and_protocol()
    {
        _cluster.With(
            Service(change: spec => spec.Ports =
            [
                new ServicePort { Name = "dns", Port = 53, Protocol = "UDP" },
                new ServicePort { Name = "dns-tcp", Port = 53, Protocol = "TCP" },
                new ServicePort { Name = "signal", Port = 36412, Protocol = "SCTP" },
            ]),
            Ready("10.244.0.2"));

        Assert.Equal("10.244.0.2:8053", _cluster.Send(ClientPod, ServiceIp, 53, "udp"));
        Assert.Equal("10.244.0.2:8053", _cluster.Send(ClientPod, ServiceIp, 53, "tcp"));
        Assert.Equal("10.244.0.2:44412", _cluster.Send(ClientPod, ServiceIp, 36412, "sctp"));
        Assert.Equal("refused", _cluster.Send(ClientPod, ServiceIp, 36412, "udp"));
    }

    [Fact]
    public void Pods_that_give_a_named_port_another_number_are_reached_at_theirs()
    {
        var service = Service();
        var other = Slice(service, Ready("10.244.0.3"));
        other.Metadata.Name = "another";
        other.Ports![0].Port = 9999;
        _cluster.With(service, Ready("10.244.0.2")).With(other);

        Assert.Equal("10.244.0.2:8080, 10.244.0.3:9999", _cluster.Send(ClientPod, ServiceIp, 80));
    }

    [Theory]
    [InlineData("None", "ClusterIP")]
    [InlineData("", "ClusterIP")]
    [InlineData("", "ExternalName")]
    public void A_service_without_an_address_of_its_own_adds_nothing(string ip, string type)
    {
        string empty = _cluster.Kernel.Dump();

        _cluster.With(Service(change: spec => (spec.ClusterIP, spec.ClusterIPs, spec.Type) = (ip, [ip], type)), Ready("10.244.0.2"));

        Assert.Equal(empty, _cluster.Kernel.Dump());
    }

    [Fact]
    public void A_service_that_is_another_proxys_adds_nothing()
    {
        string empty = _cluster.Kernel.Dump();
        var service = Service();
        service.Metadata.Labels = new() { [ServiceRules.ProxyNameLabel] = "other" };

        _cluster.With(service, Ready("10.244.0.2"));

        Assert.Equal(empty, _cluster.Kernel.Dump());
    }

    // Node ports

    [Theory]
    [InlineData(Outside)]
    [InlineData(ClientPod)]
    [InlineData(NodeIp)]
    public void A_node_port_leads_to_any_endpoint_under_the_nodes_address(string source)
    {
        _cluster.With(NodePort(), Ready("10.244.0.2"), Ready("10.244.1.3", Elsewhere));

        Assert.Equal("10.244.0.2:8080, 10.244.1.3:8080 masqueraded", _cluster.Send(source, NodeIp, 30080));
    }

    [Fact]
    public void A_node_port_is_open_at_the_nodes_addresses_alone()
    {
        _cluster.With(NodePort(), Ready("10.244.0.2"));

        Assert.Equal("passes", _cluster.Send(ClientPod, Outside, 30080));
        Assert.Equal("passes", _cluster.Send(NodeIp, "127.0.0.1", 30080));
        Assert.Equal("passes", _cluster.Send(Outside, NodeIp, 30080, "udp"));
    }

    [Fact]
    public void Where_no_address_is_named_a_node_port_is_open_at_all_but_loopback()
    {
        _cluster.Settings = _cluster.Settings with { NodeAddresses = [] };
        _cluster.With(NodePort(), Ready("10.244.0.2"));

        Assert.Equal("10.244.0.2:8080 masqueraded", _cluster.Send(Outside, NodeIp, 30080));
        Assert.Equal("passes", _cluster.Send(NodeIp, "127.0.0.1", 30080));
    }

    [Fact]
    public void A_node_port_that_nobody_is_behind_refuses_at_once()
    {
        _cluster.With(NodePort());

        Assert.Equal("refused", _cluster.Send(Outside, NodeIp, 30080));
        Assert.Equal("refused", _cluster.Send(ClientPod, NodeIp, 30080));
    }

    // Policies

    [Theory]
    [InlineData(Outside, NodeIp, 30080, "10.244.0.2:8080")] // The client's address is kept.
    [InlineData(ClientPod, NodeIp, 30080, "10.244.0.2:8080, 10.244.1.3:8080")] // Pods are as near as anybody.
    [InlineData(NodeIp, NodeIp, 30080, "10.244.0.2:8080, 10.244.1.3:8080 masqueraded")]
    [InlineData(ClientPod, ServiceIp, 80, "10.244.0.2:8080, 10.244.1.3:8080")]
    public void An_external_policy_of_local_keeps_outsiders_on_the_node(string source, string destination, int port, string outcome)
    {
        _cluster.With(NodePort(spec => spec.ExternalTrafficPolicy = "Local"), Ready("10.244.0.2"), Ready("10.244.1.3", Elsewhere));

        Assert.Equal(outcome, _cluster.Send(source, destination, port));
    }

    [Theory]
    [InlineData(Outside, "dropped")] // The balancer shall find out and go to another node.
    [InlineData(ClientPod, "10.244.1.3:8080")]
    [InlineData(NodeIp, "10.244.1.3:8080 masqueraded")]
    public void An_external_policy_of_local_without_an_endpoint_here_drops_outsiders_alone(string source, string outcome)
    {
        _cluster.With(NodePort(spec => spec.ExternalTrafficPolicy = "Local"), Ready("10.244.1.3", Elsewhere));

        Assert.Equal(outcome, _cluster.Send(source, NodeIp, 30080));
        Assert.Equal("10.244.1.3:8080", _cluster.Send(ClientPod, ServiceIp, 80));
    }

    [Fact]
    public void An_external_policy_of_local_without_any_endpoint_refuses()
    {
        _cluster.With(NodePort(spec => spec.ExternalTrafficPolicy = "Local"));

        Assert.Equal("refused", _cluster.Send(Outside, NodeIp, 30080));
    }

    [Fact]
    public void The_last_endpoint_here_serves_outsiders_while_it_ends_though_others_are_ready_elsewhere()
    {
        _cluster.With(NodePort(spec => spec.ExternalTrafficPolicy = "Local"), Ending("10.244.0.2"), Ready("10.244.1.3", Elsewhere));

        Assert.Equal("10.244.0.2:8080", _cluster.Send(Outside, NodeIp, 30080));
        Assert.Equal("10.244.1.3:8080", _cluster.Send(ClientPod, ServiceIp, 80));
    }

    [Fact]
    public void An_internal_policy_of_local_keeps_a_cluster_ip_on_the_node()
    {
        _cluster.With(Service(change: spec => spec.InternalTrafficPolicy = "Local"), Ready("10.244.0.2"), Ready("10.244.1.3", Elsewhere));

        Assert.Equal("10.244.0.2:8080", _cluster.Send(ClientPod, ServiceIp, 80));
        Assert.Equal("10.244.0.2:8080 masqueraded", _cluster.Send(NodeIp, ServiceIp, 80));
    }

    [Fact]
    public void An_internal_policy_of_local_drops_where_only_others_have_endpoints_and_refuses_where_nobody_has()
    {
        _cluster.With(Service(change: spec => spec.InternalTrafficPolicy = "Local"), Ready("10.244.1.3", Elsewhere));
        Assert.Equal("dropped", _cluster.Send(ClientPod, ServiceIp, 80));

        _cluster.With(Service(change: spec => spec.InternalTrafficPolicy = "Local"), []);
        Assert.Equal("refused", _cluster.Send(ClientPod, ServiceIp, 80));
    }

    [Fact]
    public void Internal_and_external_policies_are_apart()
    {
        _cluster.With(NodePort(spec => spec.InternalTrafficPolicy = "Local"), Ready("10.244.1.3", Elsewhere));

        Assert.Equal("dropped", _cluster.Send(ClientPod, ServiceIp, 80));
        Assert.Equal("10.244.1.3:8080 masqueraded", _cluster.Send(Outside, NodeIp, 30080));
    }

    // External addresses and load balancers

    [Fact]
    public void External_addresses_lead_to_the_service_at_its_own_port()
    {
        _cluster.With(Service(change: spec => spec.ExternalIPs = ["198.51.100.9", "fd00::9", "no address"]), Ready("10.244.0.2"));

        Assert.Equal("10.244.0.2:8080 masqueraded", _cluster.Send(Outside, "198.51.100.9", 80));
        Assert.Equal("10.244.0.2:8080 masqueraded", _cluster.Send(ClientPod, "198.51.100.9", 80));
        Assert.Equal("passes", _cluster.Send(Outside, "198.51.100.9", 81));
    }

    [Fact]
    public void An_external_policy_holds_for_external_addresses_too()
    {
        _cluster.With(
            Service(change: spec => (spec.ExternalIPs, spec.ExternalTrafficPolicy) = (["198.51.100.9"], "Local")),
            Ready("10.244.0.2"), Ready("10.244.1.3", Elsewhere));

        Assert.Equal("10.244.0.2:8080", _cluster.Send(Outside, "198.51.100.9", 80));
    }

    [Fact]
    public void A_load_balancers_address_is_translated_on_the_node()
    {
        _cluster.With(Balancer(), Ready("10.244.0.2"));

        Assert.Equal("10.244.0.2:8080 masqueraded", _cluster.Send(Outside, "198.51.100.1", 80));
        Assert.Equal("10.244.0.2:8080 masqueraded", _cluster.Send(ClientPod, "198.51.100.1", 80));
    }

    [Fact]
    public void A_load_balancer_that_is_a_proxy_is_left_alone()
    {
        _cluster.With(Balancer(ipMode: "Proxy"), Ready("10.244.0.2"));

        Assert.Equal("passes", _cluster.Send(ClientPod, "198.51.100.1", 80));
    }

    [Fact]
    public void A_load_balancer_that_nobody_is_behind_refuses_at_once()
    {
        _cluster.With(Balancer());

        Assert.Equal("refused", _cluster.Send(Outside, "198.51.100.1", 80));
    }

    [Theory]
    [InlineData("203.0.113.0/24", Outside, "10.244.0.2:8080 masqueraded")]
    [InlineData("203.0.113.5/32", Outside, "10.244.0.2:8080 masqueraded")]
    [InlineData("203.0.112.0/24", Outside, "dropped")]
    [InlineData("0.0.0.0/0", Outside, "10.244.0.2:8080 masqueraded")]
    [InlineData("fd00::/8", Outside, "10.244.0.2:8080 masqueraded")] // No range of this family: no limit of it.
    public void A_load_balancer_may_be_for_some_sources_only(string range, string source, string outcome)
    {
        _cluster.With(Balancer(change: spec => spec.LoadBalancerSourceRanges = [range]), Ready("10.244.0.2"));

        Assert.Equal(outcome, _cluster.Send(source, "198.51.100.1", 80));
        Assert.Equal("10.244.0.2:8080 masqueraded", _cluster.Send(source, NodeIp, 30080)); // Node ports are not limited.
    }

    [Fact]
    public void Source_ranges_may_overlap_and_have_spaces_around_them()
    {
        _cluster.With(
            Balancer(change: spec => spec.LoadBalancerSourceRanges = [" 203.0.113.0/24", "203.0.113.128/25", "203.0.113.0/24 "]),
            Ready("10.244.0.2"));

        var firewall = _cluster.Table.Table.Chains.Single(chain => chain.Key.StartsWith("firewall-", StringComparison.Ordinal)).Value;
        Assert.Equal("ip saddr != { 203.0.113.0/24 } drop", firewall.Rules.Single().Text);
    }

    [Fact]
    public void A_node_within_the_source_ranges_may_send_from_the_balancers_address()
    {
        _cluster.With(Balancer(change: spec => spec.LoadBalancerSourceRanges = ["192.168.7.0/24"]), Ready("10.244.0.2"));

        Assert.Equal("10.244.0.2:8080 masqueraded", _cluster.Send("198.51.100.1", "198.51.100.1", 80));
        Assert.Equal("dropped", _cluster.Send(Outside, "198.51.100.1", 80));
    }

    [Fact]
    public void An_address_that_two_services_want_stays_with_the_older()
    {
        var older = Service("zebra", spec => (spec.ClusterIP, spec.ClusterIPs, spec.ExternalIPs) = ("10.96.0.11", ["10.96.0.11"], ["198.51.100.9"]));
        var newer = Service("ant", spec => spec.ExternalIPs = ["198.51.100.9"]);
        newer.Metadata.CreationTimestamp = Make.Start.AddSeconds(1);

        _cluster.With(newer, Ready("10.244.0.2")).With(older, Ready("10.244.0.3"));

        Assert.Equal("10.244.0.3:8080 masqueraded", _cluster.Send(Outside, "198.51.100.9", 80));
        Assert.Equal("10.244.0.2:8080", _cluster.Send(ClientPod, ServiceIp, 80));
    }

    // Health

    [Fact]
    public void A_balancer_with_a_local_policy_is_told_how_many_endpoints_are_here()
    {
        var service = Balancer(change: spec =>
        {
            (spec.ExternalTrafficPolicy, spec.HealthCheckNodePort) = ("Local", 32000);
            spec.Ports!.Add(new ServicePort { Name = "https", Port = 443, Protocol = "TCP" });
        });
        _cluster.With(service, Ready("10.244.0.2"), Ready("10.244.0.3"), Ready("10.244.1.3", Elsewhere), Ending("10.244.0.4"));

        Assert.Equal([new ServiceHealth(service.Key, 32000, 2)], _cluster.Table.Health);
    }

    [Fact]
    public void Without_a_local_policy_nobody_asks_for_health()
    {
        _cluster.With(Balancer(change: spec => spec.HealthCheckNodePort = 32000), Ready("10.244.0.2"));

        Assert.Empty(_cluster.Table.Health);
    }

    // Affinity

    [Fact]
    public void A_client_comes_back_to_the_endpoint_that_it_had()
    {
        _cluster.With(Service(change: spec => spec.SessionAffinity = "ClientIP"), Ready("10.244.0.2"), Ready("10.244.0.3"), Ready("10.244.0.4"));
        var kernel = _cluster.Kernel;
        string set = kernel.SetNames.Single(name => name.StartsWith("affinity-", StringComparison.Ordinal) && name.Contains("10.244.0.3/8080"));
        kernel.Note(set, ClientPod);

        Assert.Equal("10.244.0.3:8080", kernel.Send(new Packet(ClientPod, ServiceIp, 80)));
    }

    [Fact]
    public void A_new_client_is_noted_with_whom_it_gets()
    {
        _cluster.With(Service(change: spec => spec.SessionAffinity = "ClientIP"), Ready("10.244.0.2"));
        var kernel = _cluster.Kernel;

        kernel.Send(new Packet(ClientPod, ServiceIp, 80));

        string set = kernel.SetNames.Single(name => name.StartsWith("affinity-", StringComparison.Ordinal));
        Assert.Equal([ClientPod], kernel.Elements(set));
        Assert.Contains("timeout 10800s;", kernel.Dump());
    }

    [Fact]
    public void An_affinity_of_another_time_is_another_set()
    {
        string With(int seconds) => _cluster.With(
            Service(change: spec => (spec.SessionAffinity, spec.SessionAffinityConfig) =
                ("ClientIP", new SessionAffinityConfig { ClientIP = new ClientIPConfig { TimeoutSeconds = seconds } })),
            Ready("10.244.0.2")).Table.Table.Sets.Values.Single(set => set.IsFilledByRules).Specification;

        Assert.Equal("type ipv4_addr; flags dynamic,timeout; timeout 10s;", With(10));
        var before = _cluster.Table.Table;
        With(20);
        var transaction = NftDifference.Between(before, _cluster.Table.Table);

        Assert.DoesNotContain("delete table", transaction.Text);
        Assert.Contains("timeout 20s;", new NftModel().Apply(NftDifference.Whole(before).Text).Apply(transaction.Text).Dump());
    }

    // Topology

    [Theory]
    [InlineData("zone-a", "10.244.0.2:8080")]
    [InlineData("zone-b", "10.244.1.3:8080")]
    [InlineData("zone-c", "10.244.0.2:8080, 10.244.1.3:8080")] // Meant for nobody here: all.
    [InlineData("", "10.244.0.2:8080, 10.244.1.3:8080")]
    public void Hints_keep_traffic_in_its_zone(string zone, string outcome)
    {
        _cluster.Settings = _cluster.Settings with { Zone = zone };
        _cluster.With(Service(), ForZone(Ready("10.244.0.2"), "zone-a"), ForZone(Ready("10.244.1.3", Elsewhere), "zone-b"));

        Assert.Equal(outcome, _cluster.Send(ClientPod, ServiceIp, 80));
    }

    [Fact]
    public void Hints_do_not_count_where_one_ready_endpoint_has_none()
    {
        _cluster.Settings = _cluster.Settings with { Zone = "zone-a" };
        _cluster.With(Service(), ForZone(Ready("10.244.0.2"), "zone-a"), Ready("10.244.1.3", Elsewhere));

        Assert.Equal("10.244.0.2:8080, 10.244.1.3:8080", _cluster.Send(ClientPod, ServiceIp, 80));
    }

    [Fact]
    public void Hints_for_nodes_go_before_those_for_zones()
    {
        Endpoint Hinted(Endpoint endpoint, string node)
        {
            ForZone(endpoint, "zone-a").Hints!.ForNodes = [new ForNode { Name = node }];
            return endpoint;
        }
        _cluster.Settings = _cluster.Settings with { Zone = "zone-a" };
        _cluster.With(Service(), Hinted(Ready("10.244.0.2"), Here), Hinted(Ready("10.244.1.3", Elsewhere), Elsewhere));

        Assert.Equal("10.244.0.2:8080", _cluster.Send(ClientPod, ServiceIp, 80));
    }

    // Pods to the outside

    [Theory]
    [InlineData(true, ClientPod, Outside, "passes masqueraded")]
    [InlineData(true, ClientPod, "10.244.3.3", "passes")]
    [InlineData(true, Outside, ClientPod, "passes")]
    [InlineData(false, ClientPod, Outside, "passes")]
    public void What_pods_send_outside_goes_under_the_nodes_address_where_that_is_asked_for(
        bool isAsked, string source, string destination, string outcome)
    {
        _cluster.Settings = _cluster.Settings with { MasqueradesPodTraffic = isAsked };

        Assert.Equal(outcome, _cluster.Send(source, destination, 80));
    }

    [Fact]
    public void Masquerade_of_pods_may_be_a_table_of_its_own()
    {
        var table = PodMasquerade.Table(IpFamily.IPv4, "pods", ["10.244.0.0/16", "10.244.1.0/24", "fd00::/8"]);
        var kernel = new NftModel().Apply(NftDifference.Whole(table).Text);

        Assert.Equal("passes masqueraded", kernel.Send(new Packet(ClientPod, Outside, 80)));
        Assert.Equal("passes", kernel.Send(new Packet(ClientPod, "10.244.3.3", 80)));
        Assert.Equal(["10.244.0.0/16"], kernel.Elements("pod-cidrs"));
    }

    // The other family

    [Fact]
    public void Each_family_has_its_own_addresses()
    {
        var service = NodePort(spec => spec.ClusterIPs = [ServiceIp, "fd00:96::a"]);
        var slice = Slice(service, Ready("fd00:244::2"), Ready("fd00:244::0003", Elsewhere));
        (slice.Metadata.Name, slice.AddressType) = ("six", "IPv6");
        _cluster.With(service, Ready("10.244.0.2")).With(slice);
        Assert.Equal("10.244.0.2:8080", _cluster.Send(ClientPod, ServiceIp, 80));

        _cluster.Settings = _cluster.Settings with { Family = IpFamily.IPv6 };
        Assert.StartsWith("add table ip6 ", NftDifference.Whole(_cluster.Table.Table).Text);
        Assert.Equal("fd00:244::2:8080, fd00:244::3:8080", _cluster.Send("fd00:244::9", "fd00:96::a", 80));
        Assert.Equal("fd00:244::2:8080, fd00:244::3:8080 masqueraded", _cluster.Send("2001:db8::5", "fd00:7::1", 30080));
        Assert.Equal("refused", _cluster.Send("fd00:244::9", "fd00:96::a", 81));
        Assert.Equal("dropped", _cluster.Send("fd00:244::9", "fd00:96::b", 80));
    }

    [Fact]
    public void A_single_IPv6_endpoint_stands_in_brackets()
    {
        var service = Service(change: spec => spec.ClusterIPs = ["fd00:96::a"]);
        var slice = Slice(service, Ready("fd00:244::2"));
        slice.AddressType = "IPv6";
        _cluster.Settings = _cluster.Settings with { Family = IpFamily.IPv6 };
        _cluster.With(service).With(slice);

        Assert.Contains("dnat to [fd00:244::2]:8080 ", NftDifference.Whole(_cluster.Table.Table).Text);
    }

    // Names

    [Fact]
    public void Names_and_comments_stay_within_the_kernels_limits()
    {
        var service = Service(new string('s', 63), spec => (spec.SessionAffinity, spec.Ports![0].Name) = ("ClientIP", new string('p', 63)));
        service.Metadata.Namespace = new string('n', 63);

        _cluster.With(service, Ready("10.244.100.200"), Ready("10.244.100.201"));

        var kernel = _cluster.Kernel; // Which looks at the lengths.
        Assert.Equal("10.244.100.200:8080", kernel.Send(new Packet(ClientPod, ServiceIp, 80)));
        Assert.All(kernel.ChainNames.Concat(kernel.SetNames), name => Assert.Matches("^[a-zA-Z][a-zA-Z0-9/._-]*$", name));
    }

    [Fact]
    public void The_same_objects_are_the_same_text_in_whatever_order_they_come()
    {
        Service[] services =
        [
            Service("a", spec => (spec.ClusterIP, spec.ClusterIPs) = ("10.96.0.1", ["10.96.0.1"])),
            Service("b", spec => (spec.ClusterIP, spec.ClusterIPs) = ("10.96.0.2", ["10.96.0.2"])),
        ];
        var forwards = new ProxyCluster().With(services[0], Ready("10.244.0.2"), Ready("10.244.0.3")).With(services[1], Ready("10.244.0.4"));
        var backwards = new ProxyCluster().With(services[1], Ready("10.244.0.4")).With(services[0], Ready("10.244.0.3"), Ready("10.244.0.2"));

        Assert.Equal(NftDifference.Whole(forwards.Table.Table).Text, NftDifference.Whole(backwards.Table.Table).Text);
    }

    private static Endpoint ForZone(Endpoint endpoint, string zone)
    {
        endpoint.Hints = new EndpointHints { ForZones = [new ForZone { Name = zone }] };
        return endpoint;
    }
}
