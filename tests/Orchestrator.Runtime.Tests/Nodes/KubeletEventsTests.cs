using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Runtime.Tests.Nodes;

public sealed class KubeletEventsTests : IAsyncDisposable
{
    private readonly FakeKubeletApi _api = new();
    private readonly SteppedTime _clock = new();
    private readonly Alarms _alarms;
    private readonly CancellationTokenSource _stop = new();
    private KubeletEvents? _events;

    public KubeletEventsTests() => _alarms = new Alarms(_clock);

    [Fact]
    public async Task Who_tells_too_much_of_one_pod_takes_nothing_from_others()
    {
        Start(new EventLimits());
        for (int i = 0; i < 500; i++)
            Emit("n1", "noisy", $"Reason{i}");
        Emit("n2", "noisy", "Seen");
        Emit("n1", "quiet", "Started");

        await HollowCluster.UntilAsync(() => _api.Events.Any(told => told.InvolvedObject!.Name == "quiet"), "the quiet pod's event");

        Assert.Equal(25, Sum("n1", "noisy"));
        Assert.Equal(1, Sum("n2", "noisy"));
        _clock.Advance(TimeSpan.FromMinutes(5));
        Emit("n1", "noisy", "Later");
        await HollowCluster.UntilAsync(() => Sum("n1", "noisy") == 26, "one more after five minutes");
    }

    [Fact]
    public async Task Pods_that_wait_for_their_start_go_first_and_an_event_has_waited_long_after_two_seconds()
    {
        Start(new EventLimits());
        var starting = new TaskCompletionSource();
        var asked = new TaskCompletionSource<TimeSpan>();
        _events!.LetOthersGoFirst((limit, _) =>
        {
            asked.TrySetResult(limit);
            return starting.Task;
        });

        Emit("n1", "web", "Pulled");
        Emit("n1", "web", "Created");
        TimeSpan limit = await asked.Task;
        bool waits = _api.Events.Count == 0;
        _clock.Advance(TimeSpan.FromSeconds(2));
        starting.SetResult();
        await HollowCluster.UntilAsync(() => _api.Events.Count == 2, "both events");

        Assert.Equal(TimeSpan.FromSeconds(2), limit);
        Assert.True(waits);
    }

    [Fact]
    public async Task What_comes_faster_than_it_may_be_sent_waits()
    {
        Start(new EventLimits(PerSecond: 10, Burst: 5));
        for (int i = 0; i < 25; i++)
            Emit("n1", $"pod-{i}", "Started");

        await HollowCluster.UntilAsync(() => _api.Events.Count == 5, "the first five");
        DateTimeOffset begin = _clock.GetUtcNow();
        while (_api.Events.Count < 25)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Delay(2);
            Assert.True(_clock.GetUtcNow() - begin < TimeSpan.FromMinutes(10), "never all");
        }

        Assert.True(_clock.GetUtcNow() - begin >= TimeSpan.FromSeconds(2), "twenty at ten a second");
    }

    [Fact]
    public async Task The_same_again_raises_the_count_also_of_one_that_is_gone_meanwhile()
    {
        Start(new EventLimits());
        Emit("n1", "web", "BackOff");
        Emit("n1", "web", "BackOff");
        await HollowCluster.UntilAsync(() => _api.Events is [{ Count: 2 }], "the count");

        _api.RemoveAll<Event>();
        Emit("n1", "web", "BackOff");

        await HollowCluster.UntilAsync(() => _api.Events is [{ Count: 3 }], "it is told anew");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _alarms.Dispose();
        if (_events is not null)
            await _events.DisposeAsync();
        _stop.Dispose();
    }

    private void Start(EventLimits limits) => _events = new KubeletEvents(_alarms, limits, _stop.Token);

    private void Emit(string node, string pod, string reason) => _events!.Emit(
        _api, node, new ObjectReference { Kind = "Pod", ApiVersion = "v1", Namespace = "default", Name = pod, Uid = "uid-" + pod }, "Normal", reason, "It is so.");

    private int Sum(string node, string pod) => _api.Events
        .Where(told => told.InvolvedObject!.Name == pod && told.Source!.Host == node).Sum(told => told.Count ?? 1);
}
