using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Hollow;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Pressure;
using Orchestrator.Runtime.Tests.Nodes;
using static Orchestrator.Node.Tests.Pressure.Given;

namespace Orchestrator.Node.Tests.Pressure;

/// <summary>A whole kubelet under pressure, its containers pretended.</summary>
public sealed class KubeletEvictionTests : IAsyncLifetime
{
    private static readonly NodeSignals Enough = Signals((EvictionSignal.MemoryAvailable, 200, 1000));
    private static readonly NodeSignals Little = Signals((EvictionSignal.MemoryAvailable, 50, 1000));

    private readonly FakeKubeletApi _api = new();
    private readonly SteppedTime _clock = new();
    private readonly PretendStats _stats = new() { Signals = Enough };
    private readonly CancellationTokenSource _stopping = new();
    private readonly EvictionSettings _settings = new() { Thresholds = EvictionThresholds.Parse("memory.available<100") };
    private KubeletServices? _services;
    private Kubelet? _kubelet;
    private Task _following = Task.CompletedTask;

    public async Task InitializeAsync()
    {
        _services = new KubeletServices(_api, _clock);
        var runtime = new PretendRuntime(new HollowOptions { StartDelay = TimeSpan.Zero }, _services.Alarms, 0);
        _kubelet = new Kubelet(
            new KubeletOptions { NodeName = "hollow", NodeIp = "127.0.0.1", Eviction = _settings }, _services, runtime, new PretendImages(), runtime);
        await _kubelet.StartAsync(CancellationToken.None);
        _following = Task.Run(() => _kubelet.FollowAsync(_stopping.Token));
    }

    public async Task DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _following.ContinueWith(_ => { }, TaskScheduler.Default);
        await _kubelet!.DisposeAsync();
        await _services!.DisposeAsync();
    }

    [Fact]
    public async Task A_pod_that_goes_for_the_nodes_sake_has_failed_and_says_why()
    {
        _api.Bind(HollowCluster.NewPod("web", pod => pod.Spec.TerminationGracePeriodSeconds = 3600));
        await AdvanceUntilAsync(() => Condition("web", "Ready")?.Status == "True", "web is ready");
        _stats.Signals = Little;
        _stats.Uses[_api.Pod("web").Uid] = new PodUse([new ContainerUse("main", 500, default, default)], 1, default);

        Assert.Single(await New().LookAsync(CancellationToken.None));
        await AdvanceUntilAsync(() => _api.Pod("web").Status.Phase == "Failed", "web has failed");

        const string Why = "The node was low on resource: memory. Threshold quantity: 100, available: 50. Container main was using 500, request is 0, has larger consumption of memory. ";
        PodStatus status = _api.Pod("web").Status;
        Assert.Equal(("Evicted", Why), (status.Reason, status.Message));
        PodCondition condition = Condition("web", "DisruptionTarget")!;
        Assert.Equal(("True", "TerminationByKubelet", Why), (condition.Status, condition.Reason, condition.Message));
        Assert.NotNull(condition.LastTransitionTime);
        await HollowCluster.UntilAsync(() => _api.Events.Any(told => told is { Reason: "Evicted", Type: "Warning", Message: Why }), "it is told");
        Assert.Empty(_kubelet!.PodsOnNode);
    }

    [Fact]
    public async Task A_pod_beyond_its_own_limits_is_to_blame_itself()
    {
        _api.Bind(HollowCluster.NewPod("web", pod =>
            pod.Spec.Containers![0].Resources = new ResourceRequirements { Limits = new() { ["ephemeral-storage"] = Quantity.Parse("1k") } }));
        await AdvanceUntilAsync(() => Condition("web", "Ready")?.Status == "True", "web is ready");
        _stats.Uses[_api.Pod("web").Uid] = new PodUse([], 1, new DiskUse(1001, 1));

        Assert.Single(await New().LookAsync(CancellationToken.None));
        await AdvanceUntilAsync(() => _api.Pod("web").Status.Phase == "Failed", "web has failed");

        Assert.Equal("Evicted", _api.Pod("web").Status.Reason);
        Assert.Null(Condition("web", "DisruptionTarget"));
    }

    [Fact]
    public async Task The_node_tells_its_pressure_and_refuses_pods_until_it_is_over()
    {
        Evictor evictor = New();
        _stats.Signals = Little;
        await evictor.LookAsync(CancellationToken.None);
        await AdvanceUntilAsync(() => OfNode("MemoryPressure")?.Status == "True", "the node has memory pressure");
        NodeCondition told = OfNode("MemoryPressure")!;
        _api.Bind(HollowCluster.NewPod("late"));
        await AdvanceUntilAsync(() => _api.Pod("late").Status.Phase == "Failed", "late is refused");

        _stats.Signals = Enough;
        _clock.Advance(TimeSpan.FromMinutes(5));
        await evictor.LookAsync(CancellationToken.None);
        await AdvanceUntilAsync(() => OfNode("MemoryPressure")?.Status == "False", "it is over");
        _api.Bind(HollowCluster.NewPod("later"));
        await AdvanceUntilAsync(() => Condition("later", "Ready")?.Status == "True", "later is let in");

        Assert.Equal(("KubeletHasInsufficientMemory", "kubelet has insufficient memory available"), (told.Reason, told.Message));
        Assert.Equal("KubeletHasSufficientMemory", OfNode("MemoryPressure")!.Reason);
        Assert.Equal("False", OfNode("DiskPressure")!.Status);
        PodStatus refused = _api.Pod("late").Status;
        Assert.Equal(("Evicted", "Pod was rejected: The node had condition: [MemoryPressure]. "), (refused.Reason, refused.Message));
        await HollowCluster.UntilAsync(
            () => ((string[])["NodeHasInsufficientMemory", "NodeHasSufficientMemory"]).All(reason => _api.Events.Any(told => told.Reason == reason)), "both are told");
    }

    private Evictor New() => new(_settings, new EvictionSurroundings
    {
        Stats = _stats,
        Pressure = _kubelet!.Pressure,
        Pods = () => _kubelet.PodsOnNode,
        ReclaimDiskAsync = _ => Task.CompletedTask,
        Warn = (_, _) => { },
        Alarms = _services!.Alarms,
    });

    private PodCondition? Condition(string pod, string type) => _api.Pod(pod).Status.Conditions.OrEmpty().Find(condition => condition.Type == type);

    private NodeCondition? OfNode(string type) =>
        _api.Get<Orchestrator.Api.CoreV1.Node>("hollow")?.Status.Conditions.OrEmpty().Find(condition => condition.Type == type);

    private async Task AdvanceUntilAsync(Func<bool> condition, string what) => await HollowCluster.UntilAsync(
        () =>
        {
            if (!condition())
                _clock.Advance(TimeSpan.FromMilliseconds(200));
            return condition();
        },
        what);
}
