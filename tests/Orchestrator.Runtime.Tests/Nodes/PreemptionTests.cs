using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Pods;

namespace Orchestrator.Runtime.Tests.Nodes;

/// <summary>Which pods go from a full node for one that the node itself needs.</summary>
public class PreemptionTests
{
    [Fact]
    public void Those_go_that_ask_for_nothing_where_room_for_pods_is_short() =>
        Assert.Equal(["idle"], Victims(("pods", "1"), Pod("web", cpu: "1"), Pod("idle"), Pod("safe", cpu: "1", isGuaranteed: true)));

    [Fact]
    public void One_that_is_enough_goes_before_several() =>
        Assert.Equal(["two"], Victims(("cpu", "2"), Pod("half", cpu: "500m"), Pod("one", cpu: "1"), Pod("two", cpu: "2"), Pod("four", cpu: "4")));

    [Fact]
    public void Of_those_that_are_enough_the_one_goes_that_asks_for_less() =>
        Assert.Equal(["two"], Victims(("cpu", "1"), Pod("four", cpu: "4"), Pod("two", cpu: "2")));

    [Fact]
    public void A_guaranteed_pod_goes_only_for_what_others_cannot_make_up_for() =>
        Assert.Equal(["safe", "web"], Victims(("cpu", "3"), Pod("web", cpu: "1"), Pod("safe", cpu: "2", isGuaranteed: true), Pod("large", cpu: "4", isGuaranteed: true)));

    [Fact]
    public void Every_resource_that_is_short_counts() =>
        Assert.Equal(
            ["both"], Victims([("cpu", "1"), ("memory", "1Gi")], Pod("cpu", cpu: "8"), Pod("memory", memory: "8Gi"), Pod("both", cpu: "1", memory: "1Gi")));

    [Fact]
    public void Another_that_the_node_needs_goes_only_for_a_greater_priority()
    {
        Assert.Empty(Victims(("cpu", "1"), Pod("system", cpu: "1", priority: 2_000_001_000)));
        Assert.Equal(["lesser"], Victims(("cpu", "1"), Pod("lesser", cpu: "1", priority: 2_000_000_000)));
    }

    [Fact]
    public void Nobody_goes_where_all_together_are_not_enough() => Assert.Empty(Victims(("cpu", "3"), Pod("one", cpu: "1"), Pod("other", cpu: "1")));

    private static IEnumerable<string> Victims((string Resource, string Amount) missing, params Pod[] pods) => Victims([missing], pods);

    private static IEnumerable<string> Victims((string Resource, string Amount)[] missing, params Pod[] pods) =>
        Preemption.Victims(
            Pod("critical", priority: 2_000_001_000), pods, missing.ToDictionary(amount => amount.Resource, amount => Quantity.Parse(amount.Amount)))
            .Select(pod => pod.Name);

    private static Pod Pod(string name, string? cpu = null, string? memory = null, bool isGuaranteed = false, int? priority = null)
    {
        var requests = new Dictionary<string, Quantity>();
        if (cpu is not null)
            requests["cpu"] = Quantity.Parse(cpu);
        if (memory is not null || isGuaranteed)
            requests["memory"] = Quantity.Parse(memory ?? "1Mi");
        var resources = new ResourceRequirements { Requests = requests, Limits = isGuaranteed ? requests : null };
        return new Pod
        {
            Metadata = new() { Name = name, Namespace = "default" },
            Spec = new PodSpec { Priority = priority, Containers = [new Container { Name = "main", Resources = resources }] },
        };
    }
}
