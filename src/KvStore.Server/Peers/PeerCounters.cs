using KvStore.Server.Telemetry;

namespace KvStore.Server.Peers;

/// <summary>What is counted of the traffic with one peer; the names in comments are etcd's, with <c>etcd_network_</c> in front.</summary>
public sealed class PeerCounters
{
    /// <summary><c>peer_sent_bytes_total</c></summary>
    public Tally SentBytes { get; } = new();

    /// <summary><c>peer_received_bytes_total</c></summary>
    public Tally ReceivedBytes { get; } = new();

    /// <summary><c>peer_sent_failures_total</c>: messages dropped, and streams that broke.</summary>
    public Tally SentFailures { get; } = new();

    /// <summary><c>peer_received_failures_total</c>: streams of the peer that were ended because of what came on them.</summary>
    public Tally ReceivedFailures { get; } = new();

    /// <summary><c>disconnected_peers_total</c></summary>
    public Tally Disconnections { get; } = new();

    /// <summary><c>snapshot_send_success</c></summary>
    public Tally SnapshotsSent { get; } = new();

    /// <summary><c>snapshot_send_failures</c></summary>
    public Tally SnapshotSendFailures { get; } = new();

    /// <summary><c>snapshot_receive_success</c></summary>
    public Tally SnapshotsReceived { get; } = new();

    /// <summary><c>snapshot_receive_failures</c></summary>
    public Tally SnapshotReceiveFailures { get; } = new();

    public Tally SentMessages { get; } = new();

    public Tally ReceivedMessages { get; } = new();
}
