using Orchestrator.Api.Validation;
using static Orchestrator.Control.Proxying.ServiceRules;

namespace Orchestrator.Control.Proxying;

/// <summary>The rules of one port of a service.</summary>
/// <remarks>
/// <code>
/// service-ips / service-nodeports --> external-X (who is outside, who is masqueraded) --> service-X --> dnat to any endpoint
///                                                                                    \-> local-X  --> dnat to one of this node
/// </code>
/// An endpoint has a chain of its own only where clients stay with theirs: that chain notes the client in the endpoint's set.
/// </remarks>
internal sealed class ServicePortRules
{
    private readonly ProxySettings _settings;
    private readonly IpFamily _family;
    private readonly string _ip;
    private readonly string _what;
    private readonly string _comment;
    private readonly string _protocol;
    private readonly int _port;
    private readonly int _nodePort;
    private readonly int? _affinitySeconds;
    private readonly bool _isInternallyLocal;
    private readonly bool _isExternallyLocal;
    private readonly IReadOnlyList<string> _externalIps;
    private readonly IReadOnlyList<string> _balancerIps;
    private readonly IReadOnlyList<string> _balancerSources;
    private readonly IReadOnlyList<ServiceEndpoint> _endpoints;
    private readonly EndpointChoice _choice;

    public ServicePortRules(Service service, ServicePort port, string ip, IReadOnlyList<ServiceEndpoint> endpoints, ProxySettings settings)
    {
        _settings = settings;
        _family = settings.Family;
        _ip = ip;
        _protocol = (port.Protocol ?? "TCP").ToLowerInvariant();
        _port = port.Port ?? 0;
        _nodePort = port.NodePort ?? 0;
        _what = $"{service.Namespace}/{service.Name}/{_protocol}/{port.Name}";
        _comment = $"{service.Namespace}/{service.Name}{(string.IsNullOrEmpty(port.Name) ? "" : ":" + port.Name)}";
        _affinitySeconds = service.Spec.SessionAffinity == "ClientIP"
            ? service.Spec.SessionAffinityConfig?.ClientIP?.TimeoutSeconds ?? 10_800
            : null;
        _isInternallyLocal = service.Spec.InternalTrafficPolicy == "Local";
        _isExternallyLocal = IsExternallyLocal(service);
        _externalIps = OfFamily(service.Spec.ExternalIPs.OrEmpty());
        // Balancers of the mode Proxy send to node ports: what goes to their address must pass through them.
        _balancerIps = service.Spec.Type != "LoadBalancer" ? []
            : OfFamily((service.Status.LoadBalancer?.Ingress).OrEmpty().Where(ingress => ingress.IpMode is null or "VIP").Select(ingress => ingress.Ip));
        _balancerSources = _family.Ranges(service.Spec.LoadBalancerSourceRanges.OrEmpty());
        _endpoints = endpoints;
        // Traffic of pods and of the node itself goes to any endpoint, also under an external policy of Local.
        _choice = EndpointChoice.Of(
            endpoints,
            usesCluster: !_isInternallyLocal || IsExternal,
            usesLocal: _isInternallyLocal || (_isExternallyLocal && IsExternal),
            settings);
    }

    private bool IsExternal => _nodePort != 0 || _externalIps.Count > 0 || _balancerIps.Count > 0;

    private bool HasInternal => _isInternallyLocal ? _choice.Local.Count > 0 : _choice.HasAny;

    private bool HasExternal => _isExternallyLocal ? _choice.Local.Count > 0 : _choice.HasAny;

    private string Ip => _family.Keyword();

    private string ClusterChain => ProxyNames.Of("service", _what);

    private string LocalChain => ProxyNames.Of("local", _what);

    private string ExternalChain => ProxyNames.Of("external", _what);

    private string FirewallChain => ProxyNames.Of("firewall", _what);

    private string EndpointName(ServiceEndpoint endpoint) => $"{_what}__{endpoint.Address}/{endpoint.PortText}";

    private string EndpointChain(ServiceEndpoint endpoint) => ProxyNames.Of("endpoint", EndpointName(endpoint));

