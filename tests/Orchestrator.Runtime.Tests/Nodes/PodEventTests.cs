using System.Diagnostics;
using System.Reflection;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Hollow;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Tests.Nodes;

/// <summary>What <c>kubectl describe</c> tells of pods and nodes whose runtime, network or machine is not as it should be.</summary>
public sealed class PodEventTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("pod-events-").FullName;
    private readonly FakeKubeletApi _api = new();
    private readonly SteppedTime _clock = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly KubeletServices _services;
    private readonly PretendRuntime _pretended;
    private readonly FaultyRuntime _faults;
    private Kubelet.Kubelet? _kubelet;
    private Task _running = Task.CompletedTask;

    public PodEventTests()
    {
        _services = new KubeletServices(_api, _clock);
        _pretended = new PretendRuntime(new HollowOptions { StartDelay = TimeSpan.Zero }, _services.Alarms, 0);
        _faults = FaultyRuntime.Over(_pretended);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _ending.CancelAsync();
        await _running;
        if (_kubelet is not null)
            await _kubelet.DisposeAsync();
        await _services.DisposeAsync();
        _ending.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task While_the_network_is_not_ready_only_pods_in_the_nodes_own_begin_and_the_others_are_told()
    {
        const string Problem = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:no network";
        _faults.Answers["StatusAsync"] = () => Task.FromResult(new RuntimeStatus(true, false, Problem));
        Start();
        _api.Bind(HollowCluster.NewPod("web", pod => pod.Spec.NodeName = "one"));
        _api.Bind(HollowCluster.NewPod("early", pod => (pod.Spec.NodeName, pod.Spec.HostNetwork) = ("one", true)));
        await UntilAsync(() => _api.Pod("early").Status.Phase == "Running" && Texts("web").Count > 0, "the one runs, the other is told");
        for (int i = 0; i < 20; i++)
            await StepAsync();

        Assert.Equal([$"Warning NetworkNotReady network is not ready: {Problem}"], Texts("web"));
        Assert.Equal("Pending", _api.Pod("web").Status.Phase);

        _faults.Answers.TryRemove("StatusAsync", out _);
        await UntilAsync(() => _api.Pod("web").Status.Phase == "Running", "it runs when the network is there");
    }

    [Fact]
    public async Task A_sandbox_that_is_lost_is_told_and_made_anew()
    {
        Start();
        _api.Bind(HollowCluster.NewPod("web", pod => pod.Spec.NodeName = "one"));
        await UntilAsync(() => _api.Pod("web").Status.Phase == "Running", "it runs");
        PodSandbox first = Assert.Single(await _pretended.ListPodSandboxAsync(null, default));

        await _pretended.StopPodSandboxAsync(first.Id, default);
        await UntilAsync(() => Texts("web").Contains("Normal SandboxChanged Pod sandbox changed, it will be killed and re-created."), "it is told");
        await UntilAsync(() => _api.Pod("web").Status.ContainerStatuses![0] is { RestartCount: 1, State.Running: not null }, "it runs again");

        Assert.Equal([0, 1], (await _pretended.ListPodSandboxAsync(null, default)).Select(sandbox => sandbox.Attempt).Order());
    }

    [Fact]
    public async Task Of_a_pods_sandboxes_no_more_are_kept_than_have_a_container_that_is_kept()
    {
        Start();
        _api.Bind(HollowCluster.NewPod("web", pod => pod.Spec.NodeName = "one"));
        await UntilAsync(() => _api.Pod("web").Status.Phase == "Running", "it runs");

        for (int restarts = 1; restarts <= 3; restarts++)
        {
            PodSandbox last = (await _pretended.ListPodSandboxAsync(null, default)).MaxBy(sandbox => sandbox.Attempt)!;
            await _pretended.StopPodSandboxAsync(last.Id, default);
            await UntilAsync(() => _api.Pod("web").Status.ContainerStatuses![0].State?.Running is not null && _api.Pod("web").Status.ContainerStatuses![0].RestartCount == restarts, "it runs again");
        }

        await UntilAsync(() => _pretended.ListPodSandboxAsync(null, default).Result.Count == 2, "the older ones are removed");
        Assert.Equal([2, 3], (await _pretended.ListPodSandboxAsync(null, default)).Select(sandbox => sandbox.Attempt).Order());
        Assert.Equal([2, 3], (await _pretended.ListContainersAsync(null, default)).Select(container => container.Attempt).Order());
    }

    [Fact]
    public async Task A_pod_that_does_not_let_itself_be_ended_is_told_and_tried_again()
    {
        Start();
        _api.Bind(HollowCluster.NewPod("web", pod => pod.Spec.NodeName = "one"));
        await UntilAsync(() => _api.Pod("web").Status.Phase == "Running", "it runs");

        _faults.Answers["StopContainerAsync"] = () => Task.FromException(new CriException("the task does not end"));
        _api.Delete("web", 30, _clock.GetUtcNow());
        await UntilAsync(() => Texts("web").Contains("Warning FailedKillPod error killing pod: the task does not end"), "it is told");
        _faults.Answers.TryRemove("StopContainerAsync", out _);
        await UntilAsync(() => _api.Get<Pod>("web", "default") is null, "it is gone");
    }

    [Fact]
    public async Task An_image_that_can_be_none_is_told_as_kubelets_do()
    {
        Start();
        _api.Bind(HollowCluster.NewPod("web", pod => (pod.Spec.NodeName, pod.Spec.Containers![0].Image) = ("one", "UPPER:1")));
        await UntilAsync(() => Texts("web").Count >= 2, "it is told");

        Assert.Equal(
            [
                "Warning InspectFailed Failed to apply default image tag \"UPPER:1\": couldn't parse image name \"UPPER:1\": invalid reference format",
                "Warning Failed Error: InvalidImageName",
            ],
            Texts("web").Take(2));
    }

    [Fact]
    public async Task A_cgroup_that_cannot_be_made_and_names_that_are_not_the_clusters_are_told()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "cgroup", "cpu"));
        File.WriteAllText(Path.Combine(_folder, "cgroup", "cpu", "kubepods"), "in the way");
        Start(new ContainerSettings
        {
            CgroupFilesystem = Path.Combine(_folder, "cgroup"),
            PodFiles = Directory.CreateDirectory(Path.Combine(_folder, "pods")).FullName,
            PodLogs = Directory.CreateDirectory(Path.Combine(_folder, "logs")).FullName,
        });
        Pod pod = HollowCluster.NewPod("web", pod => pod.Spec.NodeName = "one");
        _api.Bind(pod);
        await UntilAsync(() => Texts("web").Count >= 2 && Texts("one").Any(text => text.Contains("MissingClusterDNS", StringComparison.Ordinal)), "they are told");

        const string Missing = "kubelet does not have ClusterDNS IP configured and cannot create Pod using \"ClusterFirst\" policy. Falling back to \"Default\" policy.";
        Assert.Equal($"Warning MissingClusterDNS pod: \"web_default({pod.Uid})\". {Missing}", Texts("web")[0]);
        Assert.StartsWith("Warning FailedCreatePodContainer unable to ensure pod container exists: ", Texts("web")[1]);
        Assert.Contains($"Warning MissingClusterDNS {Missing}", Texts("one"));
    }

    [Fact]
    public async Task A_node_tells_that_it_starts_and_whether_pods_are_let_onto_it()
    {
        Start();
        await UntilAsync(() => Texts("one").Count == 2, "it is there");

        Cordon(true);
        await UntilAsync(() => Texts("one").Count == 3, "it is told");
        Cordon(false);
        await UntilAsync(() => Texts("one").Count == 4, "that is told too");

        Assert.Equal(
            [
                "Normal Starting Starting kubelet.", "Normal NodeReady Node one status is now: NodeReady",
                "Normal NodeNotSchedulable Node one status is now: NodeNotSchedulable", "Normal NodeSchedulable Node one status is now: NodeSchedulable",
            ],
            Texts("one"));

        void Cordon(bool isUnschedulable)
        {
            Node node = _api.Get<Node>("one")!.DeepClone();
            node.Spec.Unschedulable = isUnschedulable;
            _api.Write(node);
        }
    }

    private void Start(ContainerSettings? containers = null)
    {
        _kubelet = new Kubelet.Kubelet(
            new KubeletOptions { NodeName = "one", NodeIp = "127.0.0.1", FirstReportDelay = TimeSpan.Zero, Containers = containers },
            _services, _faults.Runtime, new PretendImages(), _pretended);
        _running = Task.Run(RunAsync);
    }

    private async Task RunAsync()
    {
        try
        {
            await _kubelet!.StartAsync(_ending.Token);
            await _kubelet.FollowAsync(_ending.Token);
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    /// <summary>The events of an object, in their order.</summary>
    private List<string> Texts(string name) =>
    [
        .. _api.Events.Where(told => told.InvolvedObject!.Name == name).OrderBy(told => told.Name, StringComparer.Ordinal)
            .Select(told => $"{told.Type} {told.Reason} {told.Message}"),
    ];

    private async Task UntilAsync(Func<bool> holds, string what)
    {
        long began = Stopwatch.GetTimestamp();
        while (!holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"never: {what}; {string.Join('\n', _api.Events.Select(told => $"{told.InvolvedObject!.Name} {told.Reason} {told.Message}"))}");
            await StepAsync();
        }
    }

    private async Task StepAsync()
    {
        await SteppedTime.LetOthersRunAsync();
        _clock.Advance(TimeSpan.FromSeconds(1));
    }

    /// <summary>A runtime that answers some calls otherwise than it would.</summary>
    public class FaultyRuntime : DispatchProxy
    {
        private IContainerRuntime? _real;

        /// <summary>By the method's name.</summary>
        public System.Collections.Concurrent.ConcurrentDictionary<string, Func<object>> Answers { get; } = new();

        internal IContainerRuntime Runtime => (IContainerRuntime)(object)this;

        internal static FaultyRuntime Over(IContainerRuntime real)
        {
            var proxy = (FaultyRuntime)(object)Create<IContainerRuntime, FaultyRuntime>();
            proxy._real = real;
            return proxy;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            Answers.TryGetValue(targetMethod!.Name, out Func<object>? answer) ? answer() : targetMethod.Invoke(_real, args);
    }
}
