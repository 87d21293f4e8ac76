namespace KvStore.Raft;

/// <summary>A refusal where a result code would be overlooked: a node's configuration, a membership change.</summary>
public sealed class RaftException(RaftError error, string message) : Exception(message)
{
    public RaftException(RaftError error)
        : this(error, Describe(error))
    {
    }

    public RaftError Error { get; } = error;

    /// <summary>The refusal in etcd-io/raft's words, which scenario files and operators know.</summary>
    public static string Describe(RaftError error) => error switch
    {
        RaftError.None => "no error",
        RaftError.ProposalDropped => "raft proposal dropped",
        RaftError.Compacted => "requested index is unavailable due to compaction",
        RaftError.Unavailable => "requested entry at index is unavailable",
        RaftError.SnapshotOutOfDate => "requested index is older than the existing snapshot",
        RaftError.SnapshotTemporarilyUnavailable => "snapshot is temporarily unavailable",
        RaftError.StepLocalMessage => "raft: cannot step raft local message",
        RaftError.StepPeerNotFound => "raft: cannot step as peer not found",
        RaftError.InvalidConfChange => "raft: invalid configuration change",
        RaftError.InvalidConfig => "raft: invalid configuration",
        _ => throw new ArgumentOutOfRangeException(nameof(error), error, "unknown refusal"),
    };
}
