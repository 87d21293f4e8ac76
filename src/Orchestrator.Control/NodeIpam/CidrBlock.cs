using System.Globalization;

namespace Orchestrator.Control.NodeIpam;

/// <summary>A range of addresses, <c>10.244.0.0/16</c> or <c>fd00:10:244::/56</c>.</summary>
public readonly record struct CidrBlock(UInt128 Address, int PrefixLength, bool IsV6)
{
    private int Bits => IsV6 ? 128 : 32;

    /// <exception cref="FormatException">It is none.</exception>
    public static CidrBlock Parse(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int prefix))
            throw new FormatException($"invalid CIDR address: {text}");
        string address = text[..slash];
        bool isV6 = address.Contains(':', StringComparison.Ordinal);
        if (prefix > (isV6 ? 128 : 32))
            throw new FormatException($"invalid CIDR address: {text}");
        var block = new CidrBlock(isV6 ? ParseV6(address) : ParseV4(address), prefix, isV6);
        return block with { Address = block.Address & block.Mask(prefix) };
    }

    /// <summary>How many blocks of this size it holds.</summary>
    public long CountOf(int prefixLength) => 1L << Math.Min(prefixLength - PrefixLength, 62);

    public CidrBlock Part(int prefixLength, long index) =>
        this with { Address = Address + ((UInt128)index << (Bits - prefixLength)), PrefixLength = prefixLength };

    public bool Overlaps(CidrBlock other)
    {
        if (IsV6 != other.IsV6)
            return false;
        var mask = Mask(Math.Min(PrefixLength, other.PrefixLength));
        return (Address & mask) == (other.Address & mask);
    }

    public override string ToString() => $"{AddressText()}/{PrefixLength.ToString(CultureInfo.InvariantCulture)}";

    private UInt128 Mask(int prefix)
    {
        var all = IsV6 ? UInt128.MaxValue : uint.MaxValue;
        return prefix == 0 ? 0 : all >> (Bits - prefix) << (Bits - prefix);
    }

    private static UInt128 ParseV4(string text)
    {
        string[] parts = text.Split('.');
        UInt128 address = 0;
        foreach (string part in parts)
        {
            if (parts.Length != 4 || !byte.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out byte value))
                throw new FormatException($"invalid IP address: {text}");
            address = (address << 8) | value;
        }
        return address;
    }

    private static UInt128 ParseV6(string text)
    {
        int gap = text.IndexOf("::", StringComparison.Ordinal);
        string[] head = Groups(gap < 0 ? text : text[..gap]);
        string[] tail = gap < 0 ? [] : Groups(text[(gap + 2)..]);
        if (gap < 0 ? head.Length != 8 : head.Length + tail.Length > 7)
            throw new FormatException($"invalid IP address: {text}");
        var groups = head.Concat(Enumerable.Repeat("0", 8 - head.Length - tail.Length)).Concat(tail);
        UInt128 address = 0;
        foreach (string group in groups)
        {
            if (!ushort.TryParse(group, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort value))
                throw new FormatException($"invalid IP address: {text}");
            address = (address << 16) | value;
        }
        return address;
    }

    private static string[] Groups(string text) => text.Length == 0 ? [] : text.Split(':');

    private string AddressText()
    {
        var address = Address;
        if (!IsV6)
            return string.Join('.', Enumerable.Range(0, 4).Select(i => (byte)(address >> (8 * (3 - i)))));
        var groups = Enumerable.Range(0, 8).Select(i => (ushort)(address >> (16 * (7 - i)))).ToArray();
        // The longest run of zeros is left out (RFC 5952), the first of equals.
        int best = -1, length = 1;
        for (int start = 0; start < 8; start++)
        {
            int end = start;
            while (end < 8 && groups[end] == 0)
                end++;
            if (end - start > length)
                (best, length) = (start, end - start);
        }
        string Text(IEnumerable<ushort> some) =>
            string.Join(':', some.Select(group => group.ToString("x", CultureInfo.InvariantCulture)));
        return best < 0 ? Text(groups) : $"{Text(groups.Take(best))}::{Text(groups.Skip(best + length))}";
    }
}
