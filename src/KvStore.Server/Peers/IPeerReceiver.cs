using KvStore.Raft;

namespace KvStore.Server.Peers;

/// <summary>What a member offers to what comes from its peers. Called on any thread; only the snapshot's part may wait.</summary>
public interface IPeerReceiver
{
    /// <summary>A message of a peer of this cluster to this member, of a type that a peer may send.</summary>
    /// <remarks>It shares no memory with the transport and may be kept.</remarks>
    void Receive(Message message);

    /// <summary>A message to the peer was dropped, or what was sent last may not have come: its stream broke.</summary>
    void ReportUnreachable(NodeId peer);

    /// <summary>How the transfer of a snapshot to the peer ended. Called once for every snapshot that was given to be sent.</summary>
    void ReportSnapshot(NodeId peer, bool isSuccess);

    /// <summary>The peer says that this member was removed from the cluster for good. May be called again and again.</summary>
    void RemovedFromCluster(NodeId peer);

    /// <summary>A peer says that this member has started before, in another data directory. May be called again and again.</summary>
    void DirectoryLost(string reason);

    /// <summary>How much of this snapshot lies here already from a transfer that broke; empty is nothing.</summary>
    /// <param name="snapshot">A message of type Snap.</param>
    /// <returns>Opaque to the transport; the sender's <see cref="ISnapshotBody"/> reads it. At most 64 KiB.</returns>
    ReadOnlyMemory<byte> FindResumeToken(Message snapshot);

    /// <summary>
    /// Takes a snapshot's body, makes it durable, and then steps the message by itself. What it throws is told to the sender,
    /// for which the transfer has failed.
    /// </summary>
    /// <param name="snapshot">A message of type Snap.</param>
    /// <param name="body">Ends where the sender's body ended; throws if the connection breaks before.</param>
    Task ReceiveSnapshotAsync(Message snapshot, Stream body, CancellationToken cancellation);
}
