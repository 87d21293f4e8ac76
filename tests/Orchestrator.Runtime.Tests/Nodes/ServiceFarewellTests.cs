using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Hollow;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Tests.Nodes;

/// <summary>Pods whose deletion was asked for while services still send to them.</summary>
public sealed class ServiceFarewellTests : IAsyncLifetime
{
    private readonly FakeKubeletApi _api = new();
    private readonly SteppedTime _clock = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private KubeletServices? _services;
    private PretendRuntime? _runtime;
    private Kubelet.Kubelet? _kubelet;
    private Task _following = Task.CompletedTask;
    private string _uid = "";

    public async Task InitializeAsync()
    {
        _services = new KubeletServices(_api, _clock);
        _runtime = new PretendRuntime(new HollowOptions { StartDelay = TimeSpan.Zero }, _services.Alarms, 0);
        var options = new KubeletOptions { NodeName = "hollow", NodeIp = "127.0.0.1", LeaveServices = LeaveAsync };
        _kubelet = new Kubelet.Kubelet(options, _services, _runtime, new PretendImages(), _runtime);
        await _kubelet.StartAsync(CancellationToken.None);
        _following = Task.Run(() => _kubelet.FollowAsync(_stopping.Token));
        _api.Bind(HollowCluster.NewPod("web"));
        await AdvanceUntilAsync(() => _api.Pod("web").Status.Phase == "Running", "web runs");
        _uid = _api.Pod("web").Uid;
    }

    public async Task DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _following.ContinueWith(_ => { }, TaskScheduler.Default);
        await _kubelet!.DisposeAsync();
        await _services!.DisposeAsync();
    }

    [Fact]
    public async Task A_pod_serves_on_until_services_have_let_go_of_it_and_ends_then()
    {
        _api.Delete("web", 30, _clock.GetUtcNow());
        await _asked.Task;
        await SteppedTime.LetOthersRunAsync();
        bool servesOn = await RunsAsync();

        _left.SetResult();
        await AdvanceUntilAsync(() => _api.Get<Pod>("web", "default") is null, "web is gone");

        Assert.True(servesOn);
        Assert.Empty(await _runtime!.ListContainersAsync(_uid, CancellationToken.None));
    }

    [Fact]
    public async Task Services_that_do_not_let_go_hold_it_for_half_of_its_grace()
    {
        _api.Delete("web", 4, _clock.GetUtcNow());
        await _asked.Task;
        await SteppedTime.LetOthersRunAsync();
        _clock.Advance(TimeSpan.FromSeconds(1.9));
        await SteppedTime.LetOthersRunAsync();
        bool servesOn = await RunsAsync();

        await AdvanceUntilAsync(() => _api.Get<Pod>("web", "default") is null, "web is gone");

        Assert.True(servesOn);
    }

    [Fact]
    public async Task Who_deletes_without_grace_waits_for_no_service()
    {
        _api.Delete("web", 30, _clock.GetUtcNow());
        await _asked.Task;

        _api.Remove("web");
        await HollowCluster.UntilAsync(() => _runtime!.ListContainersAsync(_uid, CancellationToken.None).Result.Count == 0, "its containers are gone");
    }

    private Task LeaveAsync(Pod pod, CancellationToken ct)
    {
        Assert.Equal("web", pod.Name);
        _asked.TrySetResult();
        return _left.Task.WaitAsync(ct);
    }

    private async Task<bool> RunsAsync() =>
        (await _runtime!.ListContainersAsync(_uid, CancellationToken.None)).Any(container => container.State == RuntimeContainerState.Running);

    private async Task AdvanceUntilAsync(Func<bool> condition, string what) => await HollowCluster.UntilAsync(
        () =>
        {
            if (!condition())
                _clock.Advance(TimeSpan.FromMilliseconds(100));
            return condition();
        },
        what);
}
