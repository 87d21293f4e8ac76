namespace KvStore.Raft;

/// <summary>Why the core or its storage refused something. A refusal changes nothing.</summary>
public enum RaftError
{
    None = 0,

    /// <summary>
    /// No leader, a leadership transfer under way, a member that was removed, or too much uncommitted: try again later.
    /// </summary>
    ProposalDropped,

    /// <summary>The index is before the first one that the log still holds.</summary>
    Compacted,

    /// <summary>The index is after the last one that the log holds.</summary>
    Unavailable,

    /// <summary>The snapshot is older than the one that the storage already has.</summary>
    SnapshotOutOfDate,

    /// <summary>The application is still making the snapshot: the leader asks again later.</summary>
    SnapshotTemporarilyUnavailable,

    /// <summary>A message type that only the node itself may make came from the network.</summary>
    StepLocalMessage,

    /// <summary>A response came from a node that is no member.</summary>
    StepPeerNotFound,

    /// <summary>The membership change cannot follow on the configuration in force; the text says why.</summary>
    InvalidConfChange,

    /// <summary>The configuration that the node was given contradicts itself; the text says where.</summary>
    InvalidConfig,
}
