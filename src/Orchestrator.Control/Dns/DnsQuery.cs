using System.Buffers.Binary;

namespace Orchestrator.Control.Dns;

/// <summary>What is wrong with a question.</summary>
public enum QueryFault
{
    None,

    /// <summary>No question at all: too short for a header, or a response. An answer could begin an endless exchange.</summary>
    Unanswerable,
    FormatError,
    NotImplemented,
    BadVersion,
}

/// <summary>A question as it came. One object is filled again and again by who receives, so that nothing is allocated.</summary>
public sealed class DnsQuery
{
    private byte[] _question = new byte[DnsWire.NameLimit + 4];
    private int _questionLength;

    /// <summary>What is asked for, in small letters.</summary>
    public FoldedName Name { get; private set; } = new();

    public ushort Id { get; private set; }

    public ushort Flags { get; private set; }

    public DnsType Type { get; private set; }

    public ushort Class { get; private set; }

    public bool HasEdns { get; private set; }

    /// <summary>The largest answer over UDP that whoever asks can take.</summary>
    public ushort PayloadSize { get; private set; }

    public bool IsDnssecOk { get; private set; }

    /// <summary>Of the server that sent the question on; 0 if none of our kind did.</summary>
    public ulong LoopToken { get; private set; }

    public bool IsRecursionDesired => (Flags & DnsWire.RecursionDesiredFlag) != 0;

    public bool IsCheckingDisabled => (Flags & DnsWire.CheckingDisabledFlag) != 0;

    /// <summary>Name, type and class as they came, in their case; empty while no question could be read.</summary>
    public ReadOnlySpan<byte> Question => _question.AsSpan(0, _questionLength);

    /// <summary>The name as it came.</summary>
    public DnsName QuestionName => DnsName.FromWire(Question[..^4]);

    /// <summary>A question of our own.</summary>
    public static DnsQuery Of(ushort id, DnsName name, DnsType type, ushort flags = DnsWire.RecursionDesiredFlag)
    {
        byte[] packet = new byte[DnsWire.HeaderLength + name.Wire.Length + 4];
        BinaryPrimitives.WriteUInt16BigEndian(packet, id);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), flags);
        packet[5] = 1;
        name.Wire.CopyTo(packet.AsSpan(DnsWire.HeaderLength));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(packet.Length - 4), (ushort)type);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(packet.Length - 2), DnsWire.InternetClass);
        var query = new DnsQuery();
        return query.Read(packet) == QueryFault.None ? query
            : throw new ArgumentException($"flags that no question has: {flags:x4}", nameof(flags));
    }

    /// <summary>The same question, to be kept.</summary>
    public DnsQuery Copy()
    {
        var copy = (DnsQuery)MemberwiseClone();
        copy._question = [.. Question];
        copy.Name = new FoldedName();
        copy.Name.Set(Question[..^4]);
        return copy;
    }

    public QueryFault Read(ReadOnlySpan<byte> packet)
    {
        _questionLength = 0;
        HasEdns = IsDnssecOk = false;
        PayloadSize = DnsWire.PlainUdpLimit;
        LoopToken = 0;
        if (packet.Length < DnsWire.HeaderLength)
            return QueryFault.Unanswerable;
        Id = BinaryPrimitives.ReadUInt16BigEndian(packet);
        Flags = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        if ((Flags & DnsWire.ResponseFlag) != 0)
            return QueryFault.Unanswerable;
        if ((Flags & DnsWire.OpcodeMask) != 0)
            return QueryFault.NotImplemented;
        // More than one question has no meaning (RFC 9619).
        if (BinaryPrimitives.ReadUInt16BigEndian(packet[4..]) != 1 || !TryReadQuestion(packet))
            return QueryFault.FormatError;
        return ReadAdditional(packet);
    }

    private bool TryReadQuestion(ReadOnlySpan<byte> packet)
    {
        // Nothing stands before it that a pointer could mean, so that it is read as it is.
        var reader = new MessageReader(packet, DnsWire.HeaderLength);
        Span<byte> name = stackalloc byte[DnsWire.NameLimit];
        if (!reader.TryReadName(name, out int length) || reader.Position != DnsWire.HeaderLength + length
            || !reader.TryReadUInt16(out ushort type) || !reader.TryReadUInt16(out ushort kind))
        {
            return false;
        }
        Name.Set(name[..length]);
        Type = (DnsType)type;
        Class = kind;
        packet[DnsWire.HeaderLength..reader.Position].CopyTo(_question);
        _questionLength = length + 4;
        return true;
    }

    /// <summary>Goes over all records behind the question: of what a client may say there, EDNS alone is heard.</summary>
    private QueryFault ReadAdditional(ReadOnlySpan<byte> packet)
    {
        int before = BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) + BinaryPrimitives.ReadUInt16BigEndian(packet[8..]);
        int count = before + BinaryPrimitives.ReadUInt16BigEndian(packet[10..]);
        var reader = new MessageReader(packet, DnsWire.HeaderLength + _questionLength);
        byte version = 0;
        for (int i = 0; i < count; i++)
        {
            int start = reader.Position;
            if (!reader.TrySkipName() || !reader.TryReadUInt16(out ushort type) || !reader.TryReadUInt16(out ushort size)
                || !reader.TryReadUInt32(out uint flags) || !reader.TryReadUInt16(out ushort length)
                || !reader.TryReadBytes(length, out var data))
            {
                return QueryFault.FormatError;
            }
            if (type != (ushort)DnsType.Opt)
                continue;
            if (HasEdns || i < before || packet[start] != 0 || !TryReadOptions(data))
                return QueryFault.FormatError;
            HasEdns = true;
            PayloadSize = Math.Max(size, (ushort)DnsWire.PlainUdpLimit);
            IsDnssecOk = (flags & DnsWire.DnssecOkFlag) != 0;
            version = (byte)(flags >> 16);
        }
        return version == 0 ? QueryFault.None : QueryFault.BadVersion;
    }

    private bool TryReadOptions(ReadOnlySpan<byte> options)
    {
        var reader = new MessageReader(options, 0);
        while (!reader.IsAtEnd)
        {
            if (!reader.TryReadUInt16(out ushort code) || !reader.TryReadUInt16(out ushort length) || !reader.TryReadBytes(length, out var value))
                return false;
            if (code == DnsWire.LoopOption && length == sizeof(ulong))
                LoopToken = BinaryPrimitives.ReadUInt64BigEndian(value);
        }
        return true;
    }
}
