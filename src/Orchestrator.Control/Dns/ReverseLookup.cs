using Orchestrator.Api.Validation;

namespace Orchestrator.Control.Dns;

/// <summary>A name of the trees that lead from addresses to names: <c>10.0.96.10.in-addr.arpa</c>, nibbles under <c>ip6.arpa</c>.</summary>
/// <param name="Address">As far as the name says it, zeros behind.</param>
/// <param name="PrefixLength">How many bits of it the name says, of 32 or 128.</param>
/// <param name="IsWellFormed">Whether the labels to the left of those are none that an address has.</param>
internal readonly record struct ReverseLookup(Addresses.Address Address, int PrefixLength, bool IsWellFormed)
{
    private static readonly byte[] V4Suffix = [.. DnsName.Parse("in-addr.arpa").Wire];
    private static readonly byte[] V6Suffix = [.. DnsName.Parse("ip6.arpa").Wire];

    public bool IsWhole => IsWellFormed && PrefixLength == (Address.IsIPv4 ? 32 : 128);

    /// <returns>Null for a name of another tree.</returns>
    public static ReverseLookup? Of(FoldedName name) =>
        name.EndsWith(V4Suffix, 2) ? Read(name, 4, 8) : name.EndsWith(V6Suffix, 2) ? Read(name, 32, 4) : null;

    private static ReverseLookup Read(FoldedName name, int partLimit, int partBits)
    {
        UInt128 value = 0;
        int count = 0, labels = name.LabelCount - 2;
        while (count < Math.Min(labels, partLimit) && PartOf(name.Label(labels - 1 - count), partBits) is { } part)
        {
            value = value << partBits | part;
            count++;
        }
        value <<= (partLimit - count) * partBits;
        var address = partBits == 8
            ? new Addresses.Address((UInt128)0xffff << 32 | value, true)
            : new Addresses.Address(value, false);
        return new ReverseLookup(address, count * partBits, count == labels);
    }

    /// <summary>An octet in decimal or a nibble in hexadecimal digits, in its one form.</summary>
    private static uint? PartOf(ReadOnlySpan<byte> label, int bits)
    {
        if (bits == 4)
            return label.Length != 1 ? null : label[0] switch
            {
                >= (byte)'0' and <= (byte)'9' => (uint)(label[0] - '0'),
                >= (byte)'a' and <= (byte)'f' => (uint)(label[0] - 'a' + 10),
                _ => null,
            };
        if (label.Length is 0 or > 3 || (label.Length > 1 && label[0] == '0'))
            return null;
        uint value = 0;
        foreach (byte digit in label)
        {
            if (digit is < (byte)'0' or > (byte)'9')
                return null;
            value = value * 10 + digit - '0';
        }
        return value > byte.MaxValue ? null : value;
    }
}
