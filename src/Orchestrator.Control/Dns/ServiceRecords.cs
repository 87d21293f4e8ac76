using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.Validation;
using Orchestrator.Control.Networking;
using EndpointPort = Orchestrator.Api.DiscoveryV1.EndpointPort;

namespace Orchestrator.Control.Dns;

/// <summary>All records of one service, made when it or its endpoints change.</summary>
/// <remarks>
/// <code>
/// web.default.svc.cluster.local               A, AAAA, SRV of all ports
/// _http._tcp.web.default.svc.cluster.local    SRV of that port (and the addresses, as CoreDNS has it)
/// _tcp.web.default.svc.cluster.local          empty
/// db-0.web.default.svc.cluster.local          A, AAAA, SRV of one endpoint: its hostname, or its address with dashes
/// </code>
/// </remarks>
internal sealed class ServiceRecords
{
    private readonly Dictionary<NameKey, NameNode> _below = [];

    private ServiceRecords(DnsName name) => Name = name;

    public DnsName Name { get; }

    /// <summary>Null where the name has no records and none below it: headless, and no endpoint is ready.</summary>
    public NameNode? Node { get; private set; }

    /// <summary>Addresses that lead back to a name.</summary>
    public List<ReverseName> Reverse { get; } = [];

    /// <summary>What is at the name with one or two more labels in front; null: nothing.</summary>
    public NameNode? Below(NameKey labels) => _below.GetValueOrDefault(labels);

    /// <param name="slices">Those of this service.</param>
    public static ServiceRecords Of(Service service, IReadOnlyList<EndpointSlice> slices, DnsName domain, uint ttlSeconds)
    {
        var records = new ServiceRecords(domain.Child("svc").Child(service.Namespace).Child(service.Name));
        if (service.Spec.Type == "ExternalName")
        {
            // An address is no name that could be followed.
            if (!Addresses.TryParse(service.Spec.ExternalName, out _) && DnsName.TryParse(service.Spec.ExternalName, out var alias))
                records.Node = new NameNode { Alias = alias };
            return records;
        }
        var builder = new Builder(records, ttlSeconds);
        List<ReadyEndpoint> endpoints = ReadyEndpoint.Of(service, slices, records.Name);
        builder.AddEndpoints(endpoints);
        if (PodAddresses.IsHeadless(service))
            builder.AddHeadless(endpoints);
        else
            builder.AddClusterIPs(service);
        return records;
    }

    /// <summary>A port as SRV records name it; the name may be empty.</summary>
    private readonly record struct NamedPort(string Name, string Protocol, ushort Number);

    /// <summary>An endpoint that is told of, with one address.</summary>
    private sealed record ReadyEndpoint(string Label, DnsName Name, Addresses.Address Address, IReadOnlyList<NamedPort> Ports)
    {
        public static List<ReadyEndpoint> Of(Service service, IReadOnlyList<EndpointSlice> slices, DnsName serviceName)
        {
            var endpoints = new List<ReadyEndpoint>();
            foreach (var slice in slices.OrderBy(slice => slice.Name, StringComparer.Ordinal))
            {
                List<NamedPort> ports = [.. slice.Ports.OrEmpty().Where(port => port.Port is > 0).Select(PortOf)];
                foreach (var endpoint in slice.Endpoints.OrEmpty().Where(endpoint => IsTold(endpoint, service)))
                {
                    foreach (string text in endpoint.Addresses.OrEmpty())
                    {
                        string label = string.IsNullOrEmpty(endpoint.Hostname) ? text.Replace('.', '-').Replace(':', '-') : endpoint.Hostname;
                        if (Addresses.TryParse(text, out var address) && label.Length <= DnsWire.LabelLimit)
                            endpoints.Add(new ReadyEndpoint(label, serviceName.Child(label), address, ports));
                    }
                }
            }
            return endpoints;
        }

        // A condition that nobody has set means ready.
        private static bool IsTold(Endpoint endpoint, Service service) =>
            endpoint.Conditions?.Ready != false || service.Spec.PublishNotReadyAddresses == true;

        private static NamedPort PortOf(EndpointPort port) => new(port.Name ?? "", port.Protocol ?? "TCP", (ushort)port.Port!.Value);
    }

    /// <summary>One SRV record before its weight is known.</summary>
    private readonly record struct Target(DnsName Name, ushort Port);

    private sealed class Builder(ServiceRecords records, uint ttlSeconds)
    {
        /// <summary>A name for each endpoint; several endpoints may share one.</summary>
        public void AddEndpoints(List<ReadyEndpoint> endpoints)
        {
            foreach (var group in endpoints.GroupBy(endpoint => endpoint.Label, StringComparer.OrdinalIgnoreCase))
            {
                DnsName name = group.First().Name;
                records._below[NameKey.Of(group.Key)] = NodeOf(
                    name, group.Select(endpoint => endpoint.Address),
                    group.SelectMany(endpoint => endpoint.Ports.Select(port => new Target(name, port.Number))), AddressesOf(group));
            }
            foreach (var endpoint in endpoints)
                records.Reverse.Add(new ReverseName(endpoint.Address, endpoint.Name, IsOfService: false));
        }

