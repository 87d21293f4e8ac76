using static Orchestrator.Control.Proxying.ProxyNames;

namespace Orchestrator.Control.Proxying;

/// <summary>The whole of what a node's kernel shall know of services.</summary>
/// <remarks>
/// One table of a family. A packet meets, in this order: the sources that a load balancer allows; translation by maps, so that the
/// number of services does not matter; what was not translated although it is for a service; and, on its way out, masquerade of
/// what is marked and of what goes back to its own sender.
/// <para>Refusals come before routing, not in the forward hook: they work without a route to cluster IPs.</para>
/// </remarks>
public sealed class ProxyTable
{
    // The bit that kube-proxy uses, so that rules of others that know it keep off it.
    private const string Mark = "0x4000";

    private ProxyTable(NftTable table, UdpServices udpServices, IReadOnlyList<ServiceHealth> health) =>
        (Table, UdpServices, Health) = (table, udpServices, health);

    public NftTable Table { get; }

    public UdpServices UdpServices { get; }

    public IReadOnlyList<ServiceHealth> Health { get; }

    /// <summary>Puts the services' rules together. An address or node port that two of them have is the older one's.</summary>
    public static ProxyTable Compose(ProxySettings settings, IEnumerable<ServiceRules> services)
    {
        var table = new NftTable(settings.Family, settings.TableName, "services of the cluster; written by orchestrator, changes are undone");
        AddSets(table, settings);
        AddChains(table, settings);
        var udpPorts = new List<UdpPort>();
        var health = new List<ServiceHealth>();
        var ordered = services.OrderBy(rules => rules.Created)
            .ThenBy(rules => rules.Service.Namespace, StringComparer.Ordinal).ThenBy(rules => rules.Service.Name, StringComparer.Ordinal);
        foreach (var rules in ordered)
        {
            foreach (var (set, key, element) in rules.Elements)
                table.Sets[set].Elements.TryAdd(key, element);
            foreach (var chain in rules.Chains)
                table.Chains.TryAdd(chain.Name, chain);
            foreach (var set in rules.Sets)
                table.Sets.TryAdd(set.Name, set);
            udpPorts.AddRange(rules.UdpPorts);
            if (rules.Health is { } checks)
                health.Add(checks);
        }
        return new ProxyTable(table, new UdpServices(udpPorts, NodeAddresses(settings)), health);
    }

    private static void AddSets(NftTable table, ProxySettings settings)
    {
        string address = settings.Family.AddressType();
        AddSet(table, ClusterIps, $"type {address};", "all cluster IPs", []);
        AddSet(table, HairpinEndpoints, $"type {address} . {address};", "endpoints of this node that may meet themselves", []);
        if (settings.Family.Ranges(settings.PodCidrs) is { Count: > 0 } pods)
            AddSet(table, PodCidrs, $"type {address}; flags interval;", "the pod network", pods);
        if (NodeAddresses(settings) is { Count: > 0 } nodes)
            AddSet(table, NodePortIps, $"type {address};", "where node ports are open", nodes);
        string service = $"type {address} . inet_proto . inet_service : verdict;";
        const string NodePort = "type inet_proto . inet_service : verdict;";
        AddMap(table, ServiceIps, service, "cluster, external and load balancers' addresses");
        AddMap(table, ServiceNodePorts, NodePort, "node ports");
        AddMap(table, NoEndpointServices, service, "addresses that nobody is behind");
        AddMap(table, NoEndpointNodePorts, NodePort, "node ports that nobody is behind");
        AddMap(table, FirewallIps, service, "load balancers' addresses that not everybody may use");
    }

    private static void AddSet(NftTable table, string name, string type, string comment, IEnumerable<string> elements)
    {
        var set = new NftSet(name, $"{type} comment \"{comment}\";", isMap: false);
        foreach (string element in elements)
            set.Elements.Add(element, new NftElement());
        table.Add(set);
    }

    private static void AddMap(NftTable table, string name, string type, string comment) =>
        table.Add(new NftSet(name, $"{type} comment \"{comment}\";", isMap: true));

    private static void AddChains(NftTable table, ProxySettings settings)
    {
        string ip = settings.Family.Keyword();
        string service = $"{ip} daddr . meta l4proto . th dport";
        string nodePort = (NodeAddresses(settings).Count > 0 ? $"{ip} daddr @{NodePortIps}"
            : settings.Family == IpFamily.IPv4 ? "fib daddr type local ip daddr != 127.0.0.0/8"
            : "fib daddr type local ip6 daddr != ::1") + " meta l4proto . th dport";

        table.Add(new NftChain(Masquerade, [new($"meta mark set meta mark | {Mark}", "postrouting masquerades it")]));
        table.Add(new NftChain(Reject,
        [
            new("meta l4proto tcp reject with tcp reset", "refused at once"),
            new("reject", "unreachable at once"),
        ]));
        table.Add(new NftChain(Services,
        [
            new($"{service} vmap @{ServiceIps}", "by address"),
            new($"{nodePort} vmap @{ServiceNodePorts}", "by node port"),
        ]));
        table.Add(new NftChain("before-translation", [new($"{service} vmap @{FirewallIps}", "who may not use a load balancer's address")]));
        // After it, for a node port of the policy Local may have nobody here for outsiders and somebody elsewhere for pods.
        var left = new List<NftRule>
        {
            new($"{service} vmap @{NoEndpointServices}", "nobody there"),
            new($"{nodePort} vmap @{NoEndpointNodePorts}", "nobody there"),
            new($"{ip} daddr @{ClusterIps} goto {Reject}", "a port that its service does not have"),
        };
        left.AddRange(settings.Family.Ranges(settings.ServiceCidrs).Select(cidr => new NftRule($"{ip} daddr {cidr} drop", "a cluster IP that no service has")));
        table.Add(new NftChain("after-translation", left));

        // Around translation, which is at -100 both for what comes in and for what the node sends itself.
        Hook("filter", "prerouting", "-110", "ct state new jump before-translation");
        Hook("filter", "output", "-110", "ct state new jump before-translation");
        Hook("nat", "prerouting", "-100", $"jump {Services}");
        Hook("nat", "output", "-100", $"jump {Services}");
        Hook("filter", "prerouting", "-90", "ct state new jump after-translation");
        Hook("filter", "output", "-90", "ct state new jump after-translation");
        table.Add(new NftChain("nat-postrouting", Postrouting(settings), "type nat hook postrouting priority 100"));

        void Hook(string type, string hook, string priority, string rule)
        {
            string place = type == "nat" ? "" : priority == "-110" ? "-before-nat" : "-after-nat";
            table.Add(new NftChain($"{type}-{hook}{place}", [new(rule, "services")], $"type {type} hook {hook} priority {priority}"));
        }
    }

    private static List<NftRule> Postrouting(ProxySettings settings)
    {
        string ip = settings.Family.Keyword();
        var rules = new List<NftRule>
        {
            new($"meta mark & {Mark} != 0 meta mark set meta mark ^ {Mark} masquerade fully-random", "marked above"),
            new($"ct status dnat {ip} saddr . {ip} daddr @{HairpinEndpoints} masquerade fully-random", "back to its own sender"),
        };
        if (settings.MasqueradesPodTraffic && settings.Family.Ranges(settings.PodCidrs).Count > 0)
            rules.Add(PodMasquerade.Rule(settings.Family, PodCidrs));
        return rules;
    }

    private static List<string> NodeAddresses(ProxySettings settings) =>
        [.. settings.NodeAddresses.Select(address => settings.Family.Canonical(address)).OfType<string>().Distinct()];
}
