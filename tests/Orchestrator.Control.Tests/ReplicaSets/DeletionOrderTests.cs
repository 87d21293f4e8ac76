using Orchestrator.Control.Pods;

namespace Orchestrator.Control.Tests.ReplicaSets;

public sealed class DeletionOrderTests
{
    private static readonly DateTimeOffset Now = Make.Start.AddHours(1);

    public static TheoryData<string, Pod, Pod> Pairs => new()
    {
        { "without a node", Make.Pod("x", node: null), Make.Pod("y").Ready() },
        { "pending", Make.Pod("x").Phase("Pending"), Make.Pod("y") },
        { "unknown before running", Make.Pod("x").Phase("Unknown"), Make.Pod("y") },
        { "not ready", Make.Pod("x").NotReady(), Make.Pod("y").Ready() },
        { "cheaper to delete", Make.Pod("x").Ready().With(Cost("-5")), Make.Pod("y").Ready() },
        { "doubled up on its node", Make.Pod("x", node: "crowded").Ready(), Make.Pod("y", node: "lone").Ready() },
        { "ready for a shorter time", Make.Pod("x").Ready(Now.AddSeconds(-3)), Make.Pod("y").Ready(Now.AddSeconds(-300)) },
        { "restarted more often", Make.Pod("x").Ready().With(Restarts(4)), Make.Pod("y").Ready().With(Restarts(1)) },
        { "younger", Make.Pod("x").Ready().With(Born(Now.AddSeconds(-2))), Make.Pod("y").Ready().With(Born(Now.AddHours(-5))) },
    };

    [Theory]
    [MemberData(nameof(Pairs))]
    public void The_first_goes_before_the_second(string reason, Pod first, Pod second)
    {
        var order = new DeletionOrder(new Dictionary<string, int> { ["crowded"] = 3, ["lone"] = 1 }, Now);

        Assert.True(order.Compare(first, second) < 0, reason);
        Assert.True(order.Compare(second, first) > 0, reason);
    }

    [Fact]
    public void Among_pods_of_about_one_age_the_uid_decides()
    {
        var x = Make.Pod("x").Ready(Now.AddSeconds(-100)).With(pod => pod.Metadata.Uid = "2");
        var y = Make.Pod("y").Ready(Now.AddSeconds(-101)).With(pod => pod.Metadata.Uid = "1");

        var order = new DeletionOrder(new Dictionary<string, int>(), Now);

        Assert.True(order.Compare(y, x) < 0);
    }

    private static Action<Pod> Cost(string cost) =>
        pod => pod.Metadata.Annotations = new() { [DeletionOrder.DeletionCostAnnotation] = cost };

    private static Action<Pod> Restarts(int count) =>
        pod => pod.Status.ContainerStatuses = [new ContainerStatus { Name = "main", RestartCount = count }];

    private static Action<Pod> Born(DateTimeOffset at) => pod => pod.Metadata.CreationTimestamp = at;
}