    // The time is part of the name: a set's cannot be changed while rules use it.
    private string AffinitySet(ServiceEndpoint endpoint) => ProxyNames.Of("affinity", $"{EndpointName(endpoint)}/{Text(_affinitySeconds!.Value)}s");

    public void AddTo(ServiceRules rules)
    {
        AddInternal(rules);
        AddExternal(rules);
        if (_choice.Cluster.Count > 0)
            rules.Chains.Add(PolicyChain(ClusterChain, _choice.Cluster, _isInternallyLocal ? [] : MasqueradeStrangers()));
        if (_choice.Local.Count > 0)
            rules.Chains.Add(PolicyChain(LocalChain, _choice.Local, _isInternallyLocal ? MasqueradeStrangers() : []));
        List<ServiceEndpoint> used = [.. _choice.Cluster.Union(_choice.Local)];
        if (_affinitySeconds is not null)
            AddAffinity(rules, used);
        foreach (var endpoint in used.Where(endpoint => endpoint.NodeName.Length == 0 || endpoint.NodeName == _settings.NodeName))
            rules.Elements.Add((ProxyNames.HairpinEndpoints, $"{endpoint.Address} . {endpoint.Address}", new NftElement()));
        if (_protocol == "udp")
            rules.UdpPorts.Add(UdpPort());
    }

    private void AddInternal(ServiceRules rules)
    {
        if (HasInternal)
            AddAddress(rules, ProxyNames.ServiceIps, _ip, "goto " + (_isInternallyLocal ? LocalChain : ClusterChain));
        else
            AddAddress(rules, ProxyNames.NoEndpointServices, _ip, RefusalVerdict);
    }

    private void AddExternal(ServiceRules rules)
    {
        if (_balancerIps.Count > 0 && _balancerSources.Count > 0)
            AddFirewall(rules);
        foreach (string ip in _externalIps.Concat(_balancerIps))
        {
            if (_choice.HasAny)
                AddAddress(rules, ProxyNames.ServiceIps, ip, "goto " + ExternalChain);
            if (!HasExternal)
                AddAddress(rules, ProxyNames.NoEndpointServices, ip, RefusalVerdict);
        }
        if (_nodePort != 0)
        {
            if (_choice.HasAny)
                AddNodePort(rules, ProxyNames.ServiceNodePorts, "goto " + ExternalChain);
            if (!HasExternal)
                AddNodePort(rules, ProxyNames.NoEndpointNodePorts, RefusalVerdict);
        }
        if (_choice.HasAny && IsExternal)
            rules.Chains.Add(new NftChain(ExternalChain, ExternalRules()));
    }

    // Nobody anywhere: say so at once. Nobody here: others have some, and who balances between nodes shall find out by silence.
    private string RefusalVerdict => _choice.HasAny ? "drop" : "goto " + ProxyNames.Reject;

    private List<NftRule> ExternalRules()
    {
        var rules = new List<NftRule>();
        if (!_isExternallyLocal)
            rules.Add(Rule($"jump {ProxyNames.Masquerade}", "answers come back through this node"));
        else
        {
            if (HasPodCidrs)
                rules.Add(Rule($"{Ip} saddr @{ProxyNames.PodCidrs} goto {ClusterChain}", "from pods: as if it came in from outside"));
            rules.Add(Rule($"fib saddr type local jump {ProxyNames.Masquerade}", "from the node itself"));
            rules.Add(Rule($"fib saddr type local goto {ClusterChain}", "from the node itself"));
        }
        if (HasExternal)
            rules.Add(Rule($"goto {(_isExternallyLocal ? LocalChain : ClusterChain)}", "from outside"));
        return rules;
    }

    private List<NftRule> MasqueradeStrangers() => !HasPodCidrs ? [] :
    [
        Rule($"{Ip} daddr {_ip} {_protocol} dport {Text(_port)} {Ip} saddr != @{ProxyNames.PodCidrs} jump {ProxyNames.Masquerade}", "not from pods"),
    ];

