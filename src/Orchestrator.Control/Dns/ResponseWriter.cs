namespace Orchestrator.Control.Dns;

/// <summary>Writes answers: as much as fits, and a mark where something is missing.</summary>
public static class ResponseWriter
{
    private const int OptLength = 11;

    /// <summary>Enough for any answer: beyond the limit a record is tried before it is taken back.</summary>
    public const int BufferLength = DnsWire.TcpLimit;

    /// <returns>The length of the message.</returns>
    public static int Write(DnsQuery query, Resolution resolution, bool isStream, uint rotation, Span<byte> into)
    {
        int limit = isStream ? Math.Min(DnsWire.TcpLimit, into.Length) : Math.Min((int)query.PayloadSize, DnsWire.UdpLimit);
        var writer = new MessageWriter(into, query.HasEdns ? limit - OptLength : limit);
        bool hasQuestion = query.Question.Length > 0;
        if (hasQuestion)
            writer.WriteQuestion(query.Question);
        bool isWhole = true;
        int answers = 0, authorities = 0, additionals = 0;
        if (resolution.Direct is { } direct)
            isWhole = TryWriteSet(ref writer, direct, query.Question[..^4], resolution.AgeSeconds, rotation, ref answers);
        foreach (var set in resolution.Answers)
            isWhole = isWhole && TryWriteSet(ref writer, set, set.Owner.Wire, resolution.AgeSeconds, rotation, ref answers);
        foreach (var set in resolution.Authorities)
            isWhole = isWhole && TryWriteSet(ref writer, set, set.Owner.Wire, resolution.AgeSeconds, rotation, ref authorities);
        // What is only meant to save a question may be missing without a word.
        bool hasRoom = isWhole;
        foreach (var set in resolution.Additionals)
            hasRoom = hasRoom && TryWriteSet(ref writer, set, set.Owner.Wire, resolution.AgeSeconds, rotation, ref additionals);
        if (query.HasEdns)
        {
            uint upper = (uint)resolution.Code >> 4 << 24 | (query.IsDnssecOk ? DnsWire.DnssecOkFlag : 0);
            writer.WriteOpt(DnsWire.UdpLimit, upper, []);
            additionals++;
        }
        writer.WriteHeader(query.Id, FlagsOf(query, resolution, isWhole), hasQuestion ? 1 : 0, answers, authorities, additionals);
        return writer.Position;
    }

    private static ushort FlagsOf(DnsQuery query, in Resolution resolution, bool isWhole)
    {
        int kept = query.Flags & (DnsWire.OpcodeMask | DnsWire.RecursionDesiredFlag | DnsWire.CheckingDisabledFlag);
        return (ushort)(kept | DnsWire.ResponseFlag | DnsWire.RecursionAvailableFlag | (ushort)resolution.Code & DnsWire.CodeMask
            | (resolution.IsAuthoritative ? DnsWire.AuthoritativeFlag : 0)
            | (isWhole && !resolution.IsTruncated ? 0 : DnsWire.TruncatedFlag));
    }

    private static bool TryWriteSet(
        ref MessageWriter writer, RecordSet set, ReadOnlySpan<byte> owner, uint ageSeconds, uint rotation, ref int count)
    {
        uint ttl = set.TtlSeconds > ageSeconds ? set.TtlSeconds - ageSeconds : 0;
        var data = set.Data;
        int first = set.Type is DnsType.A or DnsType.Aaaa && data.Count > 1 ? (int)(rotation % (uint)data.Count) : 0;
        for (int i = 0; i < data.Count; i++)
        {
            int index = first + i < data.Count ? first + i : first + i - data.Count;
            if (!writer.TryWriteRecord(owner, set.Type, ttl, data[index]))
                return false;
            count++;
        }
        return true;
    }
}
