using KvStore.Raft;
using KvStore.Server.Peers.Incoming;
using KvStore.Server.Peers.Outgoing;
using KvStore.Server.Peers.Snapshots;

namespace KvStore.Server.Peers;

/// <summary>All that the transport has of one peer.</summary>
internal sealed class Peer(NodeId id, PeerSender sender, SnapshotLane snapshots, PeerCounters counters)
{
    private IncomingStream? _incoming;
    private string? _stopReason;

    public NodeId Id => id;

    public PeerSender Sender => sender;

    public SnapshotLane Snapshots => snapshots;

    public PeerCounters Counters => counters;

    /// <summary>False for one that only called: it is forgotten when it hangs up. Guarded by the transport's lock.</summary>
    public bool IsMember { get; set; }

    /// <summary>The peer's newest stream to this member; an older one is half dead, and ends.</summary>
    public void SetIncoming(IncomingStream stream)
    {
        if (Interlocked.Exchange(ref _incoming, stream) is { } older)
            _ = older.EndAsync("a newer stream took its place");
        if (Volatile.Read(ref _stopReason) is { } reason)
            _ = stream.EndAsync(reason);
    }

    public void EndIncoming(Predicate<IncomingStream> which, string reason)
    {
        if (Volatile.Read(ref _incoming) is { } stream && which(stream))
            _ = stream.EndAsync(reason);
    }

    public void ClearIncoming(IncomingStream stream) => Interlocked.CompareExchange(ref _incoming, null, stream);

    public bool HasIncoming => Volatile.Read(ref _incoming) is not null;

    public void Tick()
    {
        sender.Tick();
        Volatile.Read(ref _incoming)?.Tick();
    }

    public async Task StopAsync(string reason)
    {
        Interlocked.Exchange(ref _stopReason, reason);
        var incoming = Volatile.Read(ref _incoming);
        if (incoming is not null)
            await incoming.EndAsync(reason);
        await Task.WhenAll(sender.StopAsync(), snapshots.StopAsync(), incoming?.Ended ?? Task.CompletedTask);
    }
}
