using Orchestrator.Control.CloudProvider;
using Orchestrator.Control.NodeLifecycle;

namespace Orchestrator.Control.Tests.CloudProvider;

public sealed class CloudNodeControllerTests
{
    private readonly FakeCluster _cluster = new();

    [Fact]
    public void A_node_that_waits_for_its_cloud_is_told_who_provides_it_and_opened()
    {
        _cluster.With(Make.Node("a", "True", new Taint { Key = CloudNodeController.UninitializedTaint, Value = "true", Effect = "NoSchedule" },
            new Taint { Key = NodeTaints.NotReady, Effect = "NoSchedule" }));

        _cluster.Settle(CloudNodeController.Description, new NamespacedName("", "a"));

        var node = _cluster.Get<Node>("", "a")!;
        Assert.Equal("orchestrator://a", node.Spec.ProviderID);
        Assert.Equal("orchestrator", node.Labels["node.kubernetes.io/instance-type"]);
        Assert.Equal([NodeTaints.NotReady], node.Spec.Taints!.Select(taint => taint.Key));
        Assert.Equal(["Normal Synced Node synced successfully"], _cluster.Events);
    }

    [Fact]
    public void What_another_provider_has_said_of_a_node_stays()
    {
        var other = Make.Node("a");
        other.Spec.ProviderID = "elsewhere://1";
        other.Metadata.Labels![CloudNodeController.InstanceTypeLabel] = "large";
        _cluster.With(other);

        _cluster.Settle(CloudNodeController.Description, new NamespacedName("", "a"));

        Assert.Empty(_cluster.Done);
    }
}
