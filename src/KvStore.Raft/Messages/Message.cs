namespace KvStore.Raft;

/// <summary>What members, and a node and its storage, tell each other. Immutable, so it may be handed to any thread.</summary>
/// <remarks>Which fields count depends on the type; they have etcd-io/raft's names and meaning.</remarks>
public sealed record Message
{
    public required MessageType Type { get; init; }

    public NodeId To { get; init; }

    public NodeId From { get; init; }

    /// <summary>The sender's term; 0 in what has none: local messages, proposals, reads.</summary>
    public ulong Term { get; init; }

    /// <summary>The term of the entry at <see cref="Index"/>.</summary>
    public ulong LogTerm { get; init; }

    /// <summary>
    /// App: the entry before <see cref="Entries"/>. AppResp: the last entry held. Vote: the candidate's last entry.
    /// </summary>
    public ulong Index { get; init; }

    public ReadOnlyMemory<Entry> Entries { get; init; }

    public ulong Commit { get; init; }

    /// <summary>Part of the hard state in a StorageAppend.</summary>
    public NodeId Vote { get; init; }

    /// <summary>
    /// In a StorageAppend: to be persisted before the entries, and the state restored from it before the responses.
    /// </summary>
    public Snapshot? Snapshot { get; init; }

    public bool Reject { get; init; }

    /// <summary>In a refused AppResp: the last index at which the follower's log may still match (thesis §3.5).</summary>
    public ulong RejectHint { get; init; }

    public ReadOnlyMemory<byte> Context { get; init; }

    /// <summary>What the storage delivers once the work is done: to this node by Step, to others over the network.</summary>
    public IReadOnlyList<Message> Responses { get; init; } = [];

    /// <summary>The hard state to persist with a StorageAppend; empty when it did not change.</summary>
    public HardState HardState => new(Term, Vote, Commit);

    /// <summary>Whether the type is one that only the node itself may make.</summary>
    public static bool IsLocal(MessageType type) => type is MessageType.Hup or MessageType.Beat or MessageType.Unreachable
        or MessageType.SnapStatus or MessageType.CheckQuorum or MessageType.StorageAppend or MessageType.StorageAppendResp
        or MessageType.StorageApply or MessageType.StorageApplyResp;

    /// <summary>Whether the type answers something, so that it makes sense from a known member only.</summary>
    public static bool IsResponse(MessageType type) => type is MessageType.AppResp or MessageType.VoteResp
        or MessageType.HeartbeatResp or MessageType.Unreachable or MessageType.ReadIndexResp or MessageType.PreVoteResp
        or MessageType.StorageAppendResp or MessageType.StorageApplyResp;
}
