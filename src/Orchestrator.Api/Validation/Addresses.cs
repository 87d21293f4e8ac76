using System.Globalization;

namespace Orchestrator.Api.Validation;

/// <summary>IPv4 and IPv6 addresses and ranges as numbers; written here because this project does without the network's library.</summary>
/// <remarks>
/// As lax as Kubernetes is with what is in the field: IPv6 in every notation, an IPv4 address with leading zeros too
/// (<c>010.001.000.005</c> is 10.1.0.5), but no zone (<c>%eth0</c>).
/// </remarks>
public static class Addresses
{
    /// <summary>An address in 128 bits; IPv4 lies in <c>::ffff:0:0/96</c>.</summary>
    public readonly record struct Address(UInt128 Value, bool IsIPv4);

    private const int GroupCount = 8;

    public static bool TryParse(string? text, out Address address)
    {
        address = default;
        if (string.IsNullOrEmpty(text))
            return false;
        if (text.Contains(':'))
            return TryParseIPv6(text, out address);
        if (!TryParseIPv4(text, out uint number))
            return false;
        address = new Address(MappedIPv4 | number, true);
        return true;
    }

    /// <summary>Takes a range apart: <c>10.9.8.0/24</c>; bits beyond the prefix may be set.</summary>
    /// <param name="text">The range.</param>
    /// <param name="address">The address before the slash.</param>
    /// <param name="prefixLength">Counted in the address's own 32 or 128 bits.</param>
    public static bool TryParseCidr(string? text, out Address address, out int prefixLength)
    {
        address = default;
        prefixLength = 0;
        int slash = text?.IndexOf('/') ?? -1;
        return slash > 0
            && TryParse(text![..slash], out address)
            && int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out prefixLength)
            && prefixLength <= (address.IsIPv4 ? 32 : 128);
    }

    /// <summary>Whether a range holds an address; ranges of one family never hold addresses of the other.</summary>
    public static bool Contains(string cidr, string address) =>
        TryParseCidr(cidr, out var network, out int length) && TryParse(address, out var inside) && network.IsIPv4 == inside.IsIPv4
        && Masked(network, length) == Masked(inside, length);

    /// <summary>Whether the range begins with an address that has no bits beyond the prefix.</summary>
    public static bool IsNetwork(Address address, int prefixLength) => Masked(address, prefixLength) == address.Value;

    public static UInt128 Masked(Address address, int prefixLength)
    {
        int length = address.IsIPv4 ? prefixLength + 96 : prefixLength;
        return length == 0 ? 0 : address.Value & (UInt128.MaxValue << (128 - length));
    }

    public static bool IsLoopback(Address address) =>
        address.IsIPv4 ? (address.Value >> 24 & 0xff) == 127 : address.Value == 1;

    public static bool IsUnspecified(Address address) => address.IsIPv4 ? (uint)address.Value == 0 : address.Value == 0;

    public static bool IsLinkLocalUnicast(Address address) => address.IsIPv4
        ? (address.Value >> 16 & 0xffff) == 0xa9fe
        : address.Value >> 118 == 0x3fa;

    public static bool IsLinkLocalMulticast(Address address) => address.IsIPv4
        ? (address.Value >> 8 & 0xffffff) == 0xe00000
        : (address.Value >> 112 & 0xff0f) == 0xff02;

    /// <summary>One that other machines can reach: not this machine, not this link, not none.</summary>
    public static bool IsOrdinary(Address address) =>
        !IsUnspecified(address) && !IsLoopback(address) && !IsLinkLocalUnicast(address) && !IsLinkLocalMulticast(address);

    private static UInt128 MappedIPv4 => (UInt128)0xffff << 32;

    private static bool TryParseIPv4(ReadOnlySpan<char> text, out uint number)
    {
        number = 0;
        int parts = 0;
        foreach (var range in text.Split('.'))
        {
            var part = text[range];
            if (++parts > 4 || !byte.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out byte value))
                return false;
            number = number << 8 | value;
        }
        return parts == 4;
    }

    private static bool TryParseIPv6(string text, out Address address)
    {
        address = default;
        int gap = text.IndexOf("::", StringComparison.Ordinal);
        if (gap >= 0 && text.IndexOf("::", gap + 1, StringComparison.Ordinal) >= 0)
            return false;
        var head = new List<ushort>();
        var tail = new List<ushort>();
        bool isRead = gap < 0
            ? TryReadGroups(text, head)
            : TryReadGroups(text[..gap], head) && TryReadGroups(text[(gap + 2)..], tail);
        int count = head.Count + tail.Count;
        if (!isRead || (gap < 0 ? count != GroupCount : count >= GroupCount))
            return false;
        UInt128 value = 0;
        foreach (ushort group in head.Concat(Enumerable.Repeat((ushort)0, GroupCount - count)).Concat(tail))
            value = value << 16 | group;
        address = value >> 32 == 0xffff ? new Address(value, true) : new Address(value, false);
        return true;
    }

    private static bool TryReadGroups(string text, List<ushort> groups)
    {
        if (text.Length == 0)
            return true;
        string[] parts = text.Split(':');
        for (int i = 0; i < parts.Length; i++)
        {
            if (i == parts.Length - 1 && parts[i].Contains('.'))
            {
                if (!TryParseIPv4(parts[i], out uint number))
                    return false;
                groups.Add((ushort)(number >> 16));
                groups.Add((ushort)number);
            }
            else if (parts[i].Length is 0 or > 4
                || !ushort.TryParse(parts[i], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort group))
                return false;
            else
                groups.Add(group);
        }
        return true;
    }
}
