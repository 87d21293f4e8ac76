using Orchestrator.Api.PolicyV1;
using Orchestrator.Control.Scheduling;
using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Preemption;

namespace Orchestrator.Control.Tests.Scheduling;

public sealed class PreemptionTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    private readonly ClusterState _cluster = new();
    private readonly Scheduler _scheduler;

    public PreemptionTests() => _scheduler = new Scheduler(_cluster, SchedulerProfile.Default(), seed: 7);

    [Fact]
    public void The_least_important_pods_leave_and_no_more_than_must()
    {
        Nodes(Make.Node("n1", cpu: "1000"));
        Pods(Make.Pod("pod1", cpu: "200").Priority(1), Make.Pod("pod2", cpu: "300").Priority(2), Make.Pod("pod3", cpu: "450").Priority(3));

        Assert.Equal("n1: pod2, pod1", Plan(Make.Pod("p", cpu: "500").Priority(4)));
        Assert.Equal("n1: pod1", Plan(Make.Pod("p", cpu: "100").Priority(4)));
    }

    [Fact]
    public void Nothing_is_said_of_preemption_when_room_can_be_made()
    {
        Nodes(Make.Node("n1", cpu: "1"));
        Pods(Make.Pod("low", cpu: "1"));

        var result = _scheduler.Schedule(PodInfo.Of(Make.Pod("p", cpu: "1").Priority(1)));

        Assert.Equal("0/1 nodes are available: 1 Insufficient cpu.", result.Error!.Message);
        Assert.Null(result.Node);
    }

    [Fact]
    public void Pods_of_the_same_priority_stay_and_the_message_says_why_each_node_is_no_help()
    {
        Nodes(Make.Node("n1", cpu: "1"), Make.Node("n2", cpu: "1"), Make.Node("n3").Tainted("k", "v", "NoSchedule"));
        Pods(Make.Pod("equal", cpu: "1", node: "n1").Priority(5), Make.Pod("low", cpu: "500m", node: "n2"));

        var result = _scheduler.Schedule(PodInfo.Of(Make.Pod("p", cpu: "2").Priority(5)));

        Assert.Equal(
            "0/3 nodes are available: 1 node(s) had untolerated taint {k: v}, 2 Insufficient cpu. preemption: 0/3 nodes are available: "
            + "1 Insufficient cpu, 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
            result.Error!.Message);
        Assert.True(result.NoFit!.ClearsNomination);
    }

    [Fact]
    public void A_pod_that_never_preempts_takes_nobodys_place()
    {
        Nodes(Make.Node("n1", cpu: "1"));
        Pods(Make.Pod("low", cpu: "1"));
        var pod = Make.Pod("p", cpu: "1").Priority(9);
        pod.Spec.PreemptionPolicy = "Never";

        Assert.Null(Plan(pod));
    }

    [Fact]
    public void The_node_with_the_least_important_victims_is_chosen()
    {
        Nodes(Make.Node("n1", cpu: "1"), Make.Node("n2", cpu: "1"), Make.Node("n3", cpu: "1"));
        Pods(
            Make.Pod("medium1", cpu: "1", node: "n1").Priority(100), Make.Pod("low", cpu: "1", node: "n2").Priority(1),
            Make.Pod("medium2", cpu: "1", node: "n3").Priority(100));

        Assert.Equal("n2: low", Plan(Make.Pod("p", cpu: "1").Priority(1000)));
    }

    [Fact]
    public void Of_equal_victims_fewer_leave_and_then_those_that_began_last()
    {
        Nodes(Make.Node("n1", cpu: "2"), Make.Node("n2", cpu: "2"), Make.Node("n3", cpu: "2"));
        Pods(
            Make.Pod("a", cpu: "1", node: "n1").Started(Noon), Make.Pod("b", cpu: "1", node: "n1").Started(Noon),
            Make.Pod("old", cpu: "2", node: "n2").Started(Noon.AddHours(-1)), Make.Pod("young", cpu: "2", node: "n3").Started(Noon));

        Assert.Equal("n3: young", Plan(Make.Pod("p", cpu: "2").Priority(1)));
    }

    [Fact]
    public void What_a_budget_guards_is_spared_as_long_as_others_can_leave()
    {
        Nodes(Make.Node("n1", cpu: "2"));
        Pods(Make.Pod("guarded", cpu: "1", app: "db", node: "n1"), Make.Pod("free", cpu: "1", node: "n1").Priority(3));
        _cluster.SetBudget(Budget("db", allowed: 0));

        Assert.Equal("n1: free", Plan(Make.Pod("p", cpu: "1").Priority(5)));
        Assert.Equal("n1: free, guarded (1 violated)", Plan(Make.Pod("p", cpu: "2").Priority(5)));
        _cluster.SetBudget(Budget("db", allowed: 1));
        Assert.Equal("n1: guarded", Plan(Make.Pod("p", cpu: "1").Priority(5)));
    }

    [Fact]
    public void A_node_where_no_budget_is_violated_comes_before_one_with_lesser_victims()
    {
        Nodes(Make.Node("n1", cpu: "1"), Make.Node("n2", cpu: "1"));
        Pods(Make.Pod("guarded", cpu: "1", app: "db", node: "n1"), Make.Pod("free", cpu: "1", node: "n2").Priority(3));
        _cluster.SetBudget(Budget("db", allowed: 0));

        Assert.Equal("n2: free", Plan(Make.Pod("p", cpu: "1").Priority(5)));
    }

    [Fact]
    public void Anti_affinity_and_ports_are_made_room_for_as_well()
    {
        Nodes(Make.Node("n1"));
        Pods(Make.Pod("loner", app: "db"), Make.Pod("server").HostPort(80), Make.Pod("bystander"));

        Assert.Equal("n1: loner", Plan(Make.Pod("p").AwayFrom("kubernetes.io/hostname", "db").Priority(5)));
        Assert.Equal("n1: server", Plan(Make.Pod("q").HostPort(80).Priority(5)));
    }

    [Fact]
    public void Two_of_a_skewed_domain_leave_if_one_does_not_restore_the_balance()
    {
        Nodes(Make.Node("n1").Allocatable("example.com/r", "10"), Make.Node("n2").Allocatable("example.com/r", "10"));
        Pods(Make.Pod("high", app: "a", node: "n1").Requesting("example.com/r", "9").Priority(1000));
        for (int i = 1; i <= 3; i++)
            Pods(Make.Pod($"low-{i}", app: "a", node: "n2").Requesting("example.com/r", "3").Priority(1).Started(Noon.AddMinutes(i)));

        Assert.Equal(
            "n2: low-2, low-3",
            Plan(Make.Pod("medium", app: "a").Requesting("example.com/r", "3").Spread("kubernetes.io/hostname", 1, true, "a").Priority(100)));
    }

    [Fact]
    public void A_trial_leaves_the_cluster_as_it_was()
    {
        Nodes(Make.Node("n1", cpu: "2"));
        Pods(Make.Pod("a", cpu: "1", app: "x"), Make.Pod("b", cpu: "1", app: "x"));

        Plan(Make.Pod("p", cpu: "1").Priority(5));
        Plan(Make.Pod("q", cpu: "9").Priority(5));

        Assert.Equal(2, _cluster.PodCount);
        Assert.StartsWith("0/1 nodes are available: 1 Insufficient cpu.", _scheduler.Schedule(PodInfo.Of(Make.Pod("r", cpu: "1"))).Error!.Message);
    }

    [Fact]
    public void A_node_that_is_kept_for_a_pod_is_not_taken_by_a_lesser_one_but_by_a_greater()
    {
        Nodes(Make.Node("n1", cpu: "1"));
        var waiting = PodInfo.Of(Make.Pod("waiting", cpu: "1").Priority(5));
        _cluster.Nominations.Set(waiting, "n1");

        Assert.Null(_scheduler.Schedule(PodInfo.Of(Make.Pod("lesser", cpu: "1").Priority(4))).Node);
        Assert.Null(_scheduler.Schedule(PodInfo.Of(Make.Pod("equal", cpu: "1").Priority(5))).Node);
        Assert.Equal("n1", _scheduler.Schedule(PodInfo.Of(Make.Pod("greater", cpu: "1").Priority(6))).Node!.Name);
        Assert.Equal("n1", _scheduler.Schedule(waiting).Node!.Name);
    }

    [Fact]
    public void The_node_that_is_kept_for_a_pod_comes_first()
    {
        Nodes(Make.Node("n1", cpu: "8"), Make.Node("n2", cpu: "1"));
        var pod = PodInfo.Of(Make.Pod("p", cpu: "1"));
        _cluster.Nominations.Set(pod, "n2");

        Assert.Equal("n2", _scheduler.Schedule(pod).Node!.Name);
    }

    [Fact]
    public void While_its_victims_are_leaving_a_pod_takes_no_others()
    {
        Nodes(Make.Node("n1", cpu: "1"), Make.Node("n2", cpu: "1"));
        var victim = Make.Pod("victim", cpu: "1", node: "n1");
        Pods(victim, Make.Pod("other", cpu: "1", node: "n2"));
        var pod = PodInfo.Of(Make.Pod("p", cpu: "1").Priority(5));
        _cluster.Nominations.Set(pod, "n1");
        var leaving = victim.DeepClone();
        leaving.Metadata.DeletionTimestamp = Noon;
        leaving.Status.Conditions = [new PodCondition { Type = "DisruptionTarget", Status = "True", Reason = "PreemptionByScheduler" }];
        _cluster.SetPod(leaving);

        var result = _scheduler.Schedule(pod);

        Assert.Null(result.NoFit!.Preemption);
        Assert.False(result.NoFit.ClearsNomination);
        Assert.EndsWith("preemption: not eligible due to a terminating pod on the nominated node.", result.Error!.Message);
    }

    [Fact]
    public void Nominations_of_lesser_pods_are_found_by_node()
    {
        var nominations = new Nominations();
        var low = PodInfo.Of(Make.Pod("low").Priority(1));
        var high = PodInfo.Of(Make.Pod("high").Priority(9));

        nominations.Set(low, "n1");
        nominations.Set(low, "n2");
        nominations.Set(high, "n2");

        Assert.Equal([low], nominations.After(PodInfo.Of(Make.Pod("p").Priority(5)), "n2"));
        Assert.Equal([high], nominations.Before(PodInfo.Of(Make.Pod("p").Priority(5)), "n2"));
        Assert.Empty(nominations.After(PodInfo.Of(Make.Pod("p").Priority(5)), "n1"));
        nominations.Remove(low.Uid);
        nominations.Remove(high.Uid);
        Assert.Equal(0, nominations.Count);
    }

    /// <summary>Over many random clusters: who is named to leave makes room, and nobody is named who could stay.</summary>
    [Fact]
    public void Victims_are_enough_and_none_too_many()
    {
        int planCount = 0;
        for (int seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var nodes = Enumerable.Range(0, 4).Select(i => Make.Node($"n{i}", cpu: "4", zone: $"z{i % 2}")).ToArray();
            var pods = Enumerable.Range(0, 16).Select(i => RandomPod(random, $"p{i}").On($"n{random.Next(4)}")).ToList();
            var pod = RandomPod(random, "p").Priority(3);
            var result = new Scheduler(Cluster(nodes, pods), SchedulerProfile.Default(), seed: 1).Schedule(PodInfo.Of(pod));
            if (result.NoFit?.Preemption is not { } plan)
                continue;
            planCount++;
            var victims = plan.Victims.Select(victim => victim.Uid).ToHashSet();
            var staying = pods.Where(other => !victims.Contains(other.Uid)).ToList();

            Assert.True(Fits(pod, plan.Node.Name, nodes, staying), $"seed {seed}: enough");
            Assert.All(plan.Victims, victim => Assert.True(victim.Priority < 3));
            Assert.All(plan.Victims, victim => Assert.False(
                Fits(pod, plan.Node.Name, nodes, [.. staying, victim.Pod]), $"seed {seed}: {victim.Key} could stay"));
        }
        Assert.True(planCount > 50, $"{planCount} plans");
    }

    private static bool Fits(Pod pod, string node, Node[] nodes, List<Pod> pods)
    {
        var copy = pod.DeepClone();
        copy.Spec.Affinity ??= new Affinity();
        copy.Spec.NodeSelector = new() { ["kubernetes.io/hostname"] = node };
        return new Scheduler(Cluster(nodes, pods), SchedulerProfile.Default(), seed: 1).Schedule(PodInfo.Of(copy)).Node is not null;
    }

    private static ClusterState Cluster(Node[] nodes, List<Pod> pods)
    {
        var cluster = new ClusterState();
        foreach (var node in nodes)
            cluster.SetNode(node);
        foreach (var pod in pods)
            cluster.SetPod(pod);
        return cluster;
    }

    private static Pod RandomPod(Random random, string name)
    {
        var pod = Make.Pod(name, cpu: $"{random.Next(1, 4) * 500}m", app: random.Next(2) == 0 ? "a" : "b").Priority(random.Next(4));
        return random.Next(5) switch
        {
            0 => pod.AwayFrom("topology.kubernetes.io/zone", "a"),
            1 => pod.HostPort(80 + random.Next(2)),
            _ => pod,
        };
    }

    private string? Plan(Pod pod)
    {
        var result = _scheduler.Schedule(PodInfo.Of(pod));
        if (result.NoFit?.Preemption is not { } plan)
            return null;
        string violated = plan.ViolationCount == 0 ? "" : $" ({plan.ViolationCount} violated)";
        return $"{plan.Node.Name}: {string.Join(", ", plan.Victims.Select(victim => victim.Key.Name))}{violated}";
    }

    private void Nodes(params Node[] nodes)
    {
        foreach (var node in nodes)
            _cluster.SetNode(node);
    }

    private void Pods(params Pod[] pods)
    {
        foreach (var pod in pods)
            _cluster.SetPod(pod.Spec.NodeName is null ? pod.On("n1") : pod);
    }

    private static PodDisruptionBudget Budget(string app, int allowed) => new()
    {
        Metadata = new ObjectMeta { Namespace = "default", Name = app },
        Spec = new PodDisruptionBudgetSpec { Selector = new LabelSelector { MatchLabels = new() { ["app"] = app } } },
        Status = new PodDisruptionBudgetStatus { DisruptionsAllowed = allowed },
    };
}
