using System.Diagnostics;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Hollow;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Runtime.Tests.Nodes;

/// <summary>Hollow nodes before a fake API and a clock that the test moves.</summary>
internal sealed class HollowCluster : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private HollowCluster(FakeKubeletApi api, SteppedTime clock, HollowNodes nodes)
    {
        Api = api;
        Clock = clock;
        Nodes = nodes;
    }

    public FakeKubeletApi Api { get; }

    public SteppedTime Clock { get; }

    public HollowNodes Nodes { get; }

    public DateTimeOffset Now => Clock.GetUtcNow();

    public static async Task<HollowCluster> StartAsync(HollowOptions? options = null, KubeletServer? server = null, FakeKubeletApi? api = null)
    {
        api ??= new FakeKubeletApi();
        var clock = new SteppedTime();
        HollowNodes nodes = await HollowNodes.StartAsync(
            options ?? new HollowOptions { StartDelay = TimeSpan.Zero }, new KubeletServices(api, clock), server, CancellationToken.None);
        return new HollowCluster(api, clock, nodes);
    }

    /// <summary>A pod of one container on the first node.</summary>
    public static Pod NewPod(string name, Action<Pod>? change = null)
    {
        var pod = new Pod
        {
            Metadata = new ObjectMeta { Name = name, Namespace = "default", Annotations = [] },
            Spec = new PodSpec
            {
                NodeName = "hollow",
                RestartPolicy = "Always",
                TerminationGracePeriodSeconds = 30,
                Containers = [new Container { Name = "main", Image = "nginx:1.27" }],
            },
        };
        change?.Invoke(pod);
        return pod;
    }

    public Pod Bind(string name, Action<Pod>? change = null)
    {
        Pod pod = NewPod(name, change);
        Api.Bind(pod);
        return pod;
    }

    /// <summary>Waits until something is so, the clock standing still.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        long began = Stopwatch.GetTimestamp();
        while (!Holds(condition))
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"never: {what}");
            await Task.Delay(2);
        }
    }

    /// <summary>Moves the clock by steps until something is so.</summary>
    public async Task AdvanceUntilAsync(Func<bool> condition, string what, TimeSpan? step = null)
    {
        long began = Stopwatch.GetTimestamp();
        while (!Holds(condition))
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"never: {what}; {Describe()}");
            await SteppedTime.LetOthersRunAsync();
            if (!Holds(condition))
                Clock.Advance(step ?? TimeSpan.FromSeconds(1));
        }
    }

    public Task UntilPhaseAsync(string pod, string phase) =>
        AdvanceUntilAsync(() => Api.Pod(pod).Status.Phase == phase, $"{pod} is {phase}");

    public Task UntilReadyAsync(string pod) => AdvanceUntilAsync(() => IsReady(pod), $"{pod} is ready");

    public bool IsReady(string pod) => Condition(pod, "Ready")?.Status == "True";

    public PodCondition? Condition(string pod, string type) => Api.Pod(pod).Status.Conditions.OrEmpty().Find(condition => condition.Type == type);

    public ContainerStatus Main(string pod) => Api.Pod(pod).Status.ContainerStatuses![0];

    public ContainerStatus? MainOrNull(string pod) => Api.Get<Pod>(pod, "default")?.Status.ContainerStatuses?.FirstOrDefault();

    public IEnumerable<string> Reasons(string pod) =>
        Api.Events.Where(told => told.InvolvedObject!.Name == pod).OrderBy(told => long.Parse(told.ResourceVersion)).Select(told => told.Reason!);

    private string Describe() => string.Join('\n', Api.All<Pod>().Select(pod => System.Text.Encoding.UTF8.GetString(KubernetesJson.Serialize(pod))));

    public async ValueTask DisposeAsync() => await Nodes.DisposeAsync();

    private static bool Holds(Func<bool> condition)
    {
        try
        {
            return condition();
        }
        catch (Exception e) when (e is NullReferenceException or InvalidOperationException or ArgumentOutOfRangeException)
        {
            return false; // Not there yet.
        }
    }
}
