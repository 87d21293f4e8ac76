using KvStore.Raft.Quorums;

namespace KvStore.Raft;

/// <summary>The configuration in force: who votes, who only learns. Immutable; each change makes a new one.</summary>
public sealed class ClusterConfig
{
    public static readonly ClusterConfig Empty = new();

    public JointConfig Voters { get; init; } = JointConfig.Empty;

    public NodeSet Learners { get; init; } = NodeSet.Empty;

    /// <summary>Outgoing voters that turn into learners when the joint configuration is left: nobody is both at once.</summary>
    public NodeSet LearnersNext { get; init; } = NodeSet.Empty;

    public bool AutoLeave { get; init; }

    public bool IsJoint => !Voters.Outgoing.Voters.IsEmpty;

    public ConfState ToConfState() => new()
    {
        Voters = Voters.Incoming.Voters.ToList(),
        VotersOutgoing = Voters.Outgoing.Voters.ToList(),
        Learners = Learners.ToList(),
        LearnersNext = LearnersNext.ToList(),
        AutoLeave = AutoLeave,
    };

    /// <summary>Whether the node counts in any way.</summary>
    public bool Contains(NodeId id) => Voters.Contains(id) || Learners.Contains(id);
}
