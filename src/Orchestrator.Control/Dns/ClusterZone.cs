using System.Buffers.Binary;
using System.Collections.Immutable;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.Validation;

namespace Orchestrator.Control.Dns;

/// <summary>All names of a cluster at one moment. A change gives a new zone that shares what stayed with the old one.</summary>
/// <remarks>
/// Follows Kubernetes' DNS specification 1.1.0 and, where that leaves it open, CoreDNS' plugin for Kubernetes. It departs where
/// CoreDNS departs from DNS itself: names between others exist without records (<c>_tcp.web...</c>, <c>dns.cluster.local</c>), a
/// type that a name has not is no reason to deny the name, and an alias that leads nowhere says so.
/// </remarks>
public sealed class ClusterZone
{
    public const string SchemaVersion = "1.1.0";

    private const string NameServerLabel = "ns";
    private const string NameServerParent = "dns";
    private const uint VersionTtlSeconds = 28800;
    private const uint RefreshSeconds = 7200;
    private const uint RetrySeconds = 1800;
    private const uint ExpireSeconds = 86400;

    private static readonly NameKey NameServerService = NameKey.Of("kube-dns", "kube-system");

    private readonly ClusterZoneSettings _settings;
    private readonly ImmutableArray<(Addresses.Address Network, int PrefixLength)> _ranges;
    private readonly int _domainLabelCount;
    private readonly DnsName _nameServer;
    private readonly NameNode _version;
    private ImmutableHashSet<NameKey> _namespaces = [];
    private ImmutableDictionary<NameKey, ServiceRecords> _services = ImmutableDictionary<NameKey, ServiceRecords>.Empty;
    private ImmutableDictionary<Addresses.Address, ImmutableArray<ReverseName>> _reverse =
        ImmutableDictionary<Addresses.Address, ImmutableArray<ReverseName>>.Empty;

    private ClusterZone(ClusterZoneSettings settings)
    {
        _settings = settings;
        Domain = DnsName.Parse(settings.Domain.ToLowerInvariant());
        var domain = new FoldedName();
        domain.Set(Domain.Wire);
        _domainLabelCount = domain.LabelCount;
        _ranges = [.. settings.ReverseRanges.Select(RangeOf)];
        _nameServer = Domain.Child(NameServerParent).Child(NameServerLabel);
        _version = new NameNode { Others = [RecordSet.OfText(Domain.Child("dns-version"), VersionTtlSeconds, SchemaVersion)] };
        Serial = settings.Serial;
        Negative = [AuthorityOf(Domain)];
    }

    private ClusterZone(ClusterZone before)
    {
        (_settings, _ranges, Domain, _domainLabelCount) = (before._settings, before._ranges, before.Domain, before._domainLabelCount);
        (_nameServer, _version) = (before._nameServer, before._version);
        (_namespaces, _services, _reverse) = (before._namespaces, before._services, before._reverse);
        Serial = before.Serial + 1;
        Negative = [AuthorityOf(Domain)];
    }

    public DnsName Domain { get; }

    public uint Serial { get; }

    public uint TtlSeconds => _settings.TtlSeconds;

    public int ServiceCount => _services.Count;

    /// <summary>What stands in an answer that denies something of the domain.</summary>
    internal RecordSet[] Negative { get; }

    /// <exception cref="FormatException">The domain is no name, or a range is none.</exception>
    public static ClusterZone Create(ClusterZoneSettings settings) => new(settings);

    public ClusterZone WithNamespace(string name) => new(this) { _namespaces = _namespaces.Add(NameKey.Of(name)) };

    public ClusterZone WithoutNamespace(string name) => new(this) { _namespaces = _namespaces.Remove(NameKey.Of(name)) };

    /// <summary>Puts a service in the place of what was known of it.</summary>
    /// <param name="slices">All slices of this service.</param>
    public ClusterZone WithService(Service service, IReadOnlyList<EndpointSlice> slices)
    {
        var key = NameKey.Of(service.Name, service.Namespace);
        var records = ServiceRecords.Of(service, slices, Domain, TtlSeconds);
        return new ClusterZone(this)
        {
            _services = _services.SetItem(key, records),
            _reverse = Exchange(_services.GetValueOrDefault(key)?.Reverse ?? [], records.Reverse),
        };
    }

    public ClusterZone WithoutService(string ns, string name)
    {
        var key = NameKey.Of(name, ns);
        return _services.TryGetValue(key, out var records)
            ? new ClusterZone(this) { _services = _services.Remove(key), _reverse = Exchange(records.Reverse, []) }
            : this;
    }

    /// <summary>What the cluster knows of a question; whether another server should be asked.</summary>
    public Resolution Resolve(DnsQuery query)
    {
        if (query.Name.EndsWith(Domain.Wire, _domainLabelCount))
            return ResolveInDomain(query);
        if (ReverseLookup.Of(query.Name) is { } lookup && ResolveReverse(lookup, query) is { } resolution)
            return resolution;
        return new Resolution { Kind = ResolutionKind.Foreign };
    }

