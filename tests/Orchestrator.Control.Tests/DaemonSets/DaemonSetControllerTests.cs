using Orchestrator.Control.DaemonSets;

namespace Orchestrator.Control.Tests.DaemonSets;

public sealed class DaemonSetControllerTests
{
    private static readonly NamespacedName Key = new(Make.Ns, "agent");

    private readonly FakeCluster _cluster = new();

    private DaemonSet Agent => _cluster.Get<DaemonSet>(Make.Ns, "agent")!;

    private static DaemonSet New(Action<DaemonSetSpec>? change = null)
    {
        var set = new DaemonSet
        {
            Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "agent", Uid = "set-agent" },
            Spec = new DaemonSetSpec
            {
                Selector = Make.Select("agent"),
                Template = Make.Template(app: "agent"),
                RevisionHistoryLimit = 10,
                UpdateStrategy = new DaemonSetUpdateStrategy
                {
                    Type = "RollingUpdate",
                    RollingUpdate = new RollingUpdateDaemonSet { MaxUnavailable = 1, MaxSurge = 0 },
                },
            },
        };
        change?.Invoke(set.Spec);
        return set;
    }

    private void Look() => _cluster.Reconcile(DaemonSetController.Description, Key);

    private static string Target(Pod pod) => pod.Spec.Affinity!.NodeAffinity!.RequiredDuringSchedulingIgnoredDuringExecution!
        .NodeSelectorTerms![0].MatchFields![0].Values![0];

    /// <summary>The scheduler's and the nodes' part.</summary>
    private void Nodes(bool becomesReady = true)
    {
        foreach (var pod in _cluster.List<Pod>())
        {
            if (pod.IsBeingDeleted)
                _cluster.Remove(pod);
            else
                _cluster.Change<Pod>(pod.Namespace, pod.Name, p =>
                {
                    p.Spec.NodeName = Target(p);
                    if (becomesReady)
                        p.Ready(_cluster.Now);
                });
        }
    }

    private void Settle()
    {
        // Two looks without a write: what the nodes did after the first one led to nothing either.
        for (int i = 0, idle = 0; i < 60; i++)
        {
            int done = _cluster.Done.Count;
            Look();
            Nodes();
            idle = _cluster.Done.Count == done ? idle + 1 : 0;
            if (idle == 2)
                return;
        }
        Assert.Fail("does not settle");
    }

    [Fact]
    public void Each_node_gets_one_pod_that_only_fits_it()
    {
        _cluster.With(New(), Make.Node("a"), Make.Node("b"), Make.Node("c"));

        Settle();

        Assert.Equal(["a", "b", "c"], _cluster.List<Pod>().Select(Target).Order());
        Assert.Equal((3, 3, 0, 3, 3, 3), (Agent.Status.DesiredNumberScheduled, Agent.Status.CurrentNumberScheduled,
            Agent.Status.NumberMisscheduled, Agent.Status.NumberReady, Agent.Status.NumberAvailable,
            Agent.Status.UpdatedNumberScheduled));
        Assert.Contains(_cluster.Events, e => e.StartsWith("Normal SuccessfulCreate Created pod: agent-"));
    }

    [Fact]
    public void Daemons_tolerate_what_keeps_others_away()
    {
        _cluster.With(New(), Make.Node("a", "True", new Taint { Key = "node.kubernetes.io/not-ready", Effect = "NoExecute" },
            new Taint { Key = "node.kubernetes.io/unschedulable", Effect = "NoSchedule" }));

        Look();

        var pod = Assert.Single(_cluster.List<Pod>());
        Assert.Equal(6, pod.Spec.Tolerations!.Count);
    }

    [Fact]
    public void Nodes_that_do_not_fit_get_none()
    {
        var set = New(spec => spec.Template.Spec.NodeSelector = new() { ["disk"] = "ssd" });
        var fitting = Make.Node("ssd");
        fitting.Metadata.Labels!["disk"] = "ssd";
        _cluster.With(set, fitting, Make.Node("hdd"),
            Make.Node("tainted", "True", new Taint { Key = "dedicated", Value = "db", Effect = "NoSchedule" }));

        Settle();

        Assert.Equal(["ssd"], _cluster.List<Pod>().Select(Target));
    }

    [Fact]
    public void A_new_taint_lets_pods_stay_unless_it_says_no_execute()
    {
        _cluster.With(New(), Make.Node("a"), Make.Node("b"));
        Settle();
        _cluster.Change<Node>("", "a", node => node.Spec.Taints = [new Taint { Key = "x", Effect = "NoSchedule" }]);
        _cluster.Change<Node>("", "b", node => node.Spec.Taints = [new Taint { Key = "x", Effect = "NoExecute" }]);

        Settle();

        Assert.Equal(["a"], _cluster.List<Pod>().Select(Target));
        Assert.Equal((0, 1), (Agent.Status.DesiredNumberScheduled, Agent.Status.NumberMisscheduled));
    }

    [Fact]
    public void A_rolling_update_replaces_one_pod_at_a_time()
    {
        _cluster.With(New(), Make.Node("a"), Make.Node("b"), Make.Node("c"));
        Settle();
        _cluster.Edit<DaemonSet>(Make.Ns, "agent", set => set.Spec.Template = Make.Template("agent:2", "agent"));

        for (int i = 0; i < 20; i++)
        {
            Look();
            Assert.True(_cluster.List<Pod>().Count(pod => pod.IsBeingDeleted || !Control.Pods.PodState.IsReady(pod)) <= 1);
            Nodes();
        }

        Assert.All(_cluster.List<Pod>(), pod => Assert.Equal("agent:2", pod.Spec.Containers![0].Image));
        Assert.Equal(3, Agent.Status.UpdatedNumberScheduled);
        Assert.Equal(2, _cluster.List<ControllerRevision>().Count);
    }

    [Fact]
    public void A_surge_brings_up_the_new_pod_before_the_old_one_goes()
    {
        _cluster.With(New(spec => spec.UpdateStrategy!.RollingUpdate = new RollingUpdateDaemonSet { MaxSurge = 1, MaxUnavailable = 0 }),
            Make.Node("a"), Make.Node("b"));
        Settle();
        _cluster.Edit<DaemonSet>(Make.Ns, "agent", set => set.Spec.Template = Make.Template("agent:2", "agent"));

        Look();
        Nodes(becomesReady: false);
        Look();
        Assert.Equal(3, _cluster.List<Pod>().Count);
        for (int i = 0; i < 20; i++)
        {
            Nodes();
            Assert.InRange(_cluster.List<Pod>().Count, 2, 3);
            Look();
        }

        Assert.Equal(2, _cluster.List<Pod>().Count);
        Assert.All(_cluster.List<Pod>(), pod => Assert.Equal("agent:2", pod.Spec.Containers![0].Image));
    }

    [Fact]
    public void On_delete_waits_for_people()
    {
        _cluster.With(New(spec => spec.UpdateStrategy = new DaemonSetUpdateStrategy { Type = "OnDelete" }), Make.Node("a"));
        Settle();
        _cluster.Edit<DaemonSet>(Make.Ns, "agent", set => set.Spec.Template = Make.Template("agent:2", "agent"));

        Settle();

        Assert.Equal("nginx:1", Assert.Single(_cluster.List<Pod>()).Spec.Containers![0].Image);
        Assert.Null(Agent.Status.UpdatedNumberScheduled);
    }

    [Fact]
    public void A_failed_pod_is_replaced_at_first_at_once_and_then_ever_later()
    {
        _cluster.With(New(), Make.Node("a"));
        Settle();
        object? memory = null;
        var waits = new List<double>();
        for (int i = 0; i < 4; i++)
        {
            _cluster.Change<Pod>(Make.Ns, _cluster.List<Pod>()[0].Name, pod => pod.Phase("Failed"));
            var decision = _cluster.Reconcile(DaemonSetController.Description, Key, memory);
            memory = decision.Memory;
            if (decision.RequeueAt is { } at)
            {
                waits.Add((at - _cluster.Now).TotalSeconds);
                _cluster.Now = at;
                memory = _cluster.Reconcile(DaemonSetController.Description, Key, memory).Memory;
            }
            // Deleted at once: it had ended. A look between would forget nothing.
            _cluster.Reconcile(DaemonSetController.Description, Key, memory);
            Nodes();
        }

        Assert.Equal([1.0, 2.0, 4.0], waits);
        Assert.Contains(_cluster.Events, e => e.StartsWith("Warning FailedDaemonPod Found failed daemon pod default/agent-"));
    }

    [Fact]
    public void A_pod_that_waits_for_a_node_that_is_gone_is_removed()
    {
        _cluster.With(New(), Make.Node("a"));
        Look();
        _cluster.Remove(_cluster.Get<Node>("", "a")!);

        Look();

        Assert.Empty(_cluster.List<Pod>());
    }
}
