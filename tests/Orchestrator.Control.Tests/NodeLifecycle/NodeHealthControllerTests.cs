using Orchestrator.Api.CoordinationV1;
using Orchestrator.Control.NodeLifecycle;

namespace Orchestrator.Control.Tests.NodeLifecycle;

public sealed class NodeHealthControllerTests
{
    private readonly FakeCluster _cluster = new();
    private readonly ControllerDescription _controller = NodeHealthController.Describe(new NodeHealthSettings());
    private object? _memory;

    private void Look() => _memory = _cluster.Reconcile(_controller, ControllerDescription.WholeKey, _memory).Memory;

    private void AddNodes(int count, string zone = "zone-a", string prefix = "node")
    {
        for (int i = 1; i <= count; i++)
        {
            var node = Make.Node($"{prefix}-{i}");
            node.Metadata.Labels!["topology.kubernetes.io/zone"] = zone;
            _cluster.With(node, new Lease
            {
                Metadata = new ObjectMeta { Namespace = "kube-node-lease", Name = node.Name },
                Spec = new LeaseSpec { RenewTime = _cluster.Now },
            });
        }
    }

    /// <summary>Time goes by in steps of the monitor's period; the nodes that are alive renew their leases.</summary>
    private void Pass(int seconds, Func<string, bool> isAlive)
    {
        for (int i = 0; i < seconds; i += 5)
        {
            _cluster.Now += TimeSpan.FromSeconds(5);
            foreach (var lease in _cluster.List<Lease>().Where(lease => isAlive(lease.Name)).ToList())
                _cluster.Change<Lease>(lease.Namespace, lease.Name, l => l.Spec.RenewTime = _cluster.Now);
            Look();
        }
    }

    private string ReadyOf(string node) => _cluster.Get<Node>("", node)!.Status.Conditions!.Single(c => c.Type == "Ready").Status!;

    private string[] NoExecute(string node) => _cluster.Get<Node>("", node)!.Spec.Taints.OrEmpty()
        .Where(taint => taint.Effect == "NoExecute").Select(taint => taint.Key!).ToArray();

    private int GivenUp => _cluster.List<Node>().Count(node => NoExecute(node.Name).Length > 0);

    [Fact]
    public void A_node_whose_lease_is_renewed_stays_ready()
    {
        AddNodes(1);
        Look();
        _cluster.Done.Clear();

        Pass(300, _ => true);

        Assert.Equal("True", ReadyOf("node-1"));
        Assert.Empty(_cluster.Done);
    }

    [Fact]
    public void Nodes_that_come_and_go_are_told_of()
    {
        AddNodes(1);
        Look();
        Assert.Equal(["Normal RegisteredNode Node node-1 event: Registered Node node-1 in Controller"], _cluster.Events);

        _cluster.Remove(_cluster.Get<Node>("", "node-1")!);
        Look();
        Look();

        Assert.Equal(["Normal RemovingNode Node node-1 event: Removing Node node-1 from Controller"], _cluster.Events.Skip(1));
    }

    [Fact]
    public void A_kubelet_that_lives_speaks_for_its_pods_itself()
    {
        AddNodes(1);
        _cluster.With(Make.Pod("web", node: "node-1").Ready());
        Look();
        _cluster.Change<Node>("", "node-1", node => node.Status.Conditions![0].Status = "False");
        Look();
        Assert.False(Control.Pods.PodState.IsReady(_cluster.Get<Pod>(Make.Ns, "web")!));

        _cluster.Change<Pod>(Make.Ns, "web", pod => pod.Ready());
        Pass(20, _ => true);

        Assert.True(Control.Pods.PodState.IsReady(_cluster.Get<Pod>(Make.Ns, "web")!));
    }

    [Fact]
    public void A_node_that_is_silent_for_forty_seconds_is_unknown_and_its_pods_are_not_ready()
    {
        AddNodes(3);
        _cluster.With(Make.Pod("web", node: "node-1").Ready(), Make.Pod("other", node: "node-2").Ready());
        Look();

        Pass(40, name => name != "node-1");
        Assert.Equal("True", ReadyOf("node-1"));
        Pass(5, name => name != "node-1");

        var conditions = _cluster.Get<Node>("", "node-1")!.Status.Conditions!;
        Assert.Equal(["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"], conditions.Select(c => c.Type));
        Assert.All(conditions, condition => Assert.Equal("Unknown", condition.Status));
        Assert.Equal(("NodeStatusUnknown", "Kubelet stopped posting node status."), (conditions[0].Reason, conditions[0].Message));
        Assert.Equal("NodeStatusNeverUpdated", conditions[1].Reason);
        Assert.False(Control.Pods.PodState.IsReady(_cluster.Get<Pod>(Make.Ns, "web")!));
        Assert.True(Control.Pods.PodState.IsReady(_cluster.Get<Pod>(Make.Ns, "other")!));
        Assert.Contains("Normal NodeNotReady Node node-1 status is now: NodeNotReady", _cluster.Events);
        Pass(5, name => name != "node-1");
        Assert.Equal(["node.kubernetes.io/unreachable"], NoExecute("node-1"));
    }