    // Names of the domain

    private Resolution ResolveInDomain(DnsQuery query)
    {
        var node = Find(query.Name);
        if (node?.Alias is not null)
            return Follow(query, node.Alias);
        return Conclude(node, query, Negative);
    }

    /// <summary>What a name that is no alias says to a question.</summary>
    private Resolution Conclude(NameNode? node, DnsQuery query, RecordSet[] negative)
    {
        if (node is null)
            return new Resolution { Code = DnsCode.NameError, Authorities = negative, IsAuthoritative = true };
        if (query.Type == DnsType.Any)
            return new Resolution { Direct = RecordSet.OfAny(query.QuestionName, TtlSeconds), IsAuthoritative = true };
        if (node.Of(query.Type) is not { } set)
            return new Resolution { Authorities = negative, IsAuthoritative = true };
        bool namesOthers = query.Type is DnsType.Srv or DnsType.Ns;
        return new Resolution { Direct = set, Additionals = namesOthers ? node.Additionals : [], IsAuthoritative = true };
    }

    /// <summary>Goes from alias to alias, as long as they stay here.</summary>
    private Resolution Follow(DnsQuery query, DnsName target)
    {
        const int aliasLimit = 8;
        List<RecordSet> answers = [RecordSet.OfName(query.QuestionName, DnsType.Cname, TtlSeconds, target)];
        if (query.Type is DnsType.Cname or DnsType.Any)
            return new Resolution { Answers = answers, IsAuthoritative = true };
        var name = new FoldedName();
        while (answers.Count <= aliasLimit)
        {
            name.Set(target.Wire);
            if (!name.EndsWith(Domain.Wire, _domainLabelCount))
                return new Resolution { Kind = ResolutionKind.LeadsOutside, Answers = answers, Target = target, IsAuthoritative = true };
            var node = Find(name);
            if (node?.Alias is not { } next)
            {
                var end = Conclude(node, query, Negative);
                return end with { Direct = null, Answers = end.Direct is null ? answers : [.. answers, end.Direct with { Owner = target }] };
            }
            answers.Add(RecordSet.OfName(target, DnsType.Cname, TtlSeconds, next));
            target = next;
        }
        return Resolution.Failure(DnsCode.ServerFailure);
    }

    private NameNode? Find(FoldedName name)
    {
        int count = name.LabelCount - _domainLabelCount;
        if (count == 0)
            return Apex(Domain);
        var kind = name.Label(count - 1);
        if (kind.SequenceEqual("svc"u8))
            return FindService(name, count - 1);
        if (kind.SequenceEqual("pod"u8))
            return FindPod(name, count - 1);
        if (kind.SequenceEqual("dns-version"u8))
            return count == 1 ? _version : null;
        if (!kind.SequenceEqual("dns"u8))
            return null;
        return count == 1 ? NameNode.Empty : count == 2 && name.Label(0).SequenceEqual("ns"u8) ? NameServer : null;
    }

    /// <param name="count">Labels before <c>svc</c>: <c>[below...] service namespace</c>.</param>
    private NameNode? FindService(FoldedName name, int count)
    {
        if (count == 0)
            return NameNode.Empty;
        if (count == 1)
            return FindNamespace(name, count);
        if (!_services.TryGetValue(name.Key(count - 2, count), out var service))
            return null;
        return count switch
        {
            2 => service.Node,
            3 or 4 => service.Below(name.Key(0, count - 2)),
            _ => null,
        };
    }

    /// <param name="count">Labels before <c>pod</c>: <c>address namespace</c>.</param>
    private NameNode? FindPod(FoldedName name, int count)
    {
        if (count == 0)
            return NameNode.Empty;
        if (count > 2 || FindNamespace(name, count) is null)
            return null;
        return count == 1 ? NameNode.Empty : PodNode(name.Label(0));
    }

    private NameNode? FindNamespace(FoldedName name, int count) =>
        _namespaces.Contains(name.Key(count - 1, count)) ? NameNode.Empty : null;

    /// <summary>Any address is a pod's name; none is looked for (CoreDNS' mode "insecure", which all clusters have).</summary>
    private NameNode? PodNode(ReadOnlySpan<byte> label)
    {
        string text = System.Text.Encoding.Latin1.GetString(label);
        bool isV4 = text.Count(letter => letter == '-') == 3 && !text.Contains("--", StringComparison.Ordinal);
        if (!Addresses.TryParse(text.Replace('-', isV4 ? '.' : ':'), out var address))
            return null;
        var set = RecordSet.OfAddresses(Domain, address.IsIPv4 ? DnsType.A : DnsType.Aaaa, TtlSeconds, [address]);
        return address.IsIPv4 ? new NameNode { A = set } : new NameNode { Aaaa = set };
    }

    // A zone's own records

