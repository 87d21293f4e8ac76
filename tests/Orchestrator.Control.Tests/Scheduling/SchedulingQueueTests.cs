using Orchestrator.Control.Scheduling;
using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Queueing;

namespace Orchestrator.Control.Tests.Scheduling;

public sealed class SchedulingQueueTests
{
    private static readonly DateTimeOffset Start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly HashSet<string> Resources = ["NodeResourcesFit"];

    private readonly SchedulingQueue _queue = new(SchedulerProfile.Default());
    private DateTimeOffset _now = Start;

    [Fact]
    public void Higher_priorities_come_first_and_then_who_waits_longer()
    {
        Add(Make.Pod("a"));
        Pass(1);
        Add(Make.Pod("b"));
        Add(Make.Pod("c").Priority(5));

        Assert.Equal("c a b -", $"{Pop()} {Pop()} {Pop()} {Pop() ?? "-"}");
    }

    [Fact]
    public void A_failed_pod_waits_for_a_change_that_may_help()
    {
        Add(Make.Pod("a", cpu: "2"));
        var pod = PopPod();
        _queue.Failed(pod, Resources, _now);
        Pass(60);

        _queue.OnChange(NodeAdded(Make.Node("small", cpu: "1")), _now);
        string? afterSmall = Pop();
        _queue.OnChange(new ClusterChange(ClusterChangeType.PodAssigned) { Pod = PodInfo.Of(Make.Pod("x").On("n")) }, _now);
        string? afterPod = Pop();
        _queue.OnChange(NodeAdded(Make.Node("big", cpu: "4")), _now);

        Assert.Null(afterSmall);
        Assert.Null(afterPod);
        Assert.Equal("a", Pop());
    }

    [Fact]
    public void Who_is_woken_early_still_pauses_longer_each_time()
    {
        Add(Make.Pod("a"));
        foreach (double pause in (double[])[1, 2, 4, 8, 10, 10])
        {
            var pod = PopPod();
            _queue.Failed(pod, Resources, _now);
            _queue.OnChange(new ClusterChange(ClusterChangeType.Anything), _now);
            Assert.Equal(_now.AddSeconds(pause), _queue.NextDue);
            Pass(pause - 0.001);
            Assert.False(_queue.TryPop(_now, out _));
            Pass(0.002);
        }
        Assert.Equal("a", Pop());
    }

    [Fact]
    public void Whoever_waits_for_five_minutes_is_tried_again_anyway()
    {
        Add(Make.Pod("a"));
        _queue.Failed(PopPod(), Resources, _now);

        Assert.Equal(_now.AddMinutes(5), _queue.NextDue);
        Pass(299);
        Assert.Null(Pop());
        Pass(1);
        Assert.Equal("a", Pop());
    }

    [Fact]
    public void A_retry_pauses_without_waiting_for_a_change()
    {
        Add(Make.Pod("a"));
        _queue.Retry(PopPod(), _now);

        Assert.Null(Pop());
        Pass(1);
        Assert.Equal("a", Pop());
    }

    [Fact]
    public void A_gated_pod_waits_until_its_gates_are_gone()
    {
        var pod = Make.Pod("a");
        pod.Spec.SchedulingGates = [new PodSchedulingGate { Name = "g" }];
        Add(pod);
        _queue.OnChange(new ClusterChange(ClusterChangeType.Anything), _now);
        Pass(1000);
        string? gated = Pop();

        var open = pod.DeepClone();
        open.Spec.SchedulingGates = null;
        _queue.Update(open, _now);

        Assert.Null(gated);
        Assert.Equal("a", Pop());
    }

    [Fact]
    public void A_change_of_the_pods_state_wakes_nobody_and_one_of_its_wishes_does()
    {
        var pod = Make.Pod("a", cpu: "2");
        Add(pod);
        _queue.Failed(PopPod(), Resources, _now);
        Pass(30);

        var withStatus = pod.DeepClone();
        withStatus.Status.Message = "waits";
        _queue.Update(withStatus, _now);
        string? afterStatus = Pop();
        var smaller = Make.Pod("a", cpu: "1");
        smaller.Metadata.Uid = pod.Metadata.Uid;
        _queue.Update(smaller, _now);

        Assert.Null(afterStatus);
        Assert.Equal("a", Pop());
    }

    [Fact]
    public void A_pod_that_is_gone_comes_no_more_wherever_it_stood()
    {
        var pods = Enumerable.Range(0, 4).Select(i => Make.Pod($"p{i}")).ToList();
        foreach (var pod in pods)
            Add(pod);
        _queue.Failed(PopPod(), Resources, _now);
        _queue.Retry(PopPod(), _now);
        var taken = PopPod();

        foreach (var pod in pods)
            _queue.Remove(pod.Metadata.Uid!);
        _queue.Failed(taken, Resources, _now);
        Pass(1000);

        Assert.Null(Pop());
        Assert.Equal((0, 0, 0, 0), (_queue.Count, _queue.ActiveCount, _queue.BackoffCount, _queue.UnschedulableCount));
        Assert.Null(_queue.NextDue);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Under_random_calls_no_pod_is_lost_and_none_is_handed_out_twice(int seed)
    {
        var random = new Random(seed);
        var alive = new Dictionary<string, Pod>();
        var inHand = new Dictionary<string, QueuedPod>();
        for (int step = 0; step < 4000; step++)
        {
            Pass(random.NextDouble());
            string? any = inHand.Count == 0 ? null : inHand.Keys.ElementAt(random.Next(inHand.Count));
            switch (random.Next(6))
            {
                case 0:
                    var added = Make.Pod($"p{step}").Priority(random.Next(3));
                    alive.Add(added.Metadata.Uid!, added);
                    Add(added);
                    break;
                case 1 when _queue.TryPop(_now, out var popped):
                    Assert.True(inHand.TryAdd(popped.Pod.Uid, popped));
                    Assert.Contains(popped.Pod.Uid, alive.Keys);
                    break;
                case 2 when any is not null:
                    _queue.Failed(inHand[any], Resources, _now);
                    inHand.Remove(any);
                    break;
                case 3 when any is not null:
                    _queue.Retry(inHand[any], _now);
                    inHand.Remove(any);
                    break;
                case 4 when alive.Count > 20:
                    string gone = alive.Keys.ElementAt(random.Next(alive.Count));
                    alive.Remove(gone);
                    inHand.Remove(gone);
                    _queue.Remove(gone);
                    break;
                case 5:
                    _queue.OnChange(new ClusterChange(ClusterChangeType.Anything), _now);
                    break;
            }
            Assert.Equal(alive.Count, _queue.Count);
            Assert.Equal(alive.Count - inHand.Count, _queue.ActiveCount + _queue.BackoffCount + _queue.UnschedulableCount);
        }
        Pass(301);
        int left = 0;
        while (Pop() is not null)
            left++;

        Assert.Equal(alive.Count - inHand.Count, left);
    }

    private static ClusterChange NodeAdded(Node node)
    {
        var cluster = new ClusterState();
        cluster.SetNode(node);
        return new ClusterChange(ClusterChangeType.NodeAdded) { Node = cluster.Nodes[0] };
    }

    private void Add(Pod pod) => _queue.Add(pod, _now);

    private void Pass(double seconds) => _now = _now.AddSeconds(seconds);

    private QueuedPod PopPod()
    {
        Assert.True(_queue.TryPop(_now, out var pod));
        return pod!;
    }

    private string? Pop() => _queue.TryPop(_now, out var pod) ? pod.Pod.Key.Name : null;
}
