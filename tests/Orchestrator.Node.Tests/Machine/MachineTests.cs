using System.Net;
using Orchestrator.Host;
using Orchestrator.Host.Machine;

namespace Orchestrator.Node.Tests.Machine;

/// <summary>What a node takes from its machine, and what it is told there.</summary>
public sealed class MachineTests
{
    [Fact]
    public void A_node_takes_the_first_small_network_that_touches_none_of_the_machines()
    {
        NodeSubnet free = NodeSubnet.Free([IPNetwork.Parse("192.168.49.0/24"), IPNetwork.Parse("192.168.50.128/25"), IPNetwork.Parse("10.0.0.0/8")]);

        Assert.Equal("192.168.51.0/24", free.ToString());
        Assert.Equal(("192.168.51.1", "192.168.51.2"), (free.HostAddress.ToString(), free.NodeAddress.ToString()));
    }

    [Fact]
    public void A_machine_whose_network_has_all_of_them_is_told_what_to_give()
    {
        var refusal = Assert.Throws<CommandException>(() => NodeSubnet.Free([IPNetwork.Parse("192.168.0.0/16")]));

        Assert.EndsWith("give one with --node-subnet", refusal.Message);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("10.1.0.0/31")]
    [InlineData("fd00::/64")]
    public void A_network_without_room_for_a_machine_and_a_node_is_refused(string text) =>
        Assert.Contains($"\"{text}\" is no IPv4 network", Assert.Throws<CommandException>(() => NodeSubnet.Parse(text)).Message);

    [Fact]
    public void Clusters_of_one_name_in_two_places_have_nothing_in_common()
    {
        NodePlace one = NodePlace.Of("/home/a/profiles/web", "web"), other = NodePlace.Of("/home/b/profiles/web", "web");

        Assert.NotEqual(one.Name, other.Name);
        Assert.NotEqual(one.HostLink, other.HostLink);
        Assert.True(one.HostLink.Length < 16, "a link's name has at most 15 characters");
    }

    [Fact]
    public void What_the_machine_is_comes_from_its_own_files()
    {
        Assert.Equal("Debian GNU/Linux 12 (bookworm)", MachineFacts.NameIn(["NAME=\"Debian GNU/Linux\"", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\""]));
        Assert.Null(MachineFacts.NameIn(["NAME=x"]));
        Assert.Equal(24683624, MachineFacts.MemoryKibibytes(["MemTotal:       24683624 kB", "MemFree: 1 kB"]));
    }

    [Theory]
    [InlineData("CapEff:\t000001ffffffffff", true)]
    [InlineData("CapEff:\t00000000a80425fb", false)]
    public void Whether_processes_may_be_protected_from_the_memory_killer_is_a_right_of_this_one(string line, bool expected) =>
        Assert.Equal(expected, ContainerdConfiguration.HasCapability(["Name:\tx", line], 24));

    [Theory]
    [InlineData("containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3", "1.6.20~ds1", "version = 2")]
    [InlineData("containerd github.com/containerd/containerd/v2 v2.1.9 1c4457e00facac03ce1d75f7b6777a7a851e5c41", "2.1.9", "version = 3")]
    public void Each_containerd_is_told_in_its_own_words(string output, string expectedVersion, string expectedFirstLine)
    {
        string version = ContainerdConfiguration.VersionOf(output);

        Assert.Equal(expectedVersion, version);
        Assert.StartsWith(expectedFirstLine, ContainerdConfiguration.Text(NodePlace.Of("/data", "web"), version, "/usr/lib/cni"));
    }

    [Theory]
    [InlineData("/usr/bin:/bin", "/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin")]
    [InlineData("/sbin:/usr/bin", "/sbin:/usr/bin:/usr/local/sbin:/usr/sbin")]
    [InlineData("", "/usr/local/sbin:/usr/sbin:/sbin")]
    public void Programs_of_administrators_are_found_whatever_the_users_path(string path, string expected) =>
        Assert.Equal(expected, ProgramPath.Widened(path));

    [Fact]
    public void A_mounts_path_is_read_with_its_blanks() => Assert.Equal("/a b/c", NodeEnding.Unescaped(@"/a\040b/c"));
}
