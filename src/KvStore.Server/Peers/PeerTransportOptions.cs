using KvStore.Raft;
using KvStore.Server.Tls;

namespace KvStore.Server.Peers;

/// <summary>Who a member is to its peers, and the transport's limits.</summary>
public sealed record PeerTransportOptions
{
    public required ulong ClusterId { get; init; }

    public required NodeId MemberId { get; init; }

    /// <summary>Where a peer that does not know this member yet can answer it.</summary>
    public required IReadOnlyList<string> PeerUrls { get; init; }

    /// <summary>Opens the state that goes with a Snap message. What it throws fails that transfer.</summary>
    public required Func<Message, ISnapshotBody> OpenSnapshot { get; init; }

    /// <summary>
    /// Whether a member was removed from the cluster, beside those of <see cref="PeerTransport.RemovePeer"/>: what is known
    /// from an earlier life. Any thread.
    /// </summary>
    public Func<NodeId, bool> IsRemoved { get; init; } = _ => false;

    /// <summary>The data directory that this member runs in; 0 if it has no number.</summary>
    public ulong DirectoryId { get; init; }

    /// <summary>The data directory in which a member is known to have started; 0 if that is not known. Any thread.</summary>
    public Func<NodeId, ulong> DirectoryOf { get; init; } = _ => 0;

    /// <summary>Null where no peer has a URL with https.</summary>
    public PeerTls? Tls { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Messages that may wait for one peer in each of its two lanes; what comes beyond is dropped and reported.</summary>
    public int QueueLimit { get; init; } = 4096;

    /// <summary>Bytes of entries that may wait for one peer.</summary>
    public long QueueLimitBytes { get; init; } = 64 << 20;

    /// <summary>Largest frame, so largest message. The same for all members; above the largest request.</summary>
    public int FrameLimitBytes { get; init; } = 64 << 20;

    /// <summary>Members that call but are not known here (yet), which are answered nevertheless.</summary>
    public int StrangerLimit { get; init; } = 16;

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>From the first packet to the peer's consent: with TLS handshake and HTTP.</summary>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(5);

    public TimeSpan LeastBackOff { get; init; } = TimeSpan.FromMilliseconds(50);

    public TimeSpan MostBackOff { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan PingInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A stream on which nothing was heard from the other side for so long is given up. Etcd's --raft-read-timeout.</summary>
    public TimeSpan SilenceTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A snapshot's transfer that made no progress for so long has failed.</summary>
    public TimeSpan SnapshotSilenceTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>What a receiver may need after the last byte of a snapshot.</summary>
    public TimeSpan SnapshotInstallTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Snapshots sent at once, each to another peer; others wait.</summary>
    public int OutgoingSnapshotLimit { get; init; } = 2;
}
