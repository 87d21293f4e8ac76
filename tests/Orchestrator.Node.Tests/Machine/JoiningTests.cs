using System.Net;
using Orchestrator.Host;
using Orchestrator.Host.Commands;
using Orchestrator.Host.Machine;
using Orchestrator.Host.Profiles;

namespace Orchestrator.Node.Tests.Machine;

/// <summary>What a machine that joins is told, and what it refuses.</summary>
public sealed class JoiningTests
{
    [Fact]
    public void The_unit_of_an_agent_leaves_its_pods_alone_when_it_fails_and_stops_them_with_the_machine()
    {
        string unit = InstallCommand.Unit(Profile.Of("web"), "/opt/orchestrator", isAgent: true);

        Assert.Contains("ExecStart=/opt/orchestrator agent --profile web\n", unit);
        Assert.Contains("ExecStop=/opt/orchestrator stop --profile web\n", unit);
        Assert.Contains("KillMode=process\n", unit);
        Assert.Contains("Restart=on-failure\n", unit);
    }

    [Theory]
    [InlineData("Two")]
    [InlineData("")]
    [InlineData("-a")]
    [InlineData("a_b")]
    public void What_cannot_be_a_nodes_name_is_refused(string name) =>
        Assert.Contains($"\"{name}\" is no node's name", Assert.Throws<CommandException>(() => AgentCommand.ReadNodeName(name)).Message);

    [Theory]
    [InlineData("nonsense", "is no IPv4 address")]
    [InlineData("127.0.0.1", "is no IPv4 address")]
    [InlineData("fd00::1", "is no IPv4 address")]
    [InlineData("192.0.2.77", "none of this machine's links has the address")]
    public void An_address_that_others_could_not_reach_is_refused(string text, string problem) =>
        Assert.Contains(problem, Assert.Throws<CommandException>(() => HostNetwork.Parse(text)).Message);

    [Fact]
    public void Times_are_Kubernetes_own_where_nothing_is_said_and_what_is_said_comes_back_as_flags()
    {
        var usual = new NodeTimings();
        var faster = new NodeTimings { MonitorGracePeriod = "8s", LeaseDuration = "8s", UnreachableTolerationSeconds = 5, EvictionRate = 0.5 };

        Assert.Equal((40, 40, 0.1), (usual.Health.GracePeriod.TotalSeconds, usual.Lease.TotalSeconds, usual.Health.EvictionRate));
        Assert.Empty(usual.Checked().Arguments());
        Assert.Equal((8, 8, 0.5), (faster.Health.GracePeriod.TotalSeconds, faster.Lease.TotalSeconds, faster.Health.EvictionRate));
        Assert.Equal(
            ["--node-monitor-grace-period", "8s", "--node-eviction-rate", "0.5", "--default-unreachable-toleration-seconds", "5", "--node-lease-duration", "8s"],
            faster.Checked().Arguments());
    }

    [Fact]
    public void A_grace_in_which_nodes_say_nothing_is_refused_with_what_to_give() => Assert.Equal(
        "--node-monitor-grace-period: nodes tell of themselves every 10 s and would be taken for dead: give at least 20s, or a shorter --node-lease-duration",
        Assert.Throws<CommandException>(() => new NodeTimings { MonitorGracePeriod = "5s" }.Checked()).Message);

    [Theory]
    [InlineData("soon")]
    [InlineData("-5s")]
    [InlineData("0s")]
    public void A_time_that_is_none_is_refused(string text) =>
        Assert.Contains($"\"{text}\" is no duration", Assert.Throws<CommandException>(() => new NodeTimings { LeaseDuration = text }.Checked()).Message);

    [Fact]
    public void A_node_in_the_machines_own_network_has_a_bridge_and_a_network_of_its_own_name()
    {
        NodePlace one = NodePlace.Of("/home/a/profiles/web", "web"), other = NodePlace.Of("/home/b/profiles/web", "web");
        var network = new HostNetwork(one, IPAddress.Parse("10.0.0.1"));

        Assert.Null(network.Namespace);
        Assert.NotEqual(one.PodBridge, other.PodBridge);
        Assert.True(one.PodBridge.Length < 16, "a link's name has at most 15 characters");
        Assert.Contains($"\"bridge\":\"{one.PodBridge}\"", CniConfiguration.Text(one, network, "10.244.1.0/24"));
        Assert.Contains($"\"name\":\"{one.CniNetwork}\"", CniConfiguration.Text(one, network, "10.244.1.0/24"));
    }
}