    private NameNode Apex(DnsName zone) => new()
    {
        Others = [AuthorityOf(zone), RecordSet.OfName(zone, DnsType.Ns, TtlSeconds, _nameServer)],
        Additionals = [.. AddressesOf(NameServer)],
    };

    /// <summary>The name server's addresses are those of the service through which it is reached.</summary>
    private NameNode NameServer
    {
        get
        {
            var service = _services.GetValueOrDefault(NameServerService)?.Node;
            return new NameNode
            {
                A = service?.A is null ? null : service.A with { Owner = _nameServer },
                Aaaa = service?.Aaaa is null ? null : service.Aaaa with { Owner = _nameServer },
            };
        }
    }

    private static IEnumerable<RecordSet> AddressesOf(NameNode node) => new[] { node.A, node.Aaaa }.OfType<RecordSet>();

    private RecordSet AuthorityOf(DnsName zone)
    {
        DnsName mailbox = Domain.Child("hostmaster");
        byte[] data = new byte[_nameServer.Wire.Length + mailbox.Wire.Length + 5 * sizeof(uint)];
        _nameServer.Wire.CopyTo(data);
        mailbox.Wire.CopyTo(data.AsSpan(_nameServer.Wire.Length));
        var numbers = data.AsSpan(_nameServer.Wire.Length + mailbox.Wire.Length);
        uint[] values = [Serial, RefreshSeconds, RetrySeconds, ExpireSeconds, TtlSeconds];
        for (int i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(numbers[(i * sizeof(uint))..], values[i]);
        return new RecordSet(zone, DnsType.Soa, TtlSeconds, [data]);
    }

    // Names of addresses

    /// <returns>Null where somebody else has to be asked.</returns>
    private Resolution? ResolveReverse(ReverseLookup lookup, DnsQuery query)
    {
        ImmutableArray<ReverseName> names = [];
        if (lookup.IsWhole && query.Type is DnsType.Ptr or DnsType.Any && _reverse.TryGetValue(lookup.Address, out var known))
            names = known;
        if (ZoneLabelCount(lookup) is not { } zoneLabels)
            return names.IsEmpty ? null : Conclude(PointerNode(names, query), query, []);
        int parts = lookup.PrefixLength / (lookup.Address.IsIPv4 ? 8 : 4);
        DnsName zone = ZoneName(query, Math.Min(zoneLabels, parts));
        NameNode? node = !lookup.IsWellFormed ? null
            : lookup.IsWhole ? _reverse.TryGetValue(lookup.Address, out var all) ? PointerNode(all, query) : null
            : parts == zoneLabels ? Apex(zone)
            : NameNode.Empty;
        return Conclude(node, query, [AuthorityOf(zone)]);
    }

    private NameNode PointerNode(ImmutableArray<ReverseName> names, DnsQuery query)
    {
        // A service's address is its alone; an endpoint's may be one of several services.
        var services = names.Where(name => name.IsOfService).Take(1).ToList();
        var targets = (services.Count > 0 ? services : (IEnumerable<ReverseName>)names).Select(name => name.Name).Distinct();
        return new NameNode { Others = [RecordSet.OfName(query.QuestionName, DnsType.Ptr, TtlSeconds, targets)] };
    }

    /// <summary>How many labels, without the tree's own two, the zone of ours has in which an address lies; null if in none.</summary>
    private int? ZoneLabelCount(ReverseLookup lookup)
    {
        foreach (var (network, prefix) in _ranges)
        {
            if (network.IsIPv4 != lookup.Address.IsIPv4 || lookup.PrefixLength < prefix
                || Addresses.Masked(lookup.Address, prefix) != Addresses.Masked(network, prefix))
            {
                continue;
            }
            return network.IsIPv4 ? Math.Clamp((prefix + 7) / 8, 1, 3) : Math.Clamp((prefix + 3) / 4, 1, 31);
        }
        return null;
    }

    private static DnsName ZoneName(DnsQuery query, int labelCount)
    {
        var wire = query.Question[..^4];
        for (int left = query.Name.LabelCount - 2 - labelCount; left > 0; left--)
            wire = wire[(wire[0] + 1)..];
        return DnsName.FromWire(wire);
    }

    private ImmutableDictionary<Addresses.Address, ImmutableArray<ReverseName>> Exchange(List<ReverseName> before, List<ReverseName> now)
    {
        var reverse = _reverse;
        if (before.SequenceEqual(now))
            return reverse;
        foreach (var name in before)
        {
            var rest = reverse[name.Address].Remove(name);
            reverse = rest.IsEmpty ? reverse.Remove(name.Address) : reverse.SetItem(name.Address, rest);
        }
        foreach (var name in now)
            reverse = reverse.SetItem(name.Address, reverse.GetValueOrDefault(name.Address, []).Add(name));
        return reverse;
    }

    private static (Addresses.Address Network, int PrefixLength) RangeOf(string cidr) =>
        Addresses.TryParseCidr(cidr, out var network, out int prefix) ? (network, prefix)
            : throw new FormatException($"invalid CIDR address: {cidr}");
}
