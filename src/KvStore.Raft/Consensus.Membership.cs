namespace KvStore.Raft;

// Changes of the members (thesis §4). A change takes effect when it is applied, on each member by itself.
internal sealed partial class Consensus
{
    // While a snapshot is being restored: the configuration that entries before it, still being applied, change.
    private ClusterConfig? _overtakenConfig;

    /// <exception cref="RaftException"><see cref="RaftError.InvalidConfChange"/>; nothing changed.</exception>
    public ConfState ApplyConfChange(ConfChangeV2 change)
    {
        if (_overtakenConfig is not null)
        {
            // The snapshot's configuration has this change in it. But the state machine is not there yet, and wants to know
            // the members at its own index.
            _overtakenConfig = new ConfigChanger(_overtakenConfig).Apply(change);
            return _overtakenConfig.ToConfState();
        }
        var changer = new ConfigChanger(_tracker.Config);
        return SwitchToConfig(changer.Apply(change), changer.Renewed);
    }

    private ConfState SwitchToConfig(ClusterConfig config, IReadOnlySet<NodeId> renewed)
    {
        _tracker.Switch(config, renewed, Log.LastIndex);
        if (Role != Role.Leader)
            return config.ToConfState();
        if (_tracker.Find(Id) is null or { IsLearner: true })
        {
            // It leads on without counting itself until somebody else is elected, unless told to go (thesis §4.2.2).
            if (_config.StepDownOnRemoval)
                BecomeFollower(Term, NodeId.None);
            return config.ToConfState();
        }
        LeadNewConfig();
        return config.ToConfState();
    }

    private void LeadNewConfig()
    {
        // With fewer voters more may be committed; else newcomers need not wait for the next heartbeat.
        if (MaybeCommit())
        {
            ReleasePostponedReads();
            BroadcastAppend();
        }
        else
        {
            ProbeMembers();
        }
        AnswerConfirmedReads();
        if (!_tracker.Config.Voters.Contains(_leadTransferee))
            _leadTransferee = NodeId.None;
    }

    private void ProbeMembers()
    {
        foreach (var member in _tracker.Members)
        {
            if (member.Id != Id)
                TrySendAppend(member, sendIfEmpty: false);
        }
    }

    private void AppliedTo(ulong index, ulong sizeBytes)
    {
        ulong applied = Math.Max(index, Log.Applied);
        Log.AppliedTo(applied, sizeBytes);
        // Tried again with each applied entry: a leadership transfer may have refused it. No size limit can (see ConfChangeV2).
        if (Role == Role.Leader && _tracker.Config.AutoLeave && applied >= _pendingConfIndex)
            ProposeAsLeader([new Entry(0, 0, EntryType.ConfChangeV2, default)]);
    }

    // A change that cannot follow on the one in force becomes an empty entry: its proposer sees it come by without effect.
    private bool TryCheckConfChanges(ref ReadOnlySpan<Entry> entries, out ulong pendingConfIndex)
    {
        pendingConfIndex = _pendingConfIndex;
        Entry[]? replaced = null;
        for (int i = 0; i < entries.Length; i++)
        {
            if (entries[i].Type == EntryType.Normal)
                continue;
            if (ConfChangeV2.FromEntry(entries[i]) is not { } change)
                return false;
            if (_config.DisableConfChangeValidation || MayFollow(change, pendingConfIndex))
                pendingConfIndex = Log.LastIndex + (ulong)i + 1;
            else
                (replaced ??= entries.ToArray())[i] = new Entry(0, 0, EntryType.Normal, default);
        }
        if (replaced is not null)
            entries = replaced;
        return true;
    }

    private bool MayFollow(ConfChangeV2 change, ulong pendingConfIndex)
    {
        bool isPending = pendingConfIndex > Log.Applied;
        bool wantsToLeave = change.Changes.Count == 0;
        return !isPending && _tracker.Config.IsJoint == wantsToLeave;
    }
}
