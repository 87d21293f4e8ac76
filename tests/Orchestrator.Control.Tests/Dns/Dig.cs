using System.Buffers.Binary;
using System.Net;
using System.Text;
using Orchestrator.Control.Dns;

namespace Orchestrator.Control.Tests.Dns;

/// <summary>Questions as clients put them, and answers as dig prints them.</summary>
public static class Dig
{
    /// <param name="payloadSize">EDNS' figure; null for a client without EDNS.</param>
    public static byte[] Question(
        string name, DnsType type, ushort id = 7, int? payloadSize = null, byte version = 0, ushort flags = DnsWire.RecursionDesiredFlag,
        ushort kind = DnsWire.InternetClass)
    {
        var packet = new List<byte>();
        Add(packet, id, flags, 1, 0, 0, (ushort)(payloadSize is null ? 0 : 1));
        packet.AddRange(DnsName.Parse(name).Wire);
        Add(packet, (ushort)type, kind);
        if (payloadSize is { } size)
        {
            packet.Add(0);
            Add(packet, (ushort)DnsType.Opt, (ushort)size, version, 0, 0);
        }
        return [.. packet];
    }

    public static byte[] Response(ushort id, ushort flags, string name, DnsType type, IEnumerable<byte[]> answers, IEnumerable<byte[]> authorities)
    {
        var packet = new List<byte>();
        Add(packet, id, (ushort)(DnsWire.ResponseFlag | flags), 1, (ushort)answers.Count(), (ushort)authorities.Count(), 0);
        packet.AddRange(DnsName.Parse(name).Wire);
        Add(packet, (ushort)type, DnsWire.InternetClass);
        foreach (byte[] record in answers.Concat(authorities))
            packet.AddRange(record);
        return [.. packet];
    }

    public static byte[] Record(string owner, DnsType type, uint ttl, byte[] data)
    {
        var record = new List<byte>([.. DnsName.Parse(owner).Wire]);
        Add(record, (ushort)type, DnsWire.InternetClass, (ushort)(ttl >> 16), (ushort)ttl, (ushort)data.Length);
        record.AddRange(data);
        return [.. record];
    }

    /// <summary>The code, what is missing, and a line for each record: answers as they are, authorities after "?", additionals after "+".</summary>
    public static string Text(DnsMessage message)
    {
        var lines = new List<string> { message.Code.ToString() };
        if (message.IsTruncated)
            lines.Add("truncated");
        lines.AddRange(message.Answers.Select(Text));
        lines.AddRange(message.Authorities.Select(set => "? " + Text(set)));
        lines.AddRange(message.Additionals.Select(set => "+ " + Text(set)));
        return string.Join('\n', lines);
    }

    public static string Text(RecordSet set) => $"{set.Owner} {set.TtlSeconds} {set.Type.ToString().ToUpperInvariant()} {Data(set.Type, set.Data[0])}";

    private static string Data(DnsType type, byte[] data) => type switch
    {
        DnsType.A or DnsType.Aaaa => new IPAddress(data).ToString(),
        DnsType.Cname or DnsType.Ns or DnsType.Ptr => Names(data, 1),
        DnsType.Soa => Names(data, 2),
        DnsType.Srv => $"{Number(data, 0)} {Number(data, 2)} {Number(data, 4)} {Names(data[6..], 1)}",
        DnsType.Txt or DnsType.Hinfo => Strings(data),
        _ => Convert.ToHexStringLower(data),
    };

    private static string Names(byte[] data, int count)
    {
        var names = new List<string>();
        int at = 0;
        for (int i = 0; i < count; i++)
        {
            var labels = new StringBuilder();
            for (; data[at] != 0; at += data[at] + 1)
                labels.Append(Encoding.ASCII.GetString(data, at + 1, data[at])).Append('.');
            at++;
            names.Add(labels.ToString());
        }
        return string.Join(' ', names);
    }

    private static string Strings(byte[] data)
    {
        var strings = new List<string>();
        for (int at = 0; at < data.Length; at += data[at] + 1)
            strings.Add($"\"{Encoding.ASCII.GetString(data, at + 1, data[at])}\"");
        return string.Join(' ', strings);
    }

    private static int Number(byte[] data, int at) => BinaryPrimitives.ReadUInt16BigEndian(data.AsSpan(at));

    private static void Add(List<byte> packet, params ReadOnlySpan<ushort> numbers)
    {
        foreach (ushort number in numbers)
        {
            packet.Add((byte)(number >> 8));
            packet.Add((byte)number);
        }
    }
}
