using KvStore.Raft.Quorums;

namespace KvStore.Raft;

/// <summary>
/// Works out the configuration after a change, or refuses the change; the configuration in force is not touched.
/// </summary>
/// <remarks>
/// One voter may come or go at once, since any two majorities then overlap (thesis §4.1). More needs a joint configuration:
/// <code>
/// (1 2 3)  --enter: r1 v4-->  (2 3 4)&amp;&amp;(1 2 3)  --leave-->  (2 3 4)
/// </code>
/// </remarks>
internal sealed class ConfigChanger
{
    private readonly ClusterConfig _before;
    private readonly SortedSet<NodeId> _incoming;
    private readonly SortedSet<NodeId> _outgoing;
    private readonly SortedSet<NodeId> _learners;
    private readonly SortedSet<NodeId> _learnersNext;
    private readonly HashSet<NodeId> _renewed = [];

    public ConfigChanger(ClusterConfig config)
    {
        _before = config;
        _incoming = [.. config.Voters.Incoming.Voters.ToList()];
        _outgoing = [.. config.Voters.Outgoing.Voters.ToList()];
        _learners = [.. config.Learners.ToList()];
        _learnersNext = [.. config.LearnersNext.ToList()];
    }

    /// <summary>Members that were dropped on the way, even if they came back: they start with a new progress.</summary>
    public IReadOnlySet<NodeId> Renewed => _renewed;

    /// <exception cref="RaftException"><see cref="RaftError.InvalidConfChange"/></exception>
    public ClusterConfig Apply(ConfChangeV2 change)
    {
        if (change.IsLeaveJoint)
            return LeaveJoint();
        return change.IsEnterJoint ? EnterJoint(change.IsAutoLeave, change.Changes) : Simple(change.Changes);
    }

    /// <summary>Changes at most one voter, and any number of learners.</summary>
    public ClusterConfig Simple(IReadOnlyList<ConfChangeSingle> changes)
    {
        Refuse(_before.IsJoint, "can't apply simple config change in joint config");
        ApplyToIncoming(changes);
        var config = Result(autoLeave: false);
        int changedVoters = config.Voters.Incoming.Voters.DifferenceCount(_before.Voters.Incoming.Voters);
        Refuse(changedVoters > 1, "more than one voter changed without entering joint config");
        return config;
    }

    public ClusterConfig EnterJoint(bool autoLeave, IReadOnlyList<ConfChangeSingle> changes)
    {
        Refuse(_before.IsJoint, "config is already joint");
        Refuse(_incoming.Count == 0, "can't make a zero-voter config joint");
        _outgoing.UnionWith(_incoming);
        ApplyToIncoming(changes);
        return Result(autoLeave);
    }

    public ClusterConfig LeaveJoint()
    {
        Refuse(!_before.IsJoint, "can't leave a non-joint config");
        _learners.UnionWith(_learnersNext);
        _learnersNext.Clear();
        _outgoing.Clear();
        return Result(autoLeave: false);
    }

    /// <summary>The configuration that a snapshot or a storage kept.</summary>
    public static ClusterConfig Restore(ConfState state)
    {
        var config = new ClusterConfig
        {
            Voters = new JointConfig(
                new MajorityConfig(new NodeSet(state.Voters)),
                new MajorityConfig(new NodeSet(state.VotersOutgoing))),
            Learners = new NodeSet(state.Learners),
            LearnersNext = new NodeSet(state.LearnersNext),
            AutoLeave = state.AutoLeave,
        };
        CheckInvariants(config);
        Invariant.Holds(config.ToConfState().IsEquivalentTo(state));
        return config;
    }

    private void ApplyToIncoming(IReadOnlyList<ConfChangeSingle> changes)
    {
        foreach (var change in changes)
        {
            if (change.NodeId == NodeId.None)
                continue;
            switch (change.Type)
            {
                case ConfChangeType.AddNode: MakeVoter(change.NodeId); break;
                case ConfChangeType.AddLearnerNode: MakeLearner(change.NodeId); break;
                case ConfChangeType.RemoveNode: Remove(change.NodeId); break;
                case ConfChangeType.UpdateNode: break;
                default: throw new RaftException(RaftError.InvalidConfChange, $"unexpected conf type {(int)change.Type}");
            }
        }
        Refuse(_incoming.Count == 0, "removed all voters");
    }

    private void MakeVoter(NodeId id)
    {
        _learners.Remove(id);
        _learnersNext.Remove(id);
        _incoming.Add(id);
    }

    private void MakeLearner(NodeId id)
    {
        if (_learners.Contains(id))
            return;
        _incoming.Remove(id);
        // Who still votes in the outgoing half cannot be a learner too: that waits until the joint configuration is left.
        (_outgoing.Contains(id) ? _learnersNext : _learners).Add(id);
    }

    private void Remove(NodeId id)
    {
        _incoming.Remove(id);
        _learners.Remove(id);
        _learnersNext.Remove(id);
        if (!_outgoing.Contains(id))
            _renewed.Add(id);
    }

    private ClusterConfig Result(bool autoLeave)
    {
        var config = new ClusterConfig
        {
            Voters = new JointConfig(new MajorityConfig(new NodeSet(_incoming)), new MajorityConfig(new NodeSet(_outgoing))),
            Learners = new NodeSet(_learners),
            LearnersNext = new NodeSet(_learnersNext),
            AutoLeave = autoLeave,
        };
        CheckInvariants(config);
        return config;
    }

    private static void CheckInvariants(ClusterConfig config)
    {
        foreach (var id in config.Learners.Ids)
            Invariant.Holds(!config.Voters.Contains(id));
        foreach (var id in config.LearnersNext.Ids)
        {
            Invariant.Holds(config.Voters.Outgoing.Voters.Contains(id));
            Invariant.Holds(!config.Voters.Incoming.Voters.Contains(id));
        }
        Invariant.Holds(config.IsJoint || config.LearnersNext.IsEmpty);
        Invariant.Holds(config.IsJoint || !config.AutoLeave);
    }

    private static void Refuse(bool condition, string reason)
    {
        if (condition)
            throw new RaftException(RaftError.InvalidConfChange, reason);
    }
}
