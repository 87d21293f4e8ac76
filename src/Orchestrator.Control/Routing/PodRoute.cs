using Orchestrator.Control.NodeIpam;

namespace Orchestrator.Control.Routing;

/// <summary>The way to another node's pods: by that node's address, which must be on the same link.</summary>
public sealed record PodRoute(string Destination, string Gateway)
{
    /// <summary>The routes that a node needs to all others.</summary>
    /// <param name="podRange">A range outside of it is nobody's pods', whatever a node says.</param>
    public static IReadOnlyList<PodRoute> Wanted(IEnumerable<Node> nodes, string self, string ownAddress, string podRange)
    {
        var range = CidrBlock.Parse(podRange);
        var routes = new SortedDictionary<string, PodRoute>(StringComparer.Ordinal);
        foreach (var node in nodes.OrderBy(node => node.Name, StringComparer.Ordinal))
        {
            if (node.Name == self || node.IsBeingDeleted || AddressOf(node) is not { } gateway || gateway == ownAddress)
                continue;
            if (node.Spec.PodCIDR is { Length: > 0 } cidr && IsPartOf(cidr, range))
                routes.TryAdd(cidr, new PodRoute(cidr, gateway));
        }
        return [.. routes.Values];
    }

    /// <summary>Those of <c>ip -4 -o route show</c>: <c>10.244.1.0/24 via 192.168.7.2 dev eth0</c>.</summary>
    public static IReadOnlyList<PodRoute> Read(string output) =>
    [
        .. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words.Length > 0)
            .Select(words => new PodRoute(words[0], Array.IndexOf(words, "via") is var via and > 0 && via + 1 < words.Length ? words[via + 1] : "")),
    ];

    /// <summary>What is to be removed and what to be set, in this order, that <paramref name="present"/> becomes <paramref name="wanted"/>.</summary>
    public static (IReadOnlyList<PodRoute> Stale, IReadOnlyList<PodRoute> Missing) Difference(
        IReadOnlyList<PodRoute> present, IReadOnlyList<PodRoute> wanted)
    {
        var destinations = wanted.Select(route => route.Destination).ToHashSet();
        // One that only leads elsewhere is replaced: its packets need not be lost meanwhile.
        return ([.. present.Where(route => !destinations.Contains(route.Destination))], [.. wanted.Except(present)]);
    }

    private static string? AddressOf(Node node) =>
        node.Status.Addresses.OrEmpty().Find(address => address.Type == "InternalIP" && address.Address?.Contains(':') == false)?.Address;

    private static bool IsPartOf(string cidr, CidrBlock range)
    {
        try
        {
            var block = CidrBlock.Parse(cidr);
            return !block.IsV6 && block.PrefixLength > range.PrefixLength && block.Overlaps(range);
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
