using System.Globalization;
using Orchestrator.Api.DiscoveryV1;

namespace Orchestrator.Control.Proxying;

/// <summary>One place that a service's port leads to.</summary>
internal sealed record ServiceEndpoint(string Address, int Port)
{
    public bool IsReady { get; init; }

    public bool IsServing { get; init; }

    public bool IsTerminating { get; init; }

    /// <summary>"" where no node is known: an address that somebody wrote down.</summary>
    public string NodeName { get; init; } = "";

    public IReadOnlyList<string> ZoneHints { get; init; } = [];

    public IReadOnlyList<string> NodeHints { get; init; } = [];

    /// <summary>What stands behind a <c>dnat to</c>.</summary>
    public string Target => Address.Contains(':') ? $"[{Address}]:{PortText}" : $"{Address}:{PortText}";

    /// <summary>The same as an element's parts.</summary>
    public string Parts => $"{Address} . {PortText}";

    public string PortText => Port.ToString(CultureInfo.InvariantCulture);

    /// <summary>The endpoints of a service's port in all its slices, each once, in the order of their addresses.</summary>
    public static List<ServiceEndpoint> Of(ServicePort port, IEnumerable<EndpointSlice> slices, IpFamily family)
    {
        var found = new SortedDictionary<(string, int), ServiceEndpoint>();
        foreach (var slice in slices)
        {
            if (slice.AddressType != family.ToString())
                continue;
            foreach (var slicePort in slice.Ports.OrEmpty())
            {
                if ((slicePort.Name ?? "") == (port.Name ?? "") && (slicePort.Protocol ?? "TCP") == (port.Protocol ?? "TCP")
                    && slicePort.Port is { } number)
                    Gather(found, slice, number, family);
            }
        }
        return [.. found.Values];
    }

    private static void Gather(
        SortedDictionary<(string, int), ServiceEndpoint> found, EndpointSlice slice, int port, IpFamily family)
    {
        foreach (var endpoint in slice.Endpoints.OrEmpty())
        {
            // Further addresses of one endpoint have no meaning yet.
            if (family.Canonical(endpoint.Addresses?.FirstOrDefault()) is not { } address)
                continue;
            var read = Read(endpoint, address, port);
            // While an address moves from one slice to another it stands in both: what serves counts.
            if (!found.TryGetValue((address, port), out var other) || Rank(read) > Rank(other))
                found[(address, port)] = read;
        }
    }

    private static int Rank(ServiceEndpoint endpoint) => endpoint.IsReady ? 2 : endpoint.IsServing ? 1 : 0;

    private static ServiceEndpoint Read(Endpoint endpoint, string address, int port)
    {
        // Unknown means ready; unknown serving means what ready says.
        bool isReady = endpoint.Conditions?.Ready ?? true;
        return new ServiceEndpoint(address, port)
        {
            IsReady = isReady,
            IsServing = endpoint.Conditions?.Serving ?? isReady,
            IsTerminating = endpoint.Conditions?.Terminating ?? false,
            NodeName = endpoint.NodeName ?? "",
            ZoneHints = [.. (endpoint.Hints?.ForZones).OrEmpty().Select(zone => zone.Name ?? "")],
            NodeHints = [.. (endpoint.Hints?.ForNodes).OrEmpty().Select(node => node.Name ?? "")],
        };
    }
}
