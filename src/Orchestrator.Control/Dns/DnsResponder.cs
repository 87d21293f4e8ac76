namespace Orchestrator.Control.Dns;

/// <summary>What becomes of a packet.</summary>
/// <param name="Length">Of the answer that was written; 0 for none.</param>
/// <param name="Pending">What is known so far, where another server has to be asked first; null otherwise.</param>
public readonly record struct DnsReaction(int Length, Resolution? Pending);

/// <summary>From packets to packets, as far as the cluster itself knows the answer.</summary>
public static class DnsResponder
{
    /// <param name="zone">Null while nothing is known yet: everything fails then, so that nobody takes a name for missing.</param>
    /// <param name="query">Filled from the packet.</param>
    /// <param name="isStream">Whether it came over TCP, where answers may be long.</param>
    /// <param name="rotation">Turns the addresses of a name, so that they are taken alike.</param>
    /// <param name="loopToken">Of this server: what comes with it has come from here.</param>
    /// <param name="into">Room for <see cref="ResponseWriter.BufferLength"/> bytes.</param>
    public static DnsReaction React(
        ClusterZone? zone, DnsQuery query, ReadOnlySpan<byte> packet, bool isStream, uint rotation, ulong loopToken, Span<byte> into)
    {
        DnsCode? refusal = query.Read(packet) switch
        {
            QueryFault.Unanswerable => null,
            QueryFault.FormatError => DnsCode.FormatError,
            QueryFault.NotImplemented => DnsCode.NotImplemented,
            QueryFault.BadVersion => DnsCode.BadVersion,
            _ when query.Class is not (DnsWire.InternetClass or DnsWire.AnyClass) => DnsCode.Refused,
            _ when query.Type is DnsType.Axfr or DnsType.Ixfr => DnsCode.Refused,
            // No types that a name could have.
            _ when query.Type is DnsType.Opt or DnsType.None => DnsCode.FormatError,
            _ when zone is null || (loopToken != 0 && query.LoopToken == loopToken) => DnsCode.ServerFailure,
            _ => DnsCode.NoError,
        };
        if (refusal is not { } code)
            return default;
        if (code != DnsCode.NoError)
            return Answer(Resolution.Failure(code), query, isStream, rotation, into);
        var resolution = zone!.Resolve(query);
        if (resolution.Kind == ResolutionKind.Foreign && query.Type == DnsType.Any)
            resolution = new Resolution { Direct = RecordSet.OfAny(query.QuestionName, zone.TtlSeconds) };
        else if (resolution.Kind != ResolutionKind.Answer)
            return new DnsReaction(0, resolution);
        return Answer(resolution, query, isStream, rotation, into);
    }

    /// <summary>What is known here and what another server said of where it leads.</summary>
    public static Resolution Join(Resolution pending, Resolution other) =>
        pending.Kind == ResolutionKind.LeadsOutside && other.Code is DnsCode.NoError or DnsCode.NameError
            ? other with
            {
                Answers = [.. pending.Answers, .. Aged(other.Answers, other.AgeSeconds)],
                Authorities = [.. Aged(other.Authorities, other.AgeSeconds)],
                Additionals = [.. Aged(other.Additionals, other.AgeSeconds)],
                AgeSeconds = 0,
                IsAuthoritative = true,
            }
            : other;

    private static IEnumerable<RecordSet> Aged(IEnumerable<RecordSet> sets, uint ageSeconds) =>
        sets.Select(set => set with { TtlSeconds = set.TtlSeconds - Math.Min(set.TtlSeconds, ageSeconds) });

    private static DnsReaction Answer(Resolution resolution, DnsQuery query, bool isStream, uint rotation, Span<byte> into) =>
        new(ResponseWriter.Write(query, resolution, isStream, rotation, into), null);
}
