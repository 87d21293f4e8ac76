using System.Text;
using System.Text.Json;

namespace KvStore.Chaos.Rig;

/// <summary>The switch that all are connected to, in the network namespace of the run itself: two bridges, one for peers and one
/// for clients.</summary>
/// <remarks>
/// <code>
///              bridge "peers" 10.1.0.1/24          bridge "clients" 10.2.0.1/24
///               m1p    m2p    m3p                   m1c    m2c    m3c    traffic
///                |      |      |                     |      |      |       |
/// namespace:  m1:peer m2:peer m3:peer             m1:client  ...        traffic:client
///            10.1.0.11  .12    .13               10.2.0.11   ...          10.2.0.2
/// </code>
/// What is lost is lost by rules on what the bridges forward. The run's own questions to members start from the bridge itself, so
/// that no rule hinders them.
/// </remarks>
internal sealed class RigNetwork(string folder, RunLedger ledger)
{
    public const string Peers = "peers";
    public const string Clients = "clients";
    public const string TrafficPort = "traffic";
    public const string TrafficNamespace = "traffic";

    private const string Table = "bridge chaos";
    private const string TrafficAddress = "10.2.0.2";

    private readonly SemaphoreSlim _gate = new(1);
    private readonly SortedDictionary<int, IReadOnlyList<DropRule>> _rules = [];
    private readonly List<string> _namespaces = [];

    public static string PeerAddress(int number) => $"10.1.0.{10 + number}";

    public static string ClientAddress(int number) => $"10.2.0.{10 + number}";

    /// <summary>The switch's end of a member's connection to its peers.</summary>
    public static string PeerPort(string member) => member + "p";

    public static string ClientPort(string member) => member + "c";

    public string NamespaceFile(string name) => Path.Combine(folder, name);

    public async Task BuildAsync(IEnumerable<(string Name, int Number)> members)
    {
        Directory.CreateDirectory(folder);
        var links = new StringBuilder();
        links.AppendLine("link set lo up");
        foreach (var (bridge, address) in new[] { (Peers, "10.1.0.1/24"), (Clients, "10.2.0.1/24") })
        {
            links.AppendLine($"link add {bridge} type bridge").AppendLine($"addr add {address} dev {bridge}");
            links.AppendLine($"link set {bridge} up");
        }
        await Shell.RunAsync("ip", ["-batch", "-"], links.ToString());
        foreach (var (name, number) in members)
        {
            await AddNamespaceAsync(name);
            await ConnectAsync(name, PeerPort(name), "peer", Peers, PeerAddress(number));
            await ConnectAsync(name, ClientPort(name), "client", Clients, ClientAddress(number));
        }
        await AddNamespaceAsync(TrafficNamespace);
        await ConnectAsync(TrafficNamespace, TrafficPort, "client", Clients, TrafficAddress);
        await NftAsync(
            $"add table {Table}\nadd chain {Table} forward {{ type filter hook forward priority 0; policy accept; }}\n");
    }

    /// <summary>Loses what the rules say, from now on, all at once.</summary>
    /// <param name="fault">Whose rules they are.</param>
    public async Task AddRulesAsync(int fault, IReadOnlyList<DropRule> rules)
    {
        await _gate.WaitAsync();
        try
        {
            _rules[fault] = rules;
            await NftAsync($"add counter {Table} {Counter(fault)}\n" + AllRules());
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <returns>How many frames the rules have lost.</returns>
    public async Task<long> RemoveRulesAsync(int fault)
    {
        await _gate.WaitAsync();
        try
        {
            if (!_rules.Remove(fault))
                return 0;
            await NftAsync(AllRules());
            long lost = await CountAsync(fault);
            await NftAsync($"delete counter {Table} {Counter(fault)}\n");
            return lost;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>How a program is started within a namespace, in front of its own words.</summary>
    public IEnumerable<string> Enter(string name) => ["nsenter", $"--net={NamespaceFile(name)}", "--"];

    public Task<string> RunInAsync(string name, string program, params string[] arguments) =>
        Shell.RunAsync("nsenter", [$"--net={NamespaceFile(name)}", "--", program, .. arguments], input: null);

    /// <summary>Lets the namespaces go; with their last process they end.</summary>
    public async Task RemoveAsync()
    {
        foreach (string name in _namespaces)
            await Shell.TryAsync("umount", [NamespaceFile(name)]);
        _namespaces.Clear();
    }

    private async Task AddNamespaceAsync(string name)
    {
        ledger.AddNamespace(name);
        await File.WriteAllTextAsync(NamespaceFile(name), "");
        // The bound file keeps it while nobody is in it.
        await Shell.RunAsync("unshare", $"--net={NamespaceFile(name)}", "true");
        _namespaces.Add(name);
        await RunInAsync(name, "ip", "link", "set", "lo", "up");
    }

    private async Task ConnectAsync(string name, string port, string device, string bridge, string address)
    {
        await Shell.RunAsync("ip", "link", "add", port, "type", "veth", "peer", "name", device);
        await Shell.RunAsync("ip", "link", "set", device, "netns", NamespaceFile(name));
        await Shell.RunAsync("ip", "link", "set", port, "master", bridge, "up");
        await RunInAsync(name, "ip", "addr", "add", address + "/24", "dev", device);
        await RunInAsync(name, "ip", "link", "set", device, "up");
    }

    // The whole chain anew in one batch: nobody sees a state in between.
    private string AllRules()
    {
        var batch = new StringBuilder().AppendLine($"flush chain {Table} forward");
        foreach (var (fault, rules) in _rules)
        {
            foreach (var rule in rules)
                batch.AppendLine($"add rule {Table} forward {rule.ToNft(Counter(fault))}");
        }
        return batch.ToString();
    }

    private static string Counter(int fault) => $"f{fault}";

    private static async Task<long> CountAsync(int fault)
    {
        string answer = await Shell.RunAsync("nft", "-j", "list", "counter", "bridge", "chaos", Counter(fault));
        using var json = JsonDocument.Parse(answer);
        return json.RootElement.GetProperty("nftables").EnumerateArray()
            .Where(item => item.TryGetProperty("counter", out _))
            .Select(item => item.GetProperty("counter").GetProperty("packets").GetInt64()).First();
    }

    private static Task<string> NftAsync(string batch) => Shell.RunAsync("nft", ["-f", "-"], batch);
}
