using System.Buffers.Binary;

namespace Orchestrator.Control.Dns;

/// <summary>A whole message, taken apart: an answer of another server.</summary>
/// <remarks>Records of a class that is not the Internet's are left out. Each record is a set of its own.</remarks>
public sealed record DnsMessage
{
    public ushort Id { get; init; }

    public ushort Flags { get; init; }

    /// <summary>The first question; null if there is none.</summary>
    public DnsName? QuestionName { get; init; }

    public DnsType QuestionType { get; init; }

    /// <summary>With the bits that EDNS brings.</summary>
    public DnsCode Code { get; init; }

    public IReadOnlyList<RecordSet> Answers { get; init; } = [];

    public IReadOnlyList<RecordSet> Authorities { get; init; } = [];

    /// <summary>Without EDNS' record.</summary>
    public IReadOnlyList<RecordSet> Additionals { get; init; } = [];

    public bool HasEdns { get; init; }

    public bool IsResponse => (Flags & DnsWire.ResponseFlag) != 0;

    public bool IsTruncated => (Flags & DnsWire.TruncatedFlag) != 0;

    /// <returns>Null for what is no message.</returns>
    public static DnsMessage? Decode(ReadOnlySpan<byte> packet)
    {
        if (packet.Length < DnsWire.HeaderLength)
            return null;
        var reader = new MessageReader(packet, DnsWire.HeaderLength);
        DnsName? questionName = null;
        DnsType questionType = 0;
        int questionCount = CountAt(packet, 4);
        for (int i = 0; i < questionCount; i++)
        {
            if (ReadName(ref reader) is not { } name || !reader.TryReadUInt16(out ushort type) || !reader.TryReadUInt16(out _))
                return null;
            if (i == 0)
                (questionName, questionType) = (name, (DnsType)type);
        }
        Edns edns = default;
        if (ReadRecords(packet, ref reader, CountAt(packet, 6), ref edns) is not { } answers
            || ReadRecords(packet, ref reader, CountAt(packet, 8), ref edns) is not { } authorities
            || ReadRecords(packet, ref reader, CountAt(packet, 10), ref edns) is not { } additionals)
        {
            return null;
        }
        ushort flags = CountAt(packet, 2);
        return new DnsMessage
        {
            Id = CountAt(packet, 0),
            Flags = flags,
            QuestionName = questionName,
            QuestionType = questionType,
            Code = (DnsCode)(edns.UpperCode << 4 | flags & DnsWire.CodeMask),
            Answers = answers,
            Authorities = authorities,
            Additionals = additionals,
            HasEdns = edns.IsThere,
        };
    }

    private static ushort CountAt(ReadOnlySpan<byte> packet, int offset) => BinaryPrimitives.ReadUInt16BigEndian(packet[offset..]);

    private static List<RecordSet>? ReadRecords(ReadOnlySpan<byte> packet, ref MessageReader reader, int count, ref Edns edns)
    {
        var records = new List<RecordSet>();
        for (int i = 0; i < count; i++)
        {
            if (ReadName(ref reader) is not { } owner || !reader.TryReadUInt16(out ushort type) || !reader.TryReadUInt16(out ushort kind)
                || !reader.TryReadUInt32(out uint ttl) || !reader.TryReadUInt16(out ushort length))
            {
                return null;
            }
            int start = reader.Position;
            if (!reader.TryReadBytes(length, out var data))
                return null;
            if (type == (ushort)DnsType.Opt)
                edns = new Edns(true, (byte)(ttl >> 24));
            else if (Uncompressed(packet, start, data, (DnsType)type) is not { } whole)
                return null;
            // A TTL above 2^31 is none (RFC 2181).
            else if (kind == DnsWire.InternetClass)
                records.Add(new RecordSet(owner, (DnsType)type, ttl > int.MaxValue ? 0 : ttl, [whole]));
        }
        return records;
    }

    private static DnsName? ReadName(ref MessageReader reader)
    {
        Span<byte> name = stackalloc byte[DnsWire.NameLimit];
        return reader.TryReadName(name, out int length) ? DnsName.FromWire(name[..length]) : null;
    }

    private static byte[]? Uncompressed(ReadOnlySpan<byte> packet, int start, ReadOnlySpan<byte> data, DnsType type)
    {
        if (RecordLayout.Of(type) is not { } layout)
            return type switch
            {
                DnsType.A when data.Length != 4 => null,
                DnsType.Aaaa when data.Length != 16 => null,
                _ => data.ToArray(),
            };
        // Names end within the data, though their pointers lead before it.
        var reader = new MessageReader(packet[..(start + data.Length)], start);
        if (!reader.TryReadBytes(layout.PrefixLength, out var prefix))
            return null;
        var whole = new List<byte>([.. prefix]);
        Span<byte> name = stackalloc byte[DnsWire.NameLimit];
        for (int i = 0; i < layout.NameCount; i++)
        {
            if (!reader.TryReadName(name, out int length))
                return null;
            whole.AddRange(name[..length]);
        }
        if (!reader.TryReadBytes(layout.SuffixLength, out var suffix) || !reader.IsAtEnd)
            return null;
        whole.AddRange(suffix);
        return [.. whole];
    }

    private readonly record struct Edns(bool IsThere, byte UpperCode);
}
