using Orchestrator.Control.Scheduling;
using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Tests.Scheduling;

public sealed class SchedulerTests
{
    private const string Hostname = "kubernetes.io/hostname";
    private const string Zone = "topology.kubernetes.io/zone";

    private readonly ClusterState _cluster = new();
    private readonly Scheduler _scheduler;

    public SchedulerTests() => _scheduler = new Scheduler(_cluster, SchedulerProfile.Default(), seed: 7);

    [Fact]
    public void Without_nodes_the_message_says_so()
    {
        Assert.Equal("no nodes available to schedule pods", Message(Make.Pod("p")));
    }

    [Fact]
    public void The_message_counts_reasons_and_says_what_preemption_would_bring()
    {
        Nodes(Make.Node("n1", cpu: "1"), Make.Node("n2").Tainted("k", "v", "NoSchedule"), Make.Node("n3").Tainted("k", "v", "NoExecute"));

        Assert.Equal(
            "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {k: v}. preemption: 0/3 nodes are "
            + "available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.",
            Message(Make.Pod("p", cpu: "2")));
    }

    [Fact]
    public void A_pod_that_never_preempts_is_told_so()
    {
        Nodes(Make.Node("n1", cpu: "1"));
        var pod = Make.Pod("p", cpu: "2");
        pod.Spec.PreemptionPolicy = "Never";

        Assert.Equal(
            "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.", Message(pod));
    }

    [Fact]
    public void Every_short_resource_is_a_reason_of_its_own()
    {
        Nodes(Make.Node("n1", cpu: "1", memory: "1Gi", pods: 0).Allocatable("example.com/gpu", "1"));

        Assert.StartsWith(
            "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient example.com/gpu, 1 Insufficient memory, 1 Too many pods. ",
            Message(Make.Pod("p", cpu: "2", memory: "2Gi").Requesting("example.com/gpu", "2")));
    }

    [Fact]
    public void A_cordoned_node_takes_only_who_tolerates_it()
    {
        var node = Make.Node("n1");
        node.Spec.Unschedulable = true;
        Nodes(node);

        Assert.StartsWith("0/1 nodes are available: 1 node(s) were unschedulable. ", Message(Make.Pod("p")));
        Assert.Equal("n1", Place(Make.Pod("q").Tolerating("node.kubernetes.io/unschedulable")));
    }

    [Theory]
    [InlineData("k", "Equal", "v", "NoSchedule", true)]
    [InlineData("k", "Equal", "v", null, true)]
    [InlineData("k", "Equal", "w", null, false)]
    [InlineData("k", "Exists", null, null, true)]
    [InlineData(null, "Exists", null, null, true)]
    [InlineData("k", "Exists", null, "NoExecute", false)]
    [InlineData("j", "Exists", null, null, false)]
    public void Tolerations_match_taints(string? key, string op, string? value, string? effect, bool isTolerated)
    {
        Nodes(Make.Node("n1").Tainted("k", "v", "NoSchedule"));

        Assert.Equal(isTolerated ? "n1" : null, Place(Make.Pod("p").Tolerating(key, op, value, effect)));
    }