        public void AddHeadless(List<ReadyEndpoint> endpoints)
        {
            if (endpoints.Count == 0)
                return;
            records.Node = NodeOf(
                records.Name, endpoints.Select(endpoint => endpoint.Address),
                endpoints.SelectMany(endpoint => endpoint.Ports.Select(port => new Target(endpoint.Name, port.Number))), AddressesOf(endpoints));
            foreach (var port in endpoints.SelectMany(endpoint => endpoint.Ports).Select(port => (port.Name, port.Protocol)).Distinct())
            {
                List<ReadyEndpoint> having = [.. endpoints.Where(endpoint => endpoint.Ports.Any(Matches))];
                AddPort(port.Name, port.Protocol, NodeOf(
                    records.Name, having.Select(endpoint => endpoint.Address),
                    having.SelectMany(endpoint => endpoint.Ports.Where(Matches).Select(one => new Target(endpoint.Name, one.Number))),
                    AddressesOf(having)));

                bool Matches(NamedPort other) => other.Name == port.Name && other.Protocol == port.Protocol;
            }
        }

        public void AddClusterIPs(Service service)
        {
            List<Addresses.Address> addresses = [];
            foreach (string? text in service.Spec.ClusterIPs is { Count: > 0 } several ? several : [service.Spec.ClusterIP ?? ""])
            {
                if (Addresses.TryParse(text, out var address))
                    addresses.Add(address);
            }
            List<NamedPort> ports =
            [
                .. service.Spec.Ports.OrEmpty().Where(port => port.Port is > 0)
                    .Select(port => new NamedPort(port.Name ?? "", port.Protocol ?? "TCP", (ushort)port.Port!.Value)),
            ];
            RecordSet[] additionals = AddressSets(records.Name, addresses);
            records.Node = NodeOf(records.Name, addresses, ports.Select(port => new Target(records.Name, port.Number)), additionals);
            foreach (var port in ports)
                AddPort(port.Name, port.Protocol, NodeOf(records.Name, addresses, [new Target(records.Name, port.Number)], additionals));
            foreach (var address in addresses)
                records.Reverse.Add(new ReverseName(address, records.Name, IsOfService: true));
        }

        /// <summary>As <c>_http._tcp</c>, and as <c>http.tcp</c>, which CoreDNS takes too.</summary>
        private void AddPort(string name, string protocol, NameNode node)
        {
            if (name.Length is 0 or >= DnsWire.LabelLimit)
                return;
            protocol = protocol.ToLowerInvariant();
            records._below[NameKey.Of("_" + name, "_" + protocol)] = node;
            records._below.TryAdd(NameKey.Of(name, protocol), node);
            records._below.TryAdd(NameKey.Of("_" + protocol), NameNode.Empty);
        }

        private NameNode NodeOf(
            DnsName name, IEnumerable<Addresses.Address> addresses, IEnumerable<Target> targets, RecordSet[] additionals)
        {
            RecordSet[] sets = AddressSets(name, addresses);
            Target[] distinct = [.. targets.Distinct()];
            // All alike, and together about 100, as CoreDNS shares it out.
            ushort weight = (ushort)Math.Max(1, 100 / Math.Max(1, distinct.Length));
            return new NameNode
            {
                A = sets.FirstOrDefault(set => set.Type == DnsType.A),
                Aaaa = sets.FirstOrDefault(set => set.Type == DnsType.Aaaa),
                Srv = distinct.Length == 0 ? null : new RecordSet(name, DnsType.Srv, ttlSeconds,
                    [.. distinct.Select(target => RecordSet.ServiceData(0, weight, target.Port, target.Name))]),
                Additionals = additionals,
            };
        }

        private RecordSet[] AddressesOf(IEnumerable<ReadyEndpoint> endpoints) =>
        [
            .. endpoints.GroupBy(endpoint => endpoint.Name)
                .SelectMany(group => AddressSets(group.Key, group.Select(endpoint => endpoint.Address))),
        ];

        private RecordSet[] AddressSets(DnsName name, IEnumerable<Addresses.Address> addresses)
        {
            var byFamily = addresses.Distinct().ToLookup(address => address.IsIPv4);
            return (byFamily[true].Any(), byFamily[false].Any()) switch
            {
                (true, true) => [Set(DnsType.A, true), Set(DnsType.Aaaa, false)],
                (true, false) => [Set(DnsType.A, true)],
                (false, true) => [Set(DnsType.Aaaa, false)],
                _ => [],
            };

            RecordSet Set(DnsType type, bool isV4) => RecordSet.OfAddresses(name, type, ttlSeconds, byFamily[isV4]);
        }
    }
}

/// <summary>A name that an address leads back to.</summary>
/// <param name="IsOfService">Whether the address is a service's own; else it is an endpoint's.</param>
internal readonly record struct ReverseName(Addresses.Address Address, DnsName Name, bool IsOfService);
