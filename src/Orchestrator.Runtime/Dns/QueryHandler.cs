using Orchestrator.Control.Dns;

namespace Orchestrator.Runtime.Dns;

/// <summary>Answers what is known at once, and the rest when other servers have answered.</summary>
internal sealed class QueryHandler(Func<ClusterZone?> zone, Forwarder forwarder, ulong loopToken)
{
    private uint _rotation;

    /// <summary>What can be answered at once.</summary>
    /// <param name="into">Of <see cref="ResponseWriter.BufferLength"/> bytes.</param>
    public DnsReaction React(DnsQuery query, ReadOnlySpan<byte> packet, bool isStream, Span<byte> into)
    {
        // Only roughly one more each time: it need not be exact, and several count at once.
        uint rotation = _rotation++;
        var reaction = DnsResponder.React(zone(), query, packet, isStream, rotation, loopToken, into);
        if (reaction.Pending is not { Kind: ResolutionKind.Foreign } || !forwarder.TryGetKept(query, out var kept))
            return reaction;
        return new DnsReaction(ResponseWriter.Write(query, kept, isStream, rotation, into), null);
    }

    /// <summary>What other servers have to be asked for.</summary>
    /// <param name="query">Nobody else's.</param>
    public async Task<int> CompleteAsync(DnsQuery query, Resolution pending, bool isStream, Memory<byte> into, CancellationToken ct)
    {
        var asked = pending.Kind == ResolutionKind.Foreign ? query : DnsQuery.Of(query.Id, pending.Target!, query.Type);
        var other = await forwarder.AskAsync(asked, ct);
        return ResponseWriter.Write(query, DnsResponder.Join(pending, other), isStream, _rotation++, into.Span);
    }
}
