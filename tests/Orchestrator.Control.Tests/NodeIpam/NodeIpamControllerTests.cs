using Orchestrator.Control.NodeIpam;

namespace Orchestrator.Control.Tests.NodeIpam;

public sealed class NodeIpamControllerTests
{
    private readonly FakeCluster _cluster = new();

    private void Allocate(string node, params string[] clusters) => _cluster.Settle(
        NodeIpamController.Describe(clusters.Select(c => (CidrBlock.Parse(c), c.Contains(':') ? 64 : 24)).ToList()),
        new NamespacedName("", node));

    [Fact]
    public void Each_node_gets_the_first_free_range()
    {
        _cluster.With(Make.Node("a"), Make.Node("b"), Make.Node("c"));
        foreach (string node in new[] { "a", "b", "c" })
            Allocate(node, "10.244.0.0/16");
        _cluster.Remove(_cluster.Get<Node>("", "b")!);
        _cluster.With(Make.Node("d"));

        Allocate("d", "10.244.0.0/16");

        Assert.Equal(["a 10.244.0.0/24", "c 10.244.2.0/24", "d 10.244.1.0/24"],
            _cluster.List<Node>().Select(node => $"{node.Name} {node.Spec.PodCIDR}").Order());
    }

    [Fact]
    public void Two_families_give_two_ranges()
    {
        _cluster.With(Make.Node("a"));

        Allocate("a", "10.244.0.0/16", "fd00:10:244::/56");

        Assert.Equal(["10.244.0.0/24", "fd00:10:244::/64"], _cluster.Get<Node>("", "a")!.Spec.PodCIDRs!);
    }

    [Fact]
    public void When_all_ranges_are_taken_the_node_is_told_so()
    {
        _cluster.With(Make.Node("a"), Make.Node("b"));
        Allocate("a", "10.244.0.0/24");

        var decision = _cluster.Reconcile(
            NodeIpamController.Describe([(CidrBlock.Parse("10.244.0.0/24"), 24)]), new NamespacedName("", "b"));

        Assert.True(decision.RetryWithBackoff);
        Assert.Contains("Normal CIDRNotAvailable Node b status is now: CIDRNotAvailable", _cluster.Events);
    }

    [Theory]
    [InlineData("10.244.3.7/16", "10.244.0.0/16")]
    [InlineData("::/0", "::/0")]
    [InlineData("fd00:0:0:1::/64", "fd00:0:0:1::/64")]
    [InlineData("2001:db8:0:0:1:0:0:1/128", "2001:db8::1:0:0:1/128")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    public void Ranges_are_written_in_their_usual_form(string text, string written) =>
        Assert.Equal(written, CidrBlock.Parse(text).ToString());

    [Theory]
    [InlineData("10.244.0.0")]
    [InlineData("10.244.0/16")]
    [InlineData("10.244.0.0/33")]
    [InlineData("fd00:::/64")]
    [InlineData("1:2:3/64")]
    public void What_is_no_range_is_refused(string text) => Assert.Throws<FormatException>(() => CidrBlock.Parse(text));
}
