using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Orchestrator.Host.Serving;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Proxy;
using Orchestrator.Runtime.Routing;

namespace Orchestrator.Host.Machine;

/// <summary>A node in the machine's own network, as nodes of several machines must be: its bridge, rules and routes lie beside the machine's.</summary>
/// <remarks>
/// The machine gets: a bridge, tables of nft rules, routes with a number of their own, the port rules of CNI's plugin, forwarding of packets,
/// and, where its firewall drops what is forwarded, two accepts for the bridge. All is taken away by <see cref="RemoveAsync"/>, and what was
/// set is set back.
/// </remarks>
internal sealed partial class HostNetwork(NodePlace place, IPAddress nodeAddress) : INodeNetwork
{
    private const int Port = 10053;

    /// <summary>For documentation (RFC 5737): nothing is sent to it, the route alone is looked up.</summary>
    private static readonly IPEndPoint Elsewhere = new(IPAddress.Parse("192.0.2.1"), 9);

    /// <summary>What the node sets, and the service proxy after it.</summary>
    private static readonly string[] Settings = ["ipv4/ip_forward", "bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables"];

    public NetworkNamespace? Namespace => null;

    public IPAddress NodeAddress => nodeAddress;

    public string Bridge => place.PodBridge;

    public string CniNetwork => place.CniNetwork;

    /// <summary>Not 53: many machines have a name server of their own there.</summary>
    public int NameServerPort => Port;

    /// <summary>The address by which other machines know this one: that of its way out, else its first.</summary>
    /// <exception cref="CommandException">It has none.</exception>
    public static IPAddress AddressOfMachine()
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(Elsewhere);
            if (((IPEndPoint)socket.LocalEndPoint!).Address is var address && !IPAddress.IsLoopback(address))
                return address;
        }
        catch (SocketException)
        {
            // No way out: a machine on a network of its own.
        }
        return Addresses().FirstOrDefault(address => !IPAddress.IsLoopback(address))
            ?? throw new CommandException("this machine has no address by which others reach it: give one with --node-ip");
    }

    /// <exception cref="CommandException">It is no IPv4 address of this machine.</exception>
    public static IPAddress Parse(string text)
    {
        if (!IPAddress.TryParse(text, out var address) || address.AddressFamily != AddressFamily.InterNetwork || IPAddress.IsLoopback(address))
            throw new CommandException($"--node-ip: \"{text}\" is no IPv4 address by which other machines could reach this one");
        return Addresses().Contains(address) ? address : throw new CommandException($"--node-ip: none of this machine's links has the address {address}");
    }

    public async Task EnsureAsync()
    {
        Remember();
        if (!Array.Exists(NetworkInterface.GetAllNetworkInterfaces(), link => link.Name == place.PodBridge))
            PodAddresses.FreeAll(place); // No pod has a link.
        File.WriteAllText(PathOf(Settings[0]), "1");
        await MachineTool.RunAsync("nft", ["-f", "-"], Rules());
        await OpenFirewallAsync();
    }

    /// <summary>Takes all away that is there.</summary>
    public static async Task RemoveAsync(NodePlace place)
    {
        if (!File.Exists(place.HostNetworkBefore))
            return; // The node is elsewhere.
        await MachineTool.TryAsync("nft", ["delete", "table", "ip", place.Name]);
        await ServiceProxy.RemoveAsync(new ServiceProxyOptions { NodeName = place.Name, ServiceCidr = ControlPlane.ServiceRange });
        await NodeRoutes.RemoveAsync(null);
        foreach (string[] rule in Accepts(place))
            await MachineTool.TryAsync("iptables", ["-w", "-D", "FORWARD", .. rule]);
        await RemovePortsAsync(place);
        await MachineTool.TryAsync("ip", ["link", "del", place.PodBridge]);
        foreach (string line in await File.ReadAllLinesAsync(place.HostNetworkBefore))
        {
            if (line.Split('=') is [var setting, var value] && File.Exists(PathOf(setting)))
                await File.WriteAllTextAsync(PathOf(setting), value);
        }
        File.Delete(place.HostNetworkBefore);
    }

    /// <summary>What the machine's settings were before the node, once.</summary>
    private void Remember()
    {
        if (File.Exists(place.HostNetworkBefore))
            return;
        File.WriteAllLines(place.HostNetworkBefore + ".new",
            Settings.Where(setting => File.Exists(PathOf(setting))).Select(setting => $"{setting}={File.ReadAllText(PathOf(setting)).Trim()}"));
        File.Move(place.HostNetworkBefore + ".new", place.HostNetworkBefore);
    }

    /// <summary>The node's name server is its pods' alone: strangers would have it ask for them.</summary>
    private string Rules() => string.Create(CultureInfo.InvariantCulture, $$"""
        table ip {{place.Name}} {
        }
        delete table ip {{place.Name}}
        table ip {{place.Name}} {
            chain input {
                type filter hook input priority filter; policy accept;
                iifname != "lo" ip saddr != {{ControlPlane.PodRange}} ip daddr {{nodeAddress}} meta l4proto { tcp, udp } th dport {{Port}} drop
            }
        }

        """);

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
        ["-i", place.PodBridge, "-m", "comment", "--comment", place.Name, "-j", "ACCEPT"],
        ["-o", place.PodBridge, "-m", "comment", "--comment", place.Name, "-j", "ACCEPT"],
    ];

    /// <summary>Those of pods that were killed: CNI's plugin for ports writes a chain a pod, and names the network in a comment.</summary>
    private static async Task RemovePortsAsync(NodePlace place)
    {
        var (code, rules, _) = await MachineTool.TryAsync("iptables", ["-w", "-t", "nat", "-S"]);
        if (code != 0)
            return;
        foreach (string rule in rules.Split('\n').Where(line => line.StartsWith("-A ", StringComparison.Ordinal) && line.Contains($"\\\"{place.CniNetwork}\\\"", StringComparison.Ordinal)))
        {
            if (Chain().Match(rule) is not { Success: true } chain)
                continue;
            await MachineTool.TryAsync("/bin/sh", ["-c", "iptables -w -t nat " + "-D " + rule[3..]]);
            await MachineTool.TryAsync("iptables", ["-w", "-t", "nat", "-F", chain.Value]);
            await MachineTool.TryAsync("iptables", ["-w", "-t", "nat", "-X", chain.Value]);
        }
    }

    private static IEnumerable<IPAddress> Addresses() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(link => link.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown)
        .SelectMany(link => link.GetIPProperties().UnicastAddresses).Select(unicast => unicast.Address)
        .Where(address => address.AddressFamily == AddressFamily.InterNetwork);

    private static string PathOf(string setting) => "/proc/sys/net/" + setting;

    [GeneratedRegex("CNI-DN-[0-9a-f]+")]
    private static partial Regex Chain();
}
