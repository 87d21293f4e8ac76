using KvStore.Testing.Linux;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Node.Tests.Live.Proxy;

/// <summary>A node in network namespaces of the test's own: a bridge with pods on it, and a machine outside; gone at the end.</summary>
/// <remarks>
/// <code>
/// pods a 10.244.0.2, b 10.244.0.3, c 10.244.0.4 -- cni0 10.244.0.1 [node] 192.168.77.1 -- 192.168.77.2 [outside]
/// </code>
/// The node has no default route, as one without a network of its own.
/// </remarks>
internal sealed class ProxyNetwork : IAsyncDisposable
{
    public const string NodeIp = "192.168.77.1";
    public const string OutsideIp = "192.168.77.2";
    public const string BridgeIp = "10.244.0.1";
    public const int PodPort = 8080;

    private const string Prefix = "orchestrator-proxy";
    private static int _count;

    private readonly string _name;
    private readonly List<string> _namespaces = [];
    private readonly List<EchoServer> _servers = [];

    private ProxyNetwork()
    {
        RemoveThoseOfTheDead();
        _name = $"{Prefix}-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}";
    }

    public NetworkNamespace Node { get; private set; } = null!;

    public NetworkNamespace Outside { get; private set; } = null!;

    public IReadOnlyDictionary<string, NetworkNamespace> Pods => _pods;

    private readonly Dictionary<string, NetworkNamespace> _pods = [];

    /// <summary>Makes it, with a server in each pod and outside that tells its name and who asks.</summary>
    public static async Task<ProxyNetwork> StartAsync()
    {
        if (Requirements.Missing() is { } missing)
            throw new InvalidOperationException(missing);
        var network = new ProxyNetwork();
        try
        {
            network.Make();
            foreach (var (name, pod) in network._pods.Append(new("outside", network.Outside)))
                network._servers.Add(await EchoServer.StartAsync(pod, name, PodPort));
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    public static string AddressOf(string pod) => $"10.244.0.{2 + pod[0] - 'a'}";

    /// <summary>Runs a program within the node.</summary>
    public string RunInNode(string program, params string[] arguments) =>
        Tools.Run("nsenter", [$"--net={Node.Path}", program, .. arguments]);

    /// <summary>Tells a rule to the node's kernel.</summary>
    public void Nft(string command) => RunInNode("nft", command);

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
            await server.DisposeAsync();
        foreach (string name in _namespaces)
            Tools.Run("ip", "netns", "del", name);
        Assert.DoesNotContain(Directory.EnumerateFiles("/run/netns"), file => Path.GetFileName(file).StartsWith(_name + "-", StringComparison.Ordinal));
    }

    private void Make()
    {
        Node = Add("node");
        Ip(Node, "link add cni0 type bridge");
        Ip(Node, $"addr add {BridgeIp}/24 dev cni0");
        Ip(Node, "link set cni0 up");
        foreach (string name in (string[])["a", "b", "c"])
        {
            var pod = _pods[name] = Add(name);
            Join(pod, "pod-" + name, AddressOf(name), BridgeIp);
            // A pod may meet itself through the bridge, as the CNI plugin's hairpinMode lets it.
            Ip(Node, $"link set pod-{name} master cni0");
            Ip(Node, $"link set pod-{name} type bridge_slave hairpin on");
        }
        Outside = Add("outside");
        Join(Outside, "ext", OutsideIp, NodeIp);
        Ip(Node, $"addr add {NodeIp}/24 dev ext");
    }

    private NetworkNamespace Add(string name)
    {
        string full = $"{_name}-{name}";
        Tools.Run("ip", "netns", "add", full);
        _namespaces.Add(full);
        var added = new NetworkNamespace("/run/netns/" + full);
        Ip(added, "link set lo up");
        return added;
    }

    private void Join(NetworkNamespace other, string device, string address, string gateway)
    {
        Ip(Node, $"link add {device} type veth peer name eth0 netns {Path.GetFileName(other.Path)}");
        Ip(Node, $"link set {device} up");
        Ip(other, $"addr add {address}/24 dev eth0");
        Ip(other, "link set eth0 up");
        Ip(other, $"route add default via {gateway}");
    }

    private static void Ip(NetworkNamespace network, string arguments) =>
        Tools.Run("ip", ["-n", Path.GetFileName(network.Path), .. arguments.Split(' ')]);

    private static void RemoveThoseOfTheDead()
    {
        if (!Directory.Exists("/run/netns"))
            return;
        foreach (string name in Directory.EnumerateFiles("/run/netns", Prefix + "-*").Select(file => Path.GetFileName(file)))
        {
            if (int.TryParse(name.Split('-')[2], out int owner) && !Directory.Exists($"/proc/{owner}"))
                Tools.Run("ip", "netns", "del", name);
        }
    }
}
