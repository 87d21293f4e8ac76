using Orchestrator.Control.NodeLifecycle;

namespace Orchestrator.Control.Tests.NodeLifecycle;

public sealed class TaintEvictionControllerTests
{
    private static readonly NamespacedName Key = new(Make.Ns, "web");

    private readonly FakeCluster _cluster = new();

    private static Taint Unreachable(DateTimeOffset? since = null) =>
        new() { Key = "node.kubernetes.io/unreachable", Effect = "NoExecute", TimeAdded = since ?? Make.Start };

    private static Toleration For(long? seconds) => new()
    {
        Key = "node.kubernetes.io/unreachable", Operator = "Exists", Effect = "NoExecute", TolerationSeconds = seconds,
    };

    private void Given(Taint? taint, params Toleration[] tolerations) => _cluster.With(
        taint is null ? Make.Node("node-1") : Make.Node("node-1", "Unknown", taint),
        Make.Pod("web").Ready().With(pod => pod.Spec.Tolerations = [.. tolerations]));

    private Decision Look(object? memory = null) => _cluster.Reconcile(TaintEvictionController.Description, Key, memory);

    [Fact]
    public void A_pod_that_does_not_tolerate_the_taint_goes_at_once()
    {
        Given(Unreachable());

        Look();

        var pod = _cluster.Get<Pod>(Make.Ns, "web")!;
        Assert.True(pod.IsBeingDeleted);
        var condition = pod.Status.Conditions!.Single(c => c.Type == "DisruptionTarget");
        Assert.Equal(("True", "DeletionByTaintManager"), (condition.Status, condition.Reason));
        Assert.Contains("Normal TaintManagerEviction Marking for deletion Pod default/web", _cluster.Events);
    }

    [Fact]
    public void A_pod_that_tolerates_it_for_a_time_goes_when_that_is_over()
    {
        Given(Unreachable(), For(300));

        var decision = Look();
        Assert.Equal(Make.Start.AddSeconds(300), decision.RequeueAt);
        _cluster.Now = Make.Start.AddSeconds(300);
        Look(decision.Memory);

        Assert.True(_cluster.Get<Pod>(Make.Ns, "web")!.IsBeingDeleted);
    }

    [Fact]
    public void A_pod_that_tolerates_it_for_ever_stays()
    {
        Given(Unreachable(), For(null));

        Assert.Same(Decision.Nothing, Look());
    }

    [Fact]
    public void The_shortest_of_several_tolerations_counts()
    {
        Given(Unreachable(), For(300), For(60));

        Assert.Equal(Make.Start.AddSeconds(60), Look().RequeueAt);
    }

    [Fact]
    public void When_the_taint_is_gone_the_pod_stays()
    {
        Given(Unreachable(), For(300));
        var marked = Look();
        _cluster.Change<Node>("", "node-1", node => node.Spec.Taints = null);

        Look(marked.Memory);

        Assert.False(_cluster.Get<Pod>(Make.Ns, "web")!.IsBeingDeleted);
        Assert.Contains("Normal TaintManagerEviction Cancelling deletion of Pod default/web", _cluster.Events);
    }

    [Theory]
    [InlineData("key", "Equal", "v", "NoExecute", true)]
    [InlineData("key", "Equal", "other", "NoExecute", false)]
    [InlineData("key", "Exists", null, "NoExecute", true)]
    [InlineData("key", "Exists", null, null, true)]
    [InlineData("key", "Exists", null, "NoSchedule", false)]
    [InlineData(null, "Exists", null, null, true)]
    [InlineData("other", "Exists", null, null, false)]
    [InlineData("key", null, "v", null, true)]
    public void Tolerations(string? key, string? op, string? value, string? effect, bool tolerates) =>
        Assert.Equal(tolerates, NodeTaints.Tolerates(
            new Toleration { Key = key, Operator = op, Value = value, Effect = effect },
            new Taint { Key = "key", Value = "v", Effect = "NoExecute" }));
}