    [Theory]
    [InlineData("In", "a,b", true)]
    [InlineData("In", "b", false)]
    [InlineData("NotIn", "b", true)]
    [InlineData("NotIn", "a", false)]
    [InlineData("Exists", "", true)]
    [InlineData("DoesNotExist", "", false)]
    [InlineData("Gt", "3", false)]
    public void Node_affinity_reads_labels(string op, string values, bool isPlaced)
    {
        Nodes(Make.Node("n1").With("k", "a"));

        var pod = Make.Pod("p").OnNodesWith("k", op, values.Split(',', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(isPlaced ? "n1" : null, Place(pod));
        if (!isPlaced)
            Assert.StartsWith("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. ", Message(pod));
    }

    [Fact]
    public void A_pod_for_a_named_node_looks_at_that_node_alone()
    {
        Nodes(Make.Node("n1"), Make.Node("n2", cpu: "1"), Make.Node("n3"));

        var found = _scheduler.Schedule(PodInfo.Of(Make.Pod("p").OnNodeNamed("n3")));
        string message = Message(Make.Pod("q", cpu: "2").OnNodeNamed("n2"));

        Assert.Equal("n3", found.Node!.Name);
        Assert.Equal(1, found.EvaluatedCount);
        Assert.StartsWith(
            "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. ", message);
    }

    [Fact]
    public void A_host_port_is_given_once_a_node_and_address()
    {
        Nodes(Make.Node("n1"));
        _cluster.SetPod(Make.Pod("a").HostPort(80, "10.0.0.1").On("n1"));

        Assert.Equal("n1", Place(Make.Pod("p").HostPort(80, "10.0.0.2")));
        Assert.StartsWith(
            "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. ",
            Message(Make.Pod("q").HostPort(80)));
    }

    [Fact]
    public void Init_containers_and_sidecars_count_as_they_run()
    {
        var pod = Make.Pod("p", cpu: "1");
        pod.Spec.InitContainers =
        [
            Requesting("500m", restartPolicy: null), // Alone: 0.5.
            Requesting("300m", restartPolicy: "Always"),
            Requesting("1100m", restartPolicy: null), // With the sidecar before it: 1.4.
        ];
        pod.Spec.Overhead = new() { ["cpu"] = Quantity.Parse("50m") };

        // Running: 1 + 0.3 = 1.3; the greatest is 1.4, and the overhead comes on top.
        Assert.Equal(1450, PodInfo.Of(pod).Requests.MilliCpu);
    }

    [Fact]
    public void Topologies_that_nobody_asks_for_any_more_are_forgotten_and_counted_anew_when_somebody_does()
    {
        Nodes(Make.Node("n1", zone: "a"), Make.Node("n2", zone: "b"));
        Assume(Make.Pod("p", app: "web").Spread(Zone, 1, true, "web").On("n1"));
        for (int i = 0; i < 500; i++)
        {
            Place(Make.Pod($"q{i}", app: "web").Spread($"example.com/{i}", 1, false, "web"));
            _cluster.SetNode(Make.Node("n3", zone: "a"));
        }

        Assert.InRange(_cluster.KeptTopologies, 1, 100);
        Assert.Equal("n2", Place(Make.Pod("r", app: "web").Spread(Zone, 1, true, "web")));
    }

    [Fact]
    public void The_emptier_node_is_better()
    {
        Nodes(Make.Node("n1"), Make.Node("n2"));
        _cluster.SetPod(Make.Pod("a", cpu: "1", memory: "2Gi").On("n1"));

        Assert.All(Enumerable.Range(0, 10), i => Assert.Equal("n2", Place(Make.Pod($"p{i}", cpu: "100m", memory: "100Mi"))));
    }

    [Fact]
    public void Soft_taints_are_avoided_and_not_forbidden()
    {
        Nodes(Make.Node("n1").Tainted("k", "v", "PreferNoSchedule"), Make.Node("n2"));

        Assert.All(Enumerable.Range(0, 10), i => Assert.Equal("n2", Place(Make.Pod($"p{i}"))));
        _cluster.RemoveNode("n2");
        Assert.Equal("n1", Place(Make.Pod("q")));
    }

    [Fact]
    public void Preferred_nodes_are_taken_by_their_weights()
    {
        Nodes(Make.Node("n1").With("disk", "ssd"), Make.Node("n2").With("net", "fast"), Make.Node("n3"));

        Assert.Equal("n2", Place(Make.Pod("p").RatherOnNodesWith("disk", "ssd", 10).RatherOnNodesWith("net", "fast", 80)));
    }

    [Fact]
    public void A_node_that_has_the_image_is_better()
    {
        var node = Make.Node("n1");
        node.Status.Images = [new ContainerImage { Names = ["image:latest"], SizeBytes = 900L << 20 }];
        Nodes(node, Make.Node("n2"));

        Assert.All(Enumerable.Range(0, 10), i => Assert.Equal("n1", Place(Make.Pod($"p{i}"))));
    }

    [Fact]
    public void Pods_of_one_set_are_spread_over_zones_and_hosts_unasked()
    {
        for (int i = 0; i < 6; i++)
            _cluster.SetNode(Make.Node($"n{i}", zone: i < 2 ? "a" : "b"));
        _cluster.SetService(new Service
        {
            Metadata = new() { Namespace = "default", Name = "s" },
            Spec = { Selector = new() { ["app"] = "web" } },
        });

        for (int i = 0; i < 12; i++)
            Assume(Make.Pod($"p{i}", app: "web"));

        Assert.All(_cluster.Nodes, node => Assert.InRange(node.Pods.Count, 1, 3));
    }

    [Fact]
    public void A_required_spread_fills_the_emptiest_domains_and_then_refuses()
    {
        Nodes(Make.Node("a1", zone: "a"), Make.Node("b1", zone: "b", pods: 1), Make.Node("c1"));

        string?[] places = [.. Enumerable.Range(0, 3).Select(i => Assume(Make.Pod($"p{i}", app: "web").Spread(Zone, 1, true, "web")))];

        Assert.Equal(["a1", "a1", "b1"], places.Order());
        Assert.StartsWith(
            "0/3 nodes are available: 1 Too many pods, 1 node(s) didn't match pod topology spread constraints, "
            + "1 node(s) didn't match pod topology spread constraints (missing required label). ",
            Message(Make.Pod("q", app: "web").Spread(Zone, 1, true, "web")));
    }

    [Fact]
    public void With_too_few_domains_the_emptiest_counts_as_empty()
    {
        Nodes(Make.Node("a1", zone: "a"), Make.Node("b1", zone: "b"));

        string?[] places =
            [.. Enumerable.Range(0, 3).Select(i => Assume(Make.Pod($"p{i}", app: "web").Spread(Zone, 1, true, "web", minDomains: 3)))];

        Assert.Equal(["a1", "b1", null], places.OrderBy(place => place ?? "z"));
    }

    [Fact]
    public void Pods_that_shun_their_like_take_a_host_each()
    {
        Nodes(Make.Node("n1"), Make.Node("n2"));

        string?[] places = [.. Enumerable.Range(0, 3).Select(i => Assume(Make.Pod($"p{i}", app: "db").AwayFrom(Hostname, "db")))];

        Assert.Equal(["n1", "n2", null], places.OrderBy(place => place ?? "z"));
        Assert.StartsWith(
            "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules. ", Message(Make.Pod("q", app: "db").AwayFrom(Hostname, "db")));
        Assert.StartsWith(
            "0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules. ", Message(Make.Pod("r", app: "db")));
    }

    [Fact]
    public void The_first_that_wants_its_own_company_is_let_in_and_the_others_follow()
    {
        Nodes(Make.Node("a1", zone: "a"), Make.Node("a2", zone: "a"), Make.Node("b1", zone: "b"), Make.Node("x"));

        var first = Assume(Make.Pod("p0", app: "web").Near(Zone, "web"))!;
        var others = Enumerable.Range(1, 8).Select(i => Assume(Make.Pod($"p{i}", app: "web").Near(Zone, "web"))!).ToList();

        Assert.NotEqual("x", first);
        Assert.All(others, place => Assert.Equal(first[0], place[0]));
        Assert.StartsWith(
            "0/4 nodes are available: 4 node(s) didn't match pod affinity rules. ", Message(Make.Pod("q", app: "other").Near(Zone, "none")));
    }

    [Fact]
    public void Preferred_company_and_distance_are_weighed_for_both_sides()
    {
        Nodes(Make.Node("n1"), Make.Node("n2"));
        _cluster.SetPod(Make.Pod("a", app: "cache").On("n1"));
        _cluster.SetPod(Make.Pod("b", app: "shy").RatherAwayFrom(Hostname, "loud", 100).On("n1"));

        Assert.Equal("n1", Place(Make.Pod("p").RatherNear(Hostname, "cache", 100)));
        Assert.Equal("n2", Place(Make.Pod("q").RatherAwayFrom(Hostname, "cache", 100)));
        Assert.Equal("n2", Place(Make.Pod("r", app: "loud")));
    }

    [Fact]
    public void A_namespace_selector_means_the_pods_of_the_namespaces_with_these_labels()
    {
        Nodes(Make.Node("n1"), Make.Node("n2"));
        _cluster.SetNamespace("blue", new() { ["team"] = "blue" });
        _cluster.SetNamespace("red", new() { ["team"] = "red" });
        _cluster.SetPod(Make.Pod("a", app: "web", ns: "blue").On("n1"));
        var pod = Make.Pod("p").AwayFrom(Hostname, "web");
        pod.Spec.Affinity!.PodAntiAffinity!.RequiredDuringSchedulingIgnoredDuringExecution![0].NamespaceSelector =
            new() { MatchLabels = new() { ["team"] = "blue" } };

        Assert.Equal("n2", Place(pod));
        _cluster.SetNamespace("blue", new() { ["team"] = "green" });
        Assert.Equal(2, _scheduler.Schedule(PodInfo.Of(pod)).FeasibleCount);
    }

    [Fact]
    public void An_assumed_pod_counts_until_it_is_forgotten()
    {
        Nodes(Make.Node("n1", cpu: "1"));
        var first = PodInfo.Of(Make.Pod("a", cpu: "1"));
        _cluster.Assume(first, "n1");

        Assert.Null(Place(Make.Pod("b", cpu: "1")));
        _cluster.Forget(first.Uid);
        Assert.Equal("n1", Place(Make.Pod("b", cpu: "1")));
    }

    [Fact]
    public void What_the_api_shows_of_an_assumed_pod_takes_its_place()
    {
        Nodes(Make.Node("n1", cpu: "1"), Make.Node("n2", cpu: "1"));
        var pod = Make.Pod("a", cpu: "1");
        _cluster.Assume(PodInfo.Of(pod), "n1");

        var shown = pod.DeepClone().On("n2");
        _cluster.SetPod(shown);
        _cluster.Forget(pod.Uid);

        Assert.Equal("n1", Place(Make.Pod("b", cpu: "1")));
        Assert.Equal(0, _cluster.AssumedCount);
    }

    [Theory]
    [InlineData(50, 50)]
    [InlineData(100, 100)]
    [InlineData(1000, 420)]
    [InlineData(5000, 500)]
    [InlineData(20000, 1000)]
    public void Large_clusters_are_sampled(int nodeCount, int sample) => Assert.Equal(sample, Scheduler.SampleSize(nodeCount));

    [Fact]
    public void A_sample_begins_where_the_last_one_ended()
    {
        for (int i = 0; i < 300; i++)
            _cluster.SetNode(Make.Node($"n{i:d3}"));

        var first = _scheduler.Schedule(PodInfo.Of(Make.Pod("a")));
        var seen = Enumerable.Range(0, 60).Select(i => Place(Make.Pod($"p{i}"))!).ToHashSet();

        Assert.Equal(144, first.EvaluatedCount);
        Assert.True(seen.Count > 40);
        Assert.Contains(seen, name => string.CompareOrdinal(name, "n144") >= 0);
    }

    [Fact]
    public void Equal_seeds_choose_alike()
    {
        List<string> Run(ulong seed)
        {
            var cluster = new ClusterState();
            for (int i = 0; i < 20; i++)
                cluster.SetNode(Make.Node($"n{i}"));
            var scheduler = new Scheduler(cluster, SchedulerProfile.Default(), seed);
            return [.. Enumerable.Range(0, 20).Select(i => scheduler.Schedule(PodInfo.Of(Make.Pod($"p{i}"))).Node!.Name)];
        }

        Assert.Equal(Run(1), Run(1));
        Assert.NotEqual(Run(1), Run(2));
    }

    private static Container Requesting(string cpu, string? restartPolicy) => new()
    {
        Name = "i",
        RestartPolicy = restartPolicy,
        Resources = new ResourceRequirements { Requests = new() { ["cpu"] = Quantity.Parse(cpu) } },
    };

    private void Nodes(params Node[] nodes)
    {
        foreach (var node in nodes)
            _cluster.SetNode(node);
    }

    private string? Place(Pod pod) => _scheduler.Schedule(PodInfo.Of(pod)).Node?.Name;

    private string Message(Pod pod) => _scheduler.Schedule(PodInfo.Of(pod)).Error!.Message;

    private string? Assume(Pod pod)
    {
        var info = PodInfo.Of(pod);
        if (_scheduler.Schedule(info).Node is not { } node)
            return null;
        _cluster.Assume(info, node.Name);
        return node.Name;
    }
}
