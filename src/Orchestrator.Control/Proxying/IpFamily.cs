using Orchestrator.Api.Validation;
using Orchestrator.Control.NodeIpam;

namespace Orchestrator.Control.Proxying;

/// <summary>One of the two kinds of addresses; each has an nftables table of its own.</summary>
public enum IpFamily
{
    IPv4,
    IPv6,
}

/// <summary>How a family is spelled, and which addresses are of it.</summary>
public static class IpFamilies
{
    /// <summary>Of tables and of rules' matches: <c>ip</c>, <c>ip6</c>.</summary>
    public static string Keyword(this IpFamily family) => family == IpFamily.IPv4 ? "ip" : "ip6";

    /// <summary>The type of an address in sets.</summary>
    public static string AddressType(this IpFamily family) => family == IpFamily.IPv4 ? "ipv4_addr" : "ipv6_addr";

    /// <summary>The family of a range; null if it is none.</summary>
    public static IpFamily? OfRange(string cidr) =>
        !Addresses.TryParseCidr(cidr, out var address, out _) ? null : address.IsIPv4 ? IpFamily.IPv4 : IpFamily.IPv6;

    /// <summary>The one way in which the kernel writes this address; null if it is none of this family.</summary>
    public static string? Canonical(this IpFamily family, string? text)
    {
        if (!Addresses.TryParse(text, out var address) || address.IsIPv4 != (family == IpFamily.IPv4))
            return null;
        string range = Block(address, address.IsIPv4 ? 32 : 128).ToString();
        return range[..range.IndexOf('/')];
    }

    /// <summary>The ranges of this family as the kernel writes them, without those that lie in another: a set takes no overlaps.</summary>
    public static IReadOnlyList<string> Ranges(this IpFamily family, IEnumerable<string> cidrs)
    {
        var kept = new List<CidrBlock>();
        var blocks = cidrs.Select(cidr => cidr.Trim()).Where(cidr => OfRange(cidr) == family).Select(CidrBlock.Parse);
        foreach (var block in blocks.OrderBy(block => block.PrefixLength).ThenBy(block => block.Address))
        {
            if (!kept.Any(wider => wider.Overlaps(block)))
                kept.Add(block);
        }
        return [.. kept.Select(Text)];
    }

    private static CidrBlock Block(Addresses.Address address, int prefixLength) =>
        new(address.IsIPv4 ? (uint)address.Value : address.Value, prefixLength, !address.IsIPv4);

    // A range of one address is written as that address.
    private static string Text(CidrBlock block)
    {
        string text = block.ToString();
        return block.PrefixLength == (block.IsV6 ? 128 : 32) ? text[..text.IndexOf('/')] : text;
    }
}
