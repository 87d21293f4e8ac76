using System.Text;
using KvStore.Testing.Cluster;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Control.Proxying;
using Orchestrator.Runtime.Proxy;
using static Orchestrator.Node.Tests.Live.Proxy.Asking;
using static Orchestrator.Node.Tests.Live.Proxy.ProxyNetwork;
using DiscoveryPort = Orchestrator.Api.DiscoveryV1.EndpointPort;

namespace Orchestrator.Node.Tests.Live.Proxy;

/// <summary>Services on a kernel's own rules, in namespaces of the tests' own.</summary>
public sealed class ServiceProxyTests : IAsyncLifetime
{
    private const string ServiceIp = "10.96.0.10";
    private const string Table = ProxySettings.DefaultTableName;

    private readonly MemoryApi _api = new();
    private ProxyNetwork? _network;
    private ServiceProxy? _proxy;

    private ProxyNetwork Network => _network!;

    private NetworkNamespaces From => new(Network);

    private ServiceProxyOptions Options => new()
    {
        NodeName = "node-1",
        NodeAddresses = [NodeIp],
        ServiceCidr = "10.96.0.0/16",
        PodCidrs = ["10.244.0.0/16"],
        Network = Network.Node,
        LookInterval = TimeSpan.FromMilliseconds(100),
    };

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_proxy is not null)
            await _proxy.RemoveAsync();
        if (_network is not null)
            await _network.DisposeAsync();
    }

    [LiveFact]
    public async Task A_cluster_ip_spreads_over_its_endpoints_for_pods_the_node_and_who_comes_from_outside()
    {
        Put(Service(), "a", "b", "c");

        await StartAsync();

        Assert.Equal([$"a {BridgeIp}", "b 10.244.0.2", "c 10.244.0.2"], (await From.A.AskOftenAsync(ServiceIp, 80)).Order());
        Assert.Equal([$"a {BridgeIp}", $"b {BridgeIp}", $"c {BridgeIp}"], (await From.Node.AskOftenAsync(ServiceIp, 80)).Order());
        Assert.Equal([$"a {BridgeIp}", $"b {BridgeIp}", $"c {BridgeIp}"], (await From.Outside.AskOftenAsync(ServiceIp, 80)).Order());
    }

    [LiveFact]
    public async Task A_pod_reaches_itself_through_its_service()
    {
        Put(Service(), "a");

        await StartAsync();

        Assert.Equal($"a {BridgeIp}", await From.A.AskAsync(ServiceIp, 80));
    }

    [LiveFact]
    public async Task A_node_port_is_reached_from_outside_from_pods_and_from_the_node()
    {
        Put(NodePort(), "a", "b");

        await StartAsync();

        foreach (var client in new[] { From.Outside, From.C, From.Node })
            Assert.Equal([$"a {BridgeIp}", $"b {BridgeIp}"], (await client.AskOftenAsync(NodeIp, 30080)).Order());
    }

    [LiveFact]
    public async Task A_local_policy_keeps_the_clients_address_and_the_traffic_on_the_node()
    {
        Put(NodePort(spec => spec.ExternalTrafficPolicy = "Local"), "a", "other:b");

        await StartAsync();

        Assert.Equal([$"a {OutsideIp}"], await From.Outside.AskOftenAsync(NodeIp, 30080));
        Assert.Equal(["a 10.244.0.4", "b 10.244.0.4"], (await From.C.AskOftenAsync(NodeIp, 30080)).Order());
    }

    [LiveFact]
    public async Task A_local_policy_without_an_endpoint_here_keeps_silent_to_outsiders_and_serves_pods()
    {
        Put(NodePort(spec => spec.ExternalTrafficPolicy = "Local"), "other:b");

        await StartAsync();

        Assert.True(await From.Outside.IsSilentAsync(NodeIp, 30080));
        Assert.Equal("b 10.244.0.4", await From.C.AskAsync(NodeIp, 30080));
    }

    [LiveFact]
    public async Task A_load_balancers_address_is_for_its_source_ranges()
    {
        var service = NodePort(spec => (spec.Type, spec.LoadBalancerSourceRanges) = ("LoadBalancer", [$"{OutsideIp}/32"]));
        service.Status.LoadBalancer = new LoadBalancerStatus { Ingress = [new LoadBalancerIngress { Ip = "198.51.100.1", IpMode = "VIP" }] };
        Put(service, "a");

        await StartAsync();
        Assert.Equal($"a {BridgeIp}", await From.Outside.AskAsync("198.51.100.1", 80));
        service.Spec.LoadBalancerSourceRanges = ["203.0.113.0/24"];
        _api.Put(service);
        await UntilAsync(() => From.Outside.IsSilentAsync("198.51.100.1", 80), "who is not in the ranges is dropped");

        Assert.Equal($"a {BridgeIp}", await From.Outside.AskAsync(NodeIp, 30080));
    }

    [LiveFact]
    public async Task A_client_stays_with_its_endpoint_until_that_is_gone()
    {
        Put(Service(spec => spec.SessionAffinity = "ClientIP"), "a", "b");
        await StartAsync();

        string first = Assert.Single(await From.C.AskOftenAsync(ServiceIp, 80));
        string other = first[0] == 'a' ? "b" : "a";
        Put(Service(spec => spec.SessionAffinity = "ClientIP"), other);
        await UntilAsync(async () => await From.C.AskAsync(ServiceIp, 80) == $"{other} 10.244.0.4", "the other serves");
        Put(Service(spec => spec.SessionAffinity = "ClientIP"), "a", "b");
        await WrittenAsync($"endpoint-.*{AddressOf("a")}/8080");

        Assert.Equal([$"{other} 10.244.0.4"], await From.C.AskOftenAsync(ServiceIp, 80));
    }

    [LiveFact]
    public async Task What_nobody_is_behind_refuses_everybody_at_once_and_serves_when_somebody_comes()
    {
        Put(NodePort());
        await StartAsync();
        foreach (var client in new[] { From.A, From.Node, From.Outside })
        {
            Assert.Equal("refused", await client.AskAsync(ServiceIp, 80));
            Assert.Equal("refused", await client.AskAsync(NodeIp, 30080));
            Assert.Equal("refused", await client.AskAsync(ServiceIp, 81));
        }

        Put(NodePort(), "b");

        await UntilAsync(async () => await From.A.AskAsync(ServiceIp, 80) == "b 10.244.0.2", "it serves");
        Assert.Equal("refused", await From.A.AskAsync(ServiceIp, 81));
        Assert.True(await From.A.IsSilentAsync("10.96.7.7", 80));
    }

    [LiveFact]
    public async Task Endpoints_come_and_go_without_a_failed_request()
    {
        Put(Service(), "a", "b", "c");
        await StartAsync();
        using var stop = new CancellationTokenSource();
        var askers = new[] { From.A, From.Outside, From.Node }.Select(client => AskUntilAsync(client, stop.Token)).ToList();

        foreach (string[] endpoints in (string[][])[["a", "b"], ["b"], ["b", "c"], ["c"], ["ending:a"], ["a", "b", "c"], ["b"]])
        {
            Put(Service(), endpoints);
            int before = askers.Sum(asker => asker.Count);
            await UntilAsync(() => Task.FromResult(askers.Sum(asker => asker.Count) >= before + 30 || askers.Any(asker => asker.Running.IsCompleted)), "requests go on");
        }
        await UntilAsync(() => Task.FromResult(askers.All(asker => asker.Last.StartsWith('b'))), "only b serves");
        await stop.CancelAsync();

        foreach (var asker in askers)
            await asker.Running;
        Assert.Equal(1, _proxy!.TransactionCounts.Wholes);
    }

    [LiveFact]
    public async Task A_conversation_of_datagrams_goes_over_to_who_is_left()
    {
        Put(Datagrams(), "b");
        await StartAsync();
        using var conversation = await From.A.ConversationAsync(ServiceIp, 80);
        using var another = await From.A.ConversationAsync(AddressOf("b"), PodPort);
        await UntilAsync(async () => await conversation.AskAsync() == "b 10.244.0.2" && await another.AskAsync() == "b 10.244.0.2", "b answers");

        Put(Datagrams(), "c");

        await UntilAsync(async () => await conversation.AskAsync() == "c 10.244.0.2", "c answers the same conversation");
        await UntilAsync(async () => await another.AskAsync() == "b 10.244.0.2", "the pod itself goes on with the other");
    }

    [LiveFact]
    public async Task A_conversation_that_nobody_answered_is_answered_once_somebody_is_there()
    {
        Put(Datagrams());
        await StartAsync();
        using var conversation = await From.A.ConversationAsync(ServiceIp, 80);
        await UntilAsync(async () => await conversation.AskAsync() == "refused", "nobody is there");

        Put(Datagrams(), "b");

        await UntilAsync(async () => await conversation.AskAsync() == "b 10.244.0.2", "b answers");
    }

    [LiveFact]
    public async Task What_somebody_else_changes_comes_back_and_what_is_theirs_stays()
    {
        Put(NodePort(spec => spec.SessionAffinity = "ClientIP"), "a", "b");
        await StartAsync();
        Network.Nft("add table ip strangers");
        Network.Nft("add chain ip strangers theirs");
        string whole = Ours();
        string chain = whole.Split('\n').Select(line => line.Trim()).First(line => line.StartsWith("chain external-", StringComparison.Ordinal)).Split(' ')[1];

        foreach (string damage in (string[])[
            $"delete table ip {Table}",
            $"flush table ip {Table}",
            $"flush chain ip {Table} {chain}",
            $"add rule ip {Table} {chain} drop",
            $"add chain ip {Table} another",
            $"add set ip {Table} another {{ type ipv4_addr; }}",
            $"delete element ip {Table} service-ips {{ {ServiceIp} . tcp . 80 }}",
            $"add element ip {Table} cluster-ips {{ 10.96.0.99 }}",
            "flush ruleset; add table ip strangers; add chain ip strangers theirs"])
        {
            int wholes = _proxy!.TransactionCounts.Wholes;
            Network.Nft(damage);
            await UntilAsync(() => Task.FromResult(_proxy.TransactionCounts.Wholes > wholes && Ours() == whole), damage);
        }

        Assert.Matches("^[ab] 10.244.0.4$", await From.C.AskAsync(ServiceIp, 80));
        Assert.Contains("chain theirs", Network.RunInNode("nft", "list", "table", "ip", "strangers"));
    }

    [LiveFact]
    public async Task A_look_at_everything_finds_nothing_wrong_where_nothing_is()
    {
        PutOneOfEverything();

        await StartAsync(options => options with
        {
            FullCheckInterval = TimeSpan.Zero,
            ServiceCidr = "10.96.0.0/16,fd00:96::/112",
            PodCidrs = ["10.244.0.0/17", "10.244.128.0/17", "fd00:244::/56"],
        });
        await UntilAsync(() => Task.FromResult(Network.RunInNode("nft", "list", "tables").Contains("ip6 " + Table)), "both families");
        Network.Nft("add table ip strangers");
        await Task.Delay(TimeSpan.FromSeconds(1)); // Several looks; that nothing happens has no condition to wait for.

        Assert.Equal((2, 0), _proxy!.TransactionCounts);
    }

    [LiveFact]
    public async Task Rules_outlive_the_process_and_are_taken_over_by_the_next_one()
    {
        Put(Service(spec => spec.SessionAffinity = "ClientIP"), "a", "b", "c");
        await StartAsync();
        string first = Assert.Single(await From.C.AskOftenAsync(ServiceIp, 80));

        await _proxy!.DisposeAsync();
        Assert.Equal(first, await From.C.AskAsync(ServiceIp, 80));
        _api.Put(NodePort(spec => (spec.ClusterIP, spec.ClusterIPs) = ("10.96.0.11", ["10.96.0.11"]), "new"));
        Network.Nft($"add chain ip {Table} service-left/over");
        Network.Nft($"add rule ip {Table} service-left/over drop");
        await StartAsync();

        Assert.Equal([first], await From.C.AskOftenAsync(ServiceIp, 80));
        Assert.Equal("refused", await From.C.AskAsync("10.96.0.11", 80));
        await UntilAsync(() => Task.FromResult(!Ours().Contains("service-left/over")), "the chain without use is gone");
    }

    [LiveFact]
    public async Task A_table_that_cannot_be_built_on_is_replaced()
    {
        Put(Service(), "a");
        _network = await ProxyNetwork.StartAsync();
        Network.Nft($"add table ip {Table}");
        Network.Nft($"add chain ip {Table} nat-prerouting {{ type nat hook postrouting priority 0; }}");
        Network.Nft($"add map ip {Table} service-ips {{ type ipv4_addr : verdict; }}");

        await StartAsync();

        Assert.Equal("a 10.244.0.3", await From.B.AskAsync(ServiceIp, 80));
    }

    [LiveFact]
    public async Task Removal_leaves_nothing()
    {
        _network = await ProxyNetwork.StartAsync();
        string routes = Network.RunInNode("ip", "route");
        PutOneOfEverything();
        await StartAsync(options => options with { ServiceCidr = "10.96.0.0/16,fd00:96::/112" });
        Assert.NotEqual("", Network.RunInNode("nft", "list", "ruleset"));
        Assert.NotEqual(routes, Network.RunInNode("ip", "route"));

        await _proxy!.RemoveAsync();

        Assert.Equal("", Network.RunInNode("nft", "list", "ruleset"));
        Assert.Equal(routes, Network.RunInNode("ip", "route"));
        await ServiceProxy.RemoveAsync(Options); // Again, as after a crash: nothing to do is no fault.
    }

    [LiveFact]
    public async Task A_balancer_learns_at_the_health_check_port_whether_there_are_endpoints_here()
    {
        var service = NodePort(spec => (spec.Type, spec.ExternalTrafficPolicy, spec.HealthCheckNodePort) = ("LoadBalancer", "Local", 32000));
        Put(service, "a", "b", "other:c");
        await StartAsync();

        string healthy = await HealthAsync();
        Put(service, "other:c");
        await UntilAsync(async () => (await HealthAsync()).StartsWith("HTTP/1.1 503 ", StringComparison.Ordinal), "no endpoint is left here");
        string unhealthy = await HealthAsync();
        _api.Delete<Service>("default", "web");
        await UntilAsync(async () => await From.Outside.AskAsync(NodeIp, 32000) == "refused", "the port is closed");

        Assert.StartsWith("HTTP/1.1 200 OK\r\n", healthy);
        Assert.Contains("\r\nX-Load-Balancing-Endpoint-Weight: 2\r\n", healthy);
        Assert.EndsWith("""{"service":{"namespace":"default","name":"web"},"localEndpoints":2,"serviceProxyHealthy":true}""", healthy);
        Assert.Contains("\"localEndpoints\":0", unhealthy);
    }

    [LiveFact]
    public async Task What_pods_send_outside_goes_under_the_nodes_address_where_that_is_asked_for()
    {
        await StartAsync(options => options with { MasqueradesPodTraffic = true });

        Assert.Equal($"outside {NodeIp}", await From.A.AskAsync(OutsideIp, PodPort));
        Assert.Equal("b 10.244.0.2", await From.A.AskAsync(AddressOf("b"), PodPort));
    }

    [LiveFact]
    public async Task A_nodes_zone_chooses_among_endpoints_with_hints()
    {
        var node = new Api.CoreV1.Node { Metadata = new ObjectMeta { Name = "node-1", Labels = new() { ["topology.kubernetes.io/zone"] = "z1" } } };
        _api.Put(node);
        var slice = Put(Service(), "a", "b");
        slice.Endpoints![0].Hints = new EndpointHints { ForZones = [new ForZone { Name = "z1" }] };
        slice.Endpoints[1].Hints = new EndpointHints { ForZones = [new ForZone { Name = "z2" }] };
        _api.Put(slice);
        await StartAsync();
        Assert.Equal(["a 10.244.0.4"], await From.C.AskOftenAsync(ServiceIp, 80));

        node.Metadata.Labels["topology.kubernetes.io/zone"] = "z2";
        _api.Put(node);

        await UntilAsync(async () => (await From.C.AskOftenAsync(ServiceIp, 80)).SetEquals(["b 10.244.0.4"]), "the other zone's endpoint serves");
    }

    [LiveFact]
    public async Task What_is_missing_is_said_in_one_line()
    {
        _network = await ProxyNetwork.StartAsync();

        var noSuchNamespace = await Assert.ThrowsAsync<ServiceProxyException>(
            () => ServiceProxy.StartAsync(Options with { Network = new("/run/netns/orchestrator-no-such") }, _api.Client, default));
        var noRange = await Assert.ThrowsAsync<ServiceProxyException>(
            () => ServiceProxy.StartAsync(Options with { ServiceCidr = "everything" }, _api.Client, default));

        Assert.StartsWith("cannot ask the kernel's packet filter: ", noSuchNamespace.Message);
        Assert.Equal("\"everything\" is no range of addresses", noRange.Message);
    }

    // Given

    [LiveFact]
    public async Task A_pod_that_goes_is_let_go_once_the_kernel_sends_nobody_to_it()
    {
        var slice = Put(Service(), "a", "b");
        foreach (var endpoint in slice.Endpoints!)
            endpoint.TargetRef = new ObjectReference { Kind = "Pod", Uid = "uid of " + endpoint.Addresses![0] };
        _api.Put(slice);
        await StartAsync();
        string leaving = "uid of " + AddressOf("a");

        Task left = _proxy!.LeaveAsync(leaving, CancellationToken.None);
        Task neverThere = _proxy.LeaveAsync("uid of a pod without services", CancellationToken.None);
        bool leftAtOnce = left.IsCompleted;
        slice.Endpoints[0].Conditions = new EndpointConditions { Ready = false, Serving = true, Terminating = true };
        _api.Put(slice);
        await left.WaitAsync(TimeSpan.FromSeconds(60));

        Assert.False(leftAtOnce);
        Assert.True(neverThere.IsCompletedSuccessfully);
        Assert.Equal(["b 10.244.0.4"], await From.C.AskOftenAsync(ServiceIp, 80));
        await _proxy.LeaveAsync(leaving, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60));
        // The last one still serves as there is no other; nobody waits for the end of that.
        slice.Endpoints[1].Conditions = slice.Endpoints[0].Conditions;
        _api.Put(slice);
        await _proxy.LeaveAsync("uid of " + AddressOf("b"), CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60));
    }

    private async Task StartAsync(Func<ServiceProxyOptions, ServiceProxyOptions>? change = null)
    {
        _network ??= await ProxyNetwork.StartAsync();
        _proxy = await ServiceProxy.StartAsync(change is null ? Options : change(Options), _api.Client, CancellationToken.None);
    }

    /// <summary>Puts a service and the slice with these pods as its endpoints: <c>a</c>, <c>other:b</c> of another node, <c>ending:c</c>.</summary>
    private EndpointSlice Put(Service service, params string[] pods)
    {
        var slice = new EndpointSlice
        {
            Metadata = new ObjectMeta
            {
                Namespace = service.Namespace, Name = service.Name + "-1", Labels = new() { [ServiceRules.ServiceNameLabel] = service.Name },
            },
            AddressType = "IPv4",
            Ports = [.. service.Spec.Ports!.Select(port => new DiscoveryPort { Name = port.Name, Port = PodPort, Protocol = port.Protocol })],
            Endpoints =
            [
                .. pods.Select(pod => new Endpoint
                {
                    Addresses = [AddressOf(pod.Split(':')[^1])],
                    NodeName = pod.StartsWith("other:", StringComparison.Ordinal) ? "node-2" : "node-1",
                    Conditions = pod.StartsWith("ending:", StringComparison.Ordinal)
                        ? new EndpointConditions { Ready = false, Serving = true, Terminating = true }
                        : new EndpointConditions { Ready = true, Serving = true, Terminating = false },
                }),
            ],
        };
        _api.Put(service).Put(slice);
        return slice;
    }

    private static Service Service(Action<ServiceSpec>? change = null, string name = "web")
    {
        var service = new Service
        {
            Metadata = new ObjectMeta { Namespace = "default", Name = name, CreationTimestamp = DateTimeOffset.UnixEpoch },
            Spec = new ServiceSpec
            {
                Type = "ClusterIP",
                ClusterIP = ServiceIp,
                ClusterIPs = [ServiceIp],
                Ports = [new ServicePort { Name = "main", Port = 80, Protocol = "TCP" }],
            },
        };
        change?.Invoke(service.Spec);
        return service;
    }

    private static Service NodePort(Action<ServiceSpec>? change = null, string name = "web") => Service(spec =>
    {
        spec.Type = "NodePort";
        spec.Ports![0].NodePort = 30080;
        change?.Invoke(spec);
    }, name);

    private static Service Datagrams() => Service(spec => spec.Ports![0].Protocol = "UDP");

    private void PutOneOfEverything()
    {
        Put(NodePort(spec => (spec.ClusterIPs, spec.ExternalIPs) = ([ServiceIp, "fd00:96::a"], ["198.51.100.9", "fd00::9"])), "a", "b", "c");
        var balancer = NodePort(spec =>
        {
            (spec.Type, spec.ClusterIPs, spec.ExternalTrafficPolicy, spec.SessionAffinity) =
                ("LoadBalancer", ["10.96.0.11", "fd00:96::b"], "Local", "ClientIP");
            spec.Ports![0].NodePort = 30081;
            spec.LoadBalancerSourceRanges = ["0.0.0.0/0", "192.168.77.0/24", "fd00::/8"];
        }, new string('b', 63));
        balancer.Metadata.Namespace = new string('n', 63);
        balancer.Status.LoadBalancer = new LoadBalancerStatus { Ingress = [new LoadBalancerIngress { Ip = "198.51.100.1" }, new LoadBalancerIngress { Ip = "fd00::1:1" }] };
        Put(balancer, "a", "ending:b", "other:c");
        Put(Service(spec =>
        {
            spec.ClusterIPs = ["10.96.0.12", "fd00:96::c"];
            spec.Ports = [new ServicePort { Port = 53, Protocol = "UDP" }, new ServicePort { Name = "s", Port = 36412, Protocol = "SCTP" }];
        }, "dns"), "a");
        Put(NodePort(spec =>
        {
            (spec.ClusterIPs, spec.InternalTrafficPolicy) = (["10.96.0.13"], "Local");
            spec.Ports![0].NodePort = 30082;
        }, "nobody"), "other:c");
        var slice = Put(NodePort(spec => (spec.ClusterIPs, spec.ExternalIPs) = ([ServiceIp, "fd00:96::a"], ["198.51.100.9", "fd00::9"])), "a", "b", "c");
        (slice.Metadata.Name, slice.AddressType) = ("web-six", "IPv6");
        for (int i = 0; i < slice.Endpoints!.Count; i++)
            slice.Endpoints[i].Addresses = [$"fd00:244::{i + 2}"];
        _api.Put(slice);
    }

    // When and then

    private string Ours() => Network.RunInNode("nft", "list", "ruleset") is var all && all.IndexOf($"table ip {Table} ", StringComparison.Ordinal) is var start and >= 0
        ? Sorted(all[start..all.IndexOf("\n}\n", start, StringComparison.Ordinal)])
        : "";

    // A table's parts in their own order, whichever that is; what rules have noted is left out.
    private static string Sorted(string table) =>
        string.Join('\n', table.Split('\n').Select(line => line.Split(" expires ")[0]).Where(line => !line.Contains("elements = { 10.244.0.4")).Order(StringComparer.Ordinal));

    private async Task WrittenAsync(string pattern) =>
        await UntilAsync(() => Task.FromResult(System.Text.RegularExpressions.Regex.IsMatch(Ours(), pattern)), $"{pattern} is in the kernel");

    private async Task<string> HealthAsync()
    {
        using var socket = await From.Outside.ConnectAsync(new System.Net.IPEndPoint(System.Net.IPAddress.Parse(NodeIp), 32000), default);
        await socket.SendAsync("GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n"u8.ToArray());
        byte[] buffer = new byte[2000];
        int length = 0;
        while (await socket.ReceiveAsync(buffer.AsMemory(length)) is var read and > 0)
            length += read;
        return Encoding.ASCII.GetString(buffer, 0, length);
    }

    private static Asker AskUntilAsync(Runtime.Kubelet.NetworkNamespace client, CancellationToken stop)
    {
        var asker = new Asker();
        asker.Running = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                string answer = await client.AskAsync(ServiceIp, 80);
                Assert.Matches("^[abc] 10[.]244[.]0[.][0-9]$", answer);
                asker.Last = answer;
                asker.Count++;
            }
        }, CancellationToken.None);
        return asker;
    }

    private sealed class Asker
    {
        public volatile int Count;
        public volatile string Last = "";

        public Task Running { get; set; } = Task.CompletedTask;
    }

    /// <summary>Who asks.</summary>
    private readonly record struct NetworkNamespaces(ProxyNetwork Network)
    {
        public Runtime.Kubelet.NetworkNamespace A => Network.Pods["a"];

        public Runtime.Kubelet.NetworkNamespace B => Network.Pods["b"];

        public Runtime.Kubelet.NetworkNamespace C => Network.Pods["c"];

        public Runtime.Kubelet.NetworkNamespace Node => Network.Node;

        public Runtime.Kubelet.NetworkNamespace Outside => Network.Outside;
    }
}