    [Fact]
    public void A_node_that_comes_back_loses_the_taint()
    {
        AddNodes(3);
        Look();
        Pass(60, name => name != "node-1");
        Assert.Single(NoExecute("node-1"));

        _cluster.Change<Node>("", "node-1", node =>
            node.Status.Conditions = [new NodeCondition { Type = "Ready", Status = "True", LastHeartbeatTime = _cluster.Now }]);
        Pass(10, _ => true);

        Assert.Empty(NoExecute("node-1"));
    }

    [Fact]
    public void A_kubelet_that_says_not_ready_gets_the_other_taint()
    {
        AddNodes(3);
        Look();
        _cluster.Change<Node>("", "node-1", node => node.Status.Conditions![0].Status = "False");

        Pass(10, _ => true);

        Assert.Equal(["node.kubernetes.io/not-ready"], NoExecute("node-1"));
    }

    [Fact]
    public void Silent_nodes_are_given_up_one_in_ten_seconds()
    {
        AddNodes(10);
        Look();
        Pass(45, name => name is not ("node-1" or "node-2" or "node-3" or "node-4"));

        var counts = new List<int>();
        for (int i = 0; i < 6; i++)
        {
            Pass(5, name => name is not ("node-1" or "node-2" or "node-3" or "node-4"));
            counts.Add(GivenUp);
        }

        Assert.Equal([1, 1, 2, 2, 3, 3], counts);
    }

    [Fact]
    public void When_most_nodes_of_a_small_zone_are_silent_none_is_given_up()
    {
        AddNodes(10);
        AddNodes(10, "zone-b", "other");
        Look();

        Pass(300, name => name.StartsWith("other") || name is "node-1" or "node-2" or "node-3");

        Assert.Equal(0, GivenUp);
    }

    [Fact]
    public void When_every_node_is_silent_the_control_plane_is_cut_off_and_gives_up_none()
    {
        AddNodes(4);
        Look();

        Pass(300, _ => false);

        Assert.Equal("Unknown", ReadyOf("node-1"));
        Assert.Equal(0, GivenUp);
    }

    [Fact]
    public void A_node_that_never_said_a_word_has_a_minute()
    {
        AddNodes(2);
        var node = Make.Node("mute");
        node.Status.Conditions = null;
        _cluster.With(node);
        Look();

        Pass(60, name => name != "mute");
        Assert.Null(_cluster.Get<Node>("", "mute")!.Status.Conditions);
        Pass(5, name => name != "mute");

        Assert.Equal("NodeStatusNeverUpdated", _cluster.Get<Node>("", "mute")!.Status.Conditions![0].Reason);
    }

    [Theory]
    [InlineData("Ready", "False", "node.kubernetes.io/not-ready")]
    [InlineData("Ready", "Unknown", "node.kubernetes.io/unreachable")]
    [InlineData("MemoryPressure", "True", "node.kubernetes.io/memory-pressure")]
    [InlineData("DiskPressure", "True", "node.kubernetes.io/disk-pressure")]
    [InlineData("PIDPressure", "True", "node.kubernetes.io/pid-pressure")]
    [InlineData("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable")]
    public void Conditions_keep_new_pods_off_at_once(string type, string status, string taint)
    {
        var node = Make.Node("a", "True", new Taint { Key = "mine", Effect = "NoSchedule" });
        node.Status.Conditions!.RemoveAll(condition => condition.Type == type);
        node.Status.Conditions.Add(new NodeCondition { Type = type, Status = status });
        _cluster.With(node);

        _cluster.Settle(NodeTaintController.Description, new NamespacedName("", "a"));
        Assert.Equal(["mine", taint], _cluster.Get<Node>("", "a")!.Spec.Taints!.Select(t => t.Key!));

        _cluster.Change<Node>("", "a", n => n.Status.Conditions![^1].Status = type == "Ready" ? "True" : "False");
        _cluster.Settle(NodeTaintController.Description, new NamespacedName("", "a"));
        Assert.Equal(["mine"], _cluster.Get<Node>("", "a")!.Spec.Taints!.Select(t => t.Key!));
    }

    [Fact]
    public void A_cordoned_node_is_tainted()
    {
        var node = Make.Node("a");
        node.Spec.Unschedulable = true;
        _cluster.With(node);

        _cluster.Settle(NodeTaintController.Description, new NamespacedName("", "a"));

        Assert.Equal("node.kubernetes.io/unschedulable", Assert.Single(_cluster.Get<Node>("", "a")!.Spec.Taints!).Key);
    }
}
