using System.Buffers.Binary;

namespace Orchestrator.Control.Dns;

/// <summary>Questions to other servers, and what is to be believed of their answers.</summary>
public static class ForwardedQuestion
{
    /// <summary>Room for any question.</summary>
    public const int BufferLength = DnsWire.HeaderLength + DnsWire.NameLimit + 4 + 32;

    /// <param name="hasEdns">Without it there is no mark against circles: for old servers.</param>
    /// <returns>The length of the packet.</returns>
    public static int Write(ushort id, DnsQuery query, bool hasEdns, ulong loopToken, Span<byte> into)
    {
        var writer = new MessageWriter(into, into.Length);
        writer.WriteQuestion(query.Question);
        if (hasEdns)
        {
            Span<byte> option = stackalloc byte[4 + sizeof(ulong)];
            BinaryPrimitives.WriteUInt16BigEndian(option, DnsWire.LoopOption);
            BinaryPrimitives.WriteUInt16BigEndian(option[2..], sizeof(ulong));
            BinaryPrimitives.WriteUInt64BigEndian(option[4..], loopToken);
            writer.WriteOpt(DnsWire.UdpLimit, query.IsDnssecOk ? DnsWire.DnssecOkFlag : 0, option);
        }
        ushort flags = (ushort)(DnsWire.RecursionDesiredFlag | query.Flags & DnsWire.CheckingDisabledFlag);
        writer.WriteHeader(id, flags, 1, 0, 0, hasEdns ? 1 : 0);
        return writer.Position;
    }

    /// <summary>Whether a message answers the question: anybody may send to a port.</summary>
    public static bool IsAnswered(DnsMessage message, ushort id, DnsQuery query) =>
        message.IsResponse && message.Id == id && message.QuestionType == query.Type
        && message.QuestionName is { } name && DnsWire.EqualsFolded(name.Wire, query.Question[..^4]);

    /// <summary>The message as an answer of ours.</summary>
    public static Resolution ToResolution(DnsMessage message) => new()
    {
        Code = message.Code,
        Answers = message.Answers,
        Authorities = message.Authorities,
        Additionals = message.Additionals,
        IsTruncated = message.IsTruncated,
    };

    /// <summary>How long an answer may be given again: as its shortest record lives, a denial as its zone says (RFC 2308).</summary>
    /// <returns>0 for what is not to be kept: failures, and what is not whole.</returns>
    public static uint LifetimeSeconds(DnsMessage message, uint positiveLimit, uint negativeLimit)
    {
        if (message.IsTruncated || message.Code is not (DnsCode.NoError or DnsCode.NameError))
            return 0;
        uint shortest = uint.MaxValue;
        foreach (var set in message.Answers.Concat(message.Authorities).Concat(message.Additionals))
            shortest = Math.Min(shortest, set.TtlSeconds);
        bool isDenial = message.Code == DnsCode.NameError || message.Answers.All(set => set.Type == DnsType.Cname && message.QuestionType != DnsType.Cname);
        if (!isDenial)
            return Math.Min(shortest, positiveLimit);
        // Without its zone's word a denial is nobody's to repeat.
        return message.Authorities.FirstOrDefault(set => set.Type == DnsType.Soa) is { } authority
            ? Math.Min(Math.Min(shortest, MinimumOf(authority)), negativeLimit)
            : 0;
    }

    private static uint MinimumOf(RecordSet authority) =>
        BinaryPrimitives.ReadUInt32BigEndian(authority.Data[0].AsSpan(authority.Data[0].Length - sizeof(uint)));
}
