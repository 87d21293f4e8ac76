using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Informers;
using Orchestrator.Runtime.Scheduling;
using Orchestrator.Runtime.Tests.Simulation;

namespace Orchestrator.Runtime.Tests.Scheduling;

public sealed class SchedulerRunnerTests : IDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(10);

    private readonly CancellationTokenSource _stop = new();
    private VirtualWorld _world = new();
    private FakeApiServer _server;

    public SchedulerRunnerTests() => _server = new FakeApiServer(_world);

    public void Dispose()
    {
        _stop.Cancel();
        _world.Run(TimeSpan.FromSeconds(1));
        _stop.Dispose();
    }

    [Fact]
    public void A_pod_gets_a_node_and_an_event_says_so()
    {
        _server.Put(Node("n1"));
        Start();

        _server.Put(Pod("p"));
        _world.RunUntil(() => NodeOf("p") == "n1" && _server.All<Event>().Count == 1, Long);

        var said = _server.All<Event>()[0];
        Assert.Equal(("Normal", "Scheduled", "Successfully assigned default/p to n1"), (said.Type, said.Reason, said.Message));
        Assert.Equal("default-scheduler", said.Source!.Component);
    }

    [Fact]
    public void The_event_bears_the_time_of_the_decision_since_the_kubelet_may_be_at_work_before_the_scheduler_has_its_answer()
    {
        _server.Put(Node("n1"));
        Start();
        _server.Faults = new Faults { Latency = TimeSpan.FromSeconds(60) };

        _server.Put(Pod("p"));
        _world.RunUntil(() => NodeOf("p") == "n1", Long);
        var bound = _world.Time.GetUtcNow();
        _world.RunUntil(() => _server.All<Event>().Count == 1, Long);

        Assert.True(_server.All<Event>()[0].FirstTimestamp <= bound);
    }

    [Fact]
    public void A_pod_without_room_says_why_and_gets_its_node_when_there_is_one()
    {
        _server.Put(Node("small", cpu: "1"));
        Start();
        _server.Put(Pod("p", cpu: "2"));
        _world.RunUntil(() => _server.All<Event>().Count == 1, Long);

        const string Message = "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: "
            + "1 No preemption victims found for incoming pod.";
        Assert.Equal(("Warning", "FailedScheduling", Message), Said(_server.All<Event>()[0]));
        var condition = Assert.Single(_server.Find<Pod>("default", "p")!.Status.Conditions!);
        Assert.Equal(("PodScheduled", "False", "Unschedulable", Message),
            (condition.Type, condition.Status, condition.Reason, condition.Message));

        var before = _world.Elapsed;
        _server.Put(Node("big", cpu: "4"));
        _world.RunUntil(() => NodeOf("p") == "big", Long);
        Assert.True(_world.Elapsed - before < TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void Room_that_a_pod_leaves_is_given_away()
    {
        _server.Put(Node("n1", cpu: "1"));
        Start();
        _server.Put(Pod("a", cpu: "1"));
        _world.RunUntil(() => NodeOf("a") == "n1", Long);
        _server.Put(Pod("b", cpu: "1"));
        _world.Run(TimeSpan.FromSeconds(30));
        Assert.Equal("", NodeOf("b"));

        _server.Erase<Pod>("default", "a");

        _world.RunUntil(() => NodeOf("b") == "n1", TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void A_pod_of_higher_priority_has_a_lesser_one_leave_and_takes_its_place()
    {
        _server.Put(Node("n1", cpu: "1"));
        Start();
        var low = Pod("low", cpu: "1");
        low.Metadata.Finalizers = ["example.com/look"];
        _server.Put(low);
        _world.RunUntil(() => NodeOf("low") == "n1", Long);

        _server.Put(Pod("high", cpu: "1", priority: 10));
        _world.RunUntil(() => _server.Find<Pod>("default", "low")!.IsBeingDeleted, Long);
        _world.RunUntil(() => _server.All<Event>().Any(said => said.Reason == "Preempted"), Long);
        _world.Run(TimeSpan.FromSeconds(30));
        var leaving = _server.Find<Pod>("default", "low")!;
        var waiting = _server.Find<Pod>("default", "high")!;
        Change("low", pod => pod.Metadata.Finalizers = null);
        _server.Erase<Pod>("default", "low");
        _world.RunUntil(() => NodeOf("high") == "n1", TimeSpan.FromSeconds(15));

        var condition = Assert.Single(leaving.Status.Conditions!, condition => condition.Type == "DisruptionTarget");
        Assert.Equal(
            ("True", "PreemptionByScheduler", "default-scheduler: preempting to accommodate a higher priority pod"),
            (condition.Status, condition.Reason, condition.Message));
        Assert.Equal(("n1", null), (waiting.Status.NominatedNodeName, waiting.Spec.NodeName));
        var told = _server.All<Event>().Single(said => said.Reason == "Preempted");
        Assert.Equal(($"Preempted by pod {waiting.Uid} on node n1", "low"), (told.Message, told.InvolvedObject!.Name));
    }

    [Fact]
    public void A_scheduler_that_starts_anew_keeps_the_nodes_that_were_promised()
    {
        _server.Put(Node("n1", cpu: "1"));
        var promised = Pod("promised", cpu: "1", priority: 10);
        promised.Spec.SchedulingGates = [new PodSchedulingGate { Name = "later" }];
        promised.Status.NominatedNodeName = "n1";
        _server.Put(promised);
        Start();

        _server.Put(Pod("lesser", cpu: "1", priority: 5));
        _world.Run(TimeSpan.FromMinutes(1));
        string before = NodeOf("lesser");
        Change("promised", pod => pod.Spec.SchedulingGates = null);
        _world.RunUntil(() => NodeOf("promised") == "n1", Long);

        Assert.Equal(("", ""), (before, NodeOf("lesser")));
    }

    [Fact]
    public void Pods_of_other_schedulers_and_gated_ones_are_left_alone()
    {
        _server.Put(Node("n1"));
        Start();
        var others = Pod("others");
        others.Spec.SchedulerName = "mine";
        var gated = Pod("gated");
        gated.Spec.SchedulingGates = [new PodSchedulingGate { Name = "g" }];
        _server.Put(others);
        _server.Put(gated);
        _server.Put(Pod("p"));

        _world.RunUntil(() => NodeOf("p") == "n1", Long);
        _world.Run(TimeSpan.FromMinutes(1));

        Assert.Equal(("", ""), (NodeOf("others"), NodeOf("gated")));
    }

    [Fact]
    public void A_refused_binding_gives_the_place_back_and_is_tried_again()
    {
        _server.Put(Node("n1", cpu: "1"));
        int refusals = 0;
        _server.Intercept = request => request.PathAndQuery.EndsWith("/a/binding", StringComparison.Ordinal) && refusals++ < 2
            ? new ApiResponse(500, """{"kind":"Status","code":500,"reason":"InternalError"}"""u8.ToArray())
            : null;
        Start();

        _server.Put(Pod("a", cpu: "1"));
        _world.RunUntil(() => NodeOf("a") == "n1", Long);

        Assert.Equal(3, refusals);
    }

    [Fact]
    public void Over_many_seeds_of_faults_every_pod_gets_one_node_and_no_node_too_many()
    {
        for (int seed = 0; seed < 100; seed++)
            RunUnderFaults(seed);
    }

    private void RunUnderFaults(int seed)
    {
        _world = new VirtualWorld(seed);
        _server = new FakeApiServer(_world, new Faults
        {
            LostRequest = 0.1, LostAnswer = 0.1, Refusal = 0.1, LostWatch = 0.05, StaleList = 0.5,
            Latency = TimeSpan.FromMilliseconds(100), RefusesWatchList = seed % 2 == 0,
        });
        for (int i = 0; i < 4; i++)
            _server.Put(Node($"n{i}", cpu: "4", pods: 5));
        using var stop = new CancellationTokenSource();
        Start(stop.Token);
        for (int i = 0; i < 20; i++)
        {
            _server.Put(Pod($"p{i}", cpu: "100m"));
            _world.Run(TimeSpan.FromMilliseconds(_world.Random.Next(300)));
            if (_world.Random.Next(10) == 0)
                _server.Compact();
            if (_world.Random.Next(10) == 0)
                _server.BreakWatches();
        }
        _world.RunUntil(() => _server.All<Pod>().All(pod => NodeOf(pod.Name) != ""), TimeSpan.FromMinutes(30), $"seed {seed}: all placed");

        Assert.All(_server.All<Pod>().GroupBy(pod => pod.Spec.NodeName), group => Assert.Equal(5, group.Count()));
        stop.Cancel();
        _world.Run(TimeSpan.FromMinutes(1));
    }

    private void Start(CancellationToken? stop = null)
    {
        var client = new ApiClient(_server, new ApiClientOptions { Time = _world.Time });
        var runner = new SchedulerRunner(client, new SchedulerOptions
        {
            Informers = new InformerOptions { Jitter = _world.Random.NextDouble },
            Jitter = _world.Random.NextDouble,
        });
        _world.Spawn(() => runner.RunAsync(stop ?? _stop.Token));
        _world.RunUntil(() => runner.IsWorking, Long);
    }

    private string NodeOf(string name) => _server.Find<Pod>("default", name)!.Spec.NodeName ?? "";

    private static (string?, string?, string?) Said(Event said) => (said.Type, said.Reason, said.Message);

    private static Node Node(string name, string cpu = "4", int pods = 110)
    {
        var node = new Node { Metadata = new ObjectMeta { Name = name, Labels = new() { ["kubernetes.io/hostname"] = name } } };
        node.Status.Allocatable = new()
        {
            ["cpu"] = Quantity.Parse(cpu), ["memory"] = Quantity.Parse("8Gi"), ["pods"] = Quantity.Parse($"{pods}"),
        };
        return node;
    }

    private void Change(string name, Action<Pod> change)
    {
        var pod = _server.Find<Pod>("default", name)!;
        change(pod);
        _server.Put(pod);
    }

    private static Pod Pod(string name, string? cpu = null, int? priority = null)
    {
        var pod = new Pod { Metadata = new ObjectMeta { Namespace = "default", Name = name } };
        pod.Spec.Priority = priority;
        var container = new Container { Name = "c", Image = "i" };
        if (cpu is not null)
            container.Resources = new ResourceRequirements { Requests = new() { ["cpu"] = Quantity.Parse(cpu) } };
        pod.Spec.Containers = [container];
        return pod;
    }
}
