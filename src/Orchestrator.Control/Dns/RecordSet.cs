using System.Buffers.Binary;
using System.Text;
using Orchestrator.Api.Validation;

namespace Orchestrator.Control.Dns;

/// <summary>All records of one name and type.</summary>
/// <param name="Data">Of each record, names in it uncompressed.</param>
public sealed record RecordSet(DnsName Owner, DnsType Type, uint TtlSeconds, IReadOnlyList<byte[]> Data)
{
    /// <summary>A or AAAA.</summary>
    public static RecordSet OfAddresses(DnsName owner, DnsType type, uint ttlSeconds, IEnumerable<Addresses.Address> addresses) =>
        new(owner, type, ttlSeconds, [.. addresses.Select(AddressData)]);

    /// <summary>CNAME, NS, PTR: a name alone.</summary>
    public static RecordSet OfName(DnsName owner, DnsType type, uint ttlSeconds, params IEnumerable<DnsName> targets) =>
        new(owner, type, ttlSeconds, [.. targets.Select(target => target.Wire.ToArray())]);

    public static RecordSet OfText(DnsName owner, uint ttlSeconds, string text) =>
        new(owner, DnsType.Txt, ttlSeconds, [Strings(text)]);

    /// <summary>What stands for all records where somebody asks for any (RFC 8482).</summary>
    public static RecordSet OfAny(DnsName owner, uint ttlSeconds) =>
        new(owner, DnsType.Hinfo, ttlSeconds, [Strings("RFC8482", "")]);

    public static byte[] ServiceData(ushort priority, ushort weight, ushort port, DnsName target)
    {
        byte[] data = new byte[6 + target.Wire.Length];
        BinaryPrimitives.WriteUInt16BigEndian(data, priority);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(2), weight);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(4), port);
        target.Wire.CopyTo(data.AsSpan(6));
        return data;
    }

    private static byte[] AddressData(Addresses.Address address)
    {
        byte[] data = new byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(data, address.Value);
        return address.IsIPv4 ? data[12..] : data;
    }

    private static byte[] Strings(params ReadOnlySpan<string> texts)
    {
        var data = new List<byte>();
        foreach (string text in texts)
        {
            data.Add((byte)Encoding.UTF8.GetByteCount(text));
            data.AddRange(Encoding.UTF8.GetBytes(text));
        }
        return [.. data];
    }
}
