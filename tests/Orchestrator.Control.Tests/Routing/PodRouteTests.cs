using Orchestrator.Control.Routing;

namespace Orchestrator.Control.Tests.Routing;

public sealed class PodRouteTests
{
    private static Node NodeAt(string name, string? address, string? cidr) => new()
    {
        Metadata = new ObjectMeta { Name = name },
        Spec = new NodeSpec { PodCIDR = cidr },
        Status = new NodeStatus { Addresses = address is null ? null : [new NodeAddress { Type = "Hostname", Address = name }, new NodeAddress { Type = "InternalIP", Address = address }] },
    };

    private static IReadOnlyList<PodRoute> Wanted(params Node[] nodes) => PodRoute.Wanted(nodes, "a", "10.0.0.1", "10.244.0.0/16");

    [Fact]
    public void Every_other_nodes_pods_are_reached_by_its_address() => Assert.Equal(
        [new PodRoute("10.244.1.0/24", "10.0.0.2"), new PodRoute("10.244.2.0/24", "10.0.0.3")],
        Wanted(NodeAt("a", "10.0.0.1", "10.244.0.0/24"), NodeAt("c", "10.0.0.3", "10.244.2.0/24"), NodeAt("b", "10.0.0.2", "10.244.1.0/24")));

    [Fact]
    public void A_node_without_an_address_or_a_range_yet_has_no_route() =>
        Assert.Empty(Wanted(NodeAt("b", null, "10.244.1.0/24"), NodeAt("c", "10.0.0.3", null)));

    [Theory]
    [InlineData("10.244.1.0/24", "10.0.0.1")] // It has our address: another cluster member on this machine.
    [InlineData("10.0.0.0/24", "10.0.0.2")]
    [InlineData("0.0.0.0/0", "10.0.0.2")]
    [InlineData("10.244.0.0/16", "10.0.0.2")]
    [InlineData("nonsense", "10.0.0.2")]
    [InlineData("10.244.1.0/24", "fd00::2")]
    public void A_node_that_says_nonsense_draws_no_traffic(string cidr, string address) => Assert.Empty(Wanted(NodeAt("b", address, cidr)));

    [Fact]
    public void Of_two_nodes_that_name_the_same_range_the_first_has_it() =>
        Assert.Equal([new PodRoute("10.244.1.0/24", "10.0.0.2")], Wanted(NodeAt("c", "10.0.0.3", "10.244.1.0/24"), NodeAt("b", "10.0.0.2", "10.244.1.0/24")));

    [Fact]
    public void What_stands_is_left_what_leads_elsewhere_is_replaced_and_what_is_stale_goes()
    {
        var present = PodRoute.Read("10.244.1.0/24 via 10.0.0.2 dev eth0 \n10.244.2.0/24 via 10.0.0.9 dev eth0 \n10.244.7.0/24 via 10.0.0.7 dev eth0 linkdown \n");

        var (stale, missing) = PodRoute.Difference(
            present, [new PodRoute("10.244.1.0/24", "10.0.0.2"), new PodRoute("10.244.2.0/24", "10.0.0.3"), new PodRoute("10.244.3.0/24", "10.0.0.4")]);

        Assert.Equal([new PodRoute("10.244.7.0/24", "10.0.0.7")], stale);
        Assert.Equal([new PodRoute("10.244.2.0/24", "10.0.0.3"), new PodRoute("10.244.3.0/24", "10.0.0.4")], missing);
    }
}