    private NftChain PolicyChain(string name, IReadOnlyList<ServiceEndpoint> endpoints, List<NftRule> rules)
    {
        if (_affinitySeconds is null)
            rules.Add(Rule($"meta l4proto {_protocol} dnat to {Target(endpoints)}", Counted(endpoints)));
        else
        {
            rules.AddRange(endpoints.Select(endpoint =>
                Rule($"{Ip} saddr @{AffinitySet(endpoint)} goto {EndpointChain(endpoint)}", "stays with " + endpoint.Target)));
            rules.Add(Rule(
                $"numgen random mod {Text(endpoints.Count)} vmap {{ {Numbered(endpoints, endpoint => "goto " + EndpointChain(endpoint))} }}",
                Counted(endpoints)));
        }
        return new NftChain(name, rules);
    }

    private static string Target(IReadOnlyList<ServiceEndpoint> endpoints) => endpoints.Count == 1
        ? endpoints[0].Target
        : $"numgen random mod {Text(endpoints.Count)} map {{ {Numbered(endpoints, endpoint => endpoint.Parts)} }}";

    private static string Numbered(IReadOnlyList<ServiceEndpoint> endpoints, Func<ServiceEndpoint, string> text) =>
        string.Join(", ", endpoints.Select((endpoint, i) => $"{Text(i)} : {text(endpoint)}"));

    private static string Counted(IReadOnlyList<ServiceEndpoint> endpoints) =>
        endpoints.Count == 1 ? "1 endpoint" : $"{Text(endpoints.Count)} endpoints";

    private void AddAffinity(ServiceRules rules, IEnumerable<ServiceEndpoint> endpoints)
    {
        foreach (var endpoint in endpoints)
        {
            string set = AffinitySet(endpoint);
            rules.Sets.Add(new NftSet(
                set, $"type {_family.AddressType()}; flags dynamic,timeout; timeout {Text(_affinitySeconds!.Value)}s;",
                isMap: false, isFilledByRules: true));
            rules.Chains.Add(new NftChain(EndpointChain(endpoint),
            [
                Rule($"update @{set} {{ {Ip} saddr }}", "note the client"),
                Rule($"meta l4proto {_protocol} dnat to {endpoint.Target}", "1 endpoint"),
            ]));
        }
    }

    private void AddFirewall(ServiceRules rules)
    {
        var sources = _balancerSources.ToList();
        // A node that has the balancer's address itself sends from it; the range of the node means it.
        if (_settings.NodeAddresses.Any(address => sources.Any(range => IsIn(range, address))))
            sources = [.. _family.Ranges([.. sources.Concat(_balancerIps).Select(AsRange)])];
        rules.Chains.Add(new NftChain(FirewallChain, [Rule($"{Ip} saddr != {{ {string.Join(", ", sources)} }} drop", "not in loadBalancerSourceRanges")]));
        foreach (string ip in _balancerIps)
            AddAddress(rules, ProxyNames.FirewallIps, ip, "goto " + FirewallChain);
    }

    private static bool IsIn(string range, string address) => Addresses.Contains(AsRange(range), address);

    private static string AsRange(string text) => text.Contains('/') ? text : text + (text.Contains(':') ? "/128" : "/32");

    private void AddAddress(ServiceRules rules, string map, string ip, string verdict) =>
        rules.Elements.Add((map, $"{ip} . {_protocol} . {Text(_port)}", new NftElement(verdict, ProxyNames.Comment(_comment))));

    private void AddNodePort(ServiceRules rules, string map, string verdict) =>
        rules.Elements.Add((map, $"{_protocol} . {Text(_nodePort)}", new NftElement(verdict, ProxyNames.Comment(_comment))));

    private UdpPort UdpPort() => new(
        [_ip, .. _externalIps, .. _balancerIps], _port, _nodePort,
        _endpoints.Where(endpoint => endpoint.IsReady || endpoint.IsServing).Select(endpoint => (endpoint.Address, endpoint.Port)).ToHashSet());

    private bool HasPodCidrs => _family.Ranges(_settings.PodCidrs).Count > 0;

    private List<string> OfFamily(IEnumerable<string?> addresses) =>
        [.. addresses.Select(address => _family.Canonical(address)).OfType<string>().Distinct()];

    private NftRule Rule(string text, string purpose) => new(text, ProxyNames.Comment($"{_comment} {purpose}"));
}
