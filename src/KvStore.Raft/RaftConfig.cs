namespace KvStore.Raft;

/// <summary>What a node is made of. Defaults are etcd's where etcd has one.</summary>
public sealed class RaftConfig
{
    public const ulong NoLimit = ulong.MaxValue;

    public required NodeId Id { get; init; }

    public required IRaftStorage Storage { get; init; }

    /// <summary>Returns a number in [0, n), for election timeouts: the core has no randomness of its own.</summary>
    public required Func<int, int> RandomBelow { get; init; }

    /// <summary>A follower campaigns after [ElectionTicks, 2 × ElectionTicks) ticks without a leader (thesis §3.4).</summary>
    public int ElectionTicks { get; init; } = 10;

    public int HeartbeatTicks { get; init; } = 1;

    /// <summary>The last index that the state machine has applied; 0 lets the node apply the log from its first entry.</summary>
    public ulong Applied { get; init; }

    /// <summary>Storage work is handed out as messages and the node goes on meanwhile, instead of waiting for Advance.</summary>
    public bool AsyncStorageWrites { get; init; }

    /// <summary>The most entry bytes in one App message; 0 sends one entry a message.</summary>
    public ulong MaxSizePerMessageBytes { get; init; } = 1024 * 1024;

    /// <summary>The most bytes of committed entries handed out and not yet applied; 0 takes MaxSizePerMessageBytes.</summary>
    public ulong MaxCommittedSizePerReadyBytes { get; init; }

    /// <summary>The most payload bytes in the leader's uncommitted tail; more is dropped. 0 is no limit.</summary>
    public ulong MaxUncommittedEntriesSizeBytes { get; init; }

    /// <summary>The most App messages under way to one follower.</summary>
    public int MaxInflightMessages { get; init; } = 512;

    /// <summary>The most entry bytes under way to one follower; the message that crosses it still goes. 0 is no limit.</summary>
    public ulong MaxInflightBytes { get; init; }

    /// <summary>The leader steps down when a quorum was silent for an election timeout (thesis §6.2).</summary>
    public bool CheckQuorum { get; init; } = true;

    /// <summary>Campaigns ask first and disturb nobody (thesis §9.6).</summary>
    public bool PreVote { get; init; } = true;

    public ReadOnlyOption ReadOnlyOption { get; init; } = ReadOnlyOption.Safe;

    /// <summary>A leader that is removed or demoted steps down when it applies that.</summary>
    /// <remarks>
    /// Off, it leads on, takes no proposals, and brings the others to know of the change; then the application stops it. That
    /// is the safer way for a group that shrinks to one: see the thesis, §4.2.2.
    /// </remarks>
    public bool StepDownOnRemoval { get; init; }

    /// <summary>Lets any membership change into the log; the application then checks when it applies.</summary>
    public bool DisableConfChangeValidation { get; init; }

    /// <summary>A follower refuses proposals instead of passing them to the leader.</summary>
    public bool DisableProposalForwarding { get; init; }

    internal ulong EffectiveMaxCommittedSizeBytes =>
        MaxCommittedSizePerReadyBytes == 0 ? MaxSizePerMessageBytes : MaxCommittedSizePerReadyBytes;

    internal ulong EffectiveMaxUncommittedSizeBytes =>
        MaxUncommittedEntriesSizeBytes == 0 ? NoLimit : MaxUncommittedEntriesSizeBytes;

    /// <exception cref="RaftException"><see cref="RaftError.InvalidConfig"/>, saying what to change.</exception>
    internal void Validate()
    {
        Require(Id != NodeId.None && !Id.IsLocalThread, $"Id {Id} is reserved: give the node another one");
        Require(HeartbeatTicks > 0, "HeartbeatTicks must be at least 1");
        Require(ElectionTicks > HeartbeatTicks, "ElectionTicks must be greater than HeartbeatTicks, better ten times");
        Require(MaxInflightMessages > 0, "MaxInflightMessages must be at least 1");
        Require(MaxInflightBytes == 0 || MaxInflightBytes >= MaxSizePerMessageBytes,
            "MaxInflightBytes must be 0 or at least MaxSizePerMessageBytes");
        Require(ReadOnlyOption != ReadOnlyOption.LeaseBased || CheckQuorum, "lease-based reads need CheckQuorum");
    }

    private static void Require(bool condition, string whatToChange)
    {
        if (!condition)
            throw new RaftException(RaftError.InvalidConfig, whatToChange);
    }
}
