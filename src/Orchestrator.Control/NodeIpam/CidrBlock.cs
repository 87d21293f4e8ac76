using System.Globalization;
using Orchestrator.Api.Validation;

namespace Orchestrator.Control.NodeIpam;

/// <summary>A range of addresses, <c>10.244.0.0/16</c> or <c>fd00:10:244::/56</c>.</summary>
public readonly record struct CidrBlock(UInt128 Address, int PrefixLength, bool IsV6)
{
    private int Bits => IsV6 ? 128 : 32;

    /// <exception cref="FormatException">It is none.</exception>
    public static CidrBlock Parse(string text)
    {
        if (!Addresses.TryParseCidr(text, out var address, out int prefix))
            throw new FormatException($"invalid CIDR address: {text}");
        var number = Addresses.Masked(address, prefix);
        return new CidrBlock(address.IsIPv4 ? (uint)number : number, prefix, !address.IsIPv4);
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
