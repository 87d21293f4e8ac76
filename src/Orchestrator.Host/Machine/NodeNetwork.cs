using System.Net;
using System.Net.NetworkInformation;
using Orchestrator.Control.Dns;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Host.Machine;

/// <summary>The node's network namespace and its link to the machine; what leaves it bears the machine's address.</summary>
/// <remarks>
/// The machine gets: one end of a veth pair, a table of nft rules of its own, forwarding of packets, and, where its firewall drops what
/// is forwarded (Docker's does), two accepts for the link. All of it is taken away again.
/// </remarks>
internal sealed class NodeNetwork(NodePlace place, NodeSubnet subnet) : INodeNetwork
{
    /// <summary>The node's end of the link, as the first of any machine's is called.</summary>
    private const string NodeLink = "eth0";

    private const string Forwarding = "/proc/sys/net/ipv4/ip_forward";

    public NetworkNamespace? Namespace { get; } = new(place.NamespaceFile);

    public IPAddress NodeAddress => subnet.NodeAddress;

    public string Bridge => "cni0";

    public string CniNetwork => "orchestrator";

    public int NameServerPort => NameServerObjects.Port;

    /// <summary>Makes what is missing; a node that runs is not disturbed.</summary>
    /// <exception cref="CommandException">The machine refuses.</exception>
    public async Task EnsureAsync()
    {
        if (!File.Exists(place.NamespaceFile))
        {
            await MachineTool.RunAsync("ip", ["netns", "add", place.Name]);
            PodAddresses.FreeAll(place); // Nobody can be in it yet.
        }
        if (!Array.Exists(NetworkInterface.GetAllNetworkInterfaces(), link => link.Name == place.HostLink))
            await LinkAsync();
        await AllowForwardingAsync();
        await MachineTool.RunAsync("nft", ["-f", "-"], Rules());
        await OpenFirewallAsync();
    }

    /// <summary>Takes all away that is there.</summary>
    public static async Task RemoveAsync(NodePlace place)
    {
        await MachineTool.TryAsync("nft", ["delete", "table", "ip", place.Name]);
        foreach (string[] rule in Accepts(place))
            await MachineTool.TryAsync("iptables", ["-w", "-D", "FORWARD", .. rule]);
        await MachineTool.TryAsync("ip", ["link", "del", place.HostLink]);
        if (File.Exists(place.NamespaceFile))
            await MachineTool.RunAsync("ip", ["netns", "del", place.Name]);
        if (File.Exists(place.ForwardingBefore))
        {
            await File.WriteAllTextAsync(Forwarding, await File.ReadAllTextAsync(place.ForwardingBefore));
            File.Delete(place.ForwardingBefore);
        }
    }

    private async Task LinkAsync()
    {
        await MachineTool.RunAsync("ip", ["-batch", "-"], $"""
            link add {place.HostLink} type veth peer name {NodeLink} netns {place.Name}
            addr add {subnet.HostAddress}/{subnet.Network.PrefixLength} dev {place.HostLink}
            link set {place.HostLink} up

            """);
        await MachineTool.RunAsync("ip", ["-n", place.Name, "-batch", "-"], $"""
            link set lo up
            addr add {subnet.NodeAddress}/{subnet.Network.PrefixLength} dev {NodeLink}
            link set {NodeLink} up
            route add default via {subnet.HostAddress}

            """);
    }

    private async Task AllowForwardingAsync()
    {
        string before = await File.ReadAllTextAsync(Forwarding);
        if (before.Trim() == "1")
            return;
        await File.WriteAllTextAsync(place.ForwardingBefore, before);
        await File.WriteAllTextAsync(Forwarding, "1");
    }

    private string Rules() => $$"""
        table ip {{place.Name}} {
        }
        delete table ip {{place.Name}}
        table ip {{place.Name}} {
            chain postrouting {
                type nat hook postrouting priority srcnat; policy accept;
                ip saddr {{subnet.Network}} oifname != "{{place.HostLink}}" masquerade
            }
        }

        """;

    private async Task OpenFirewallAsync()
    {
        var (code, chain, _) = await MachineTool.TryAsync("iptables", ["-w", "-S", "FORWARD"]);
        if (code != 0 || !chain.StartsWith("-P FORWARD DROP", StringComparison.Ordinal))
            return;
        foreach (string[] rule in Accepts(place))
        {
            if ((await MachineTool.TryAsync("iptables", ["-w", "-C", "FORWARD", .. rule])).Code != 0)
                await MachineTool.RunAsync("iptables", ["-w", "-I", "FORWARD", .. rule]);
        }
    }

    private static string[][] Accepts(NodePlace place) =>
    [
        ["-i", place.HostLink, "-m", "comment", "--comment", place.Name, "-j", "ACCEPT"],
        ["-o", place.HostLink, "-m", "comment", "--comment", place.Name, "-j", "ACCEPT"],
    ];
}
