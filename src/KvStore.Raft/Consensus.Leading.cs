namespace KvStore.Raft;

// What a leader does with messages and ticks.
internal sealed partial class Consensus
{
    /// <summary>Appends entries at the leader, or passes them on to it.</summary>
    public RaftError Propose(ReadOnlyMemory<Entry> entries) => Role == Role.Leader
        ? ProposeAsLeader(entries.Span)
        : Step(new Message { Type = MessageType.Prop, From = Id, Entries = entries });

    public RaftError ProposeAsLeader(ReadOnlySpan<Entry> entries)
    {
        Invariant.Holds(Role == Role.Leader);
        // A leader that was removed, but has not stepped down, adds nothing; while it hands over, its successor must catch up.
        if (entries.IsEmpty || _tracker.Find(Id) is null || _leadTransferee != NodeId.None)
            return RaftError.ProposalDropped;
        if (!TryCheckConfChanges(ref entries, out ulong pendingConfIndex) || !TryAppendOwn(entries))
            return RaftError.ProposalDropped;
        _pendingConfIndex = pendingConfIndex;
        BroadcastAppend();
        return RaftError.None;
    }

    private void TickLeader()
    {
        _heartbeatElapsed++;
        _electionElapsed++;
        if (_electionElapsed >= _config.ElectionTicks)
        {
            _electionElapsed = 0;
            if (_config.CheckQuorum)
                CheckQuorum();
            // The successor did not make it within an election timeout: go on leading (thesis §3.10).
            _leadTransferee = NodeId.None;
        }
        if (Role != Role.Leader || _heartbeatElapsed < _config.HeartbeatTicks)
            return;
        _heartbeatElapsed = 0;
        BroadcastHeartbeat();
    }

    // A leader that cannot reach a majority must not go on answering: another one may have been elected (thesis §6.2).
    private void CheckQuorum()
    {
        if (!_tracker.IsQuorumActive())
            BecomeFollower(Term, NodeId.None);
        foreach (var member in _tracker.Members)
            member.IsRecentlyActive = member.Id == Id;
    }

    private RaftError StepLeader(Message message)
    {
        switch (message.Type)
        {
            case MessageType.Beat:
                BroadcastHeartbeat();
                return RaftError.None;
            case MessageType.CheckQuorum:
                CheckQuorum();
                return RaftError.None;
            case MessageType.Prop:
                return ProposeAsLeader(message.Entries.Span);
            case MessageType.ReadIndex:
                StepReadIndex(message);
                return RaftError.None;
            case MessageType.App or MessageType.Heartbeat:
                // Two leaders in one term: elections are broken (thesis §3.6.3).
                Invariant.Holds(message.Term < Term);
                return RaftError.None;
        }
        if (_tracker.Find(message.From) is { } member)
            StepMember(member, message);
        return RaftError.None;
    }

    private void StepMember(Progress member, Message message)
    {
        switch (message.Type)
        {
            case MessageType.AppResp: StepAppendResponse(member, message); break;
            case MessageType.HeartbeatResp: StepHeartbeatResponse(member, message); break;
            case MessageType.SnapStatus: StepSnapshotStatus(member, message); break;
            case MessageType.Unreachable: StepUnreachable(member); break;
            case MessageType.TransferLeader: StepTransferLeader(member); break;
        }
    }

    private void StepAppendResponse(Progress member, Message response)
    {
        member.IsRecentlyActive = true;
        if (response.Reject)
            StepAppendRefused(member, response);
        else
            StepAppendAccepted(member, response);
    }

    private void StepAppendRefused(Progress member, Message response)
    {
        // The follower names its last entry that may match. Ours of a later term cannot be it, so they are skipped: at most
        // one probe a term, however long the logs differ.
        //   index      1 2 3 4 5 6 7 8 9
        //   leader     1 3 3 3 5 5 5 5 5      hint: index 6, term 2  ->  probe after 1, since 2 to 6 have terms above 2
        //   follower   1 1 1 1 2 2
        ulong nextProbe = response.RejectHint;
        if (response.LogTerm > 0)
            nextProbe = Log.LastNotAfterTerm(response.RejectHint, response.LogTerm).Index;
        if (!member.MaybeDecreaseTo(response.Index, nextProbe))
            return;
        if (member.State == ProgressState.Replicate)
            member.BecomeProbe();
        SendAppend(member);
    }

    private void StepAppendAccepted(Progress member, Message response)
    {
        // An acknowledgement that brings nothing new still ends a probe: so a member that was unreachable for a moment
        // gets back to replication.
        bool endsProbe = member.State == ProgressState.Probe && member.Match == response.Index;
        if (!member.MaybeUpdate(response.Index) && !endsProbe)
            return;
        ResumeReplication(member, response.Index);
        if (MaybeCommit())
        {
            ReleasePostponedReads();
            BroadcastAppend();
        }
        else if (member.Id != Id && member.CanBumpCommit(Log.Committed))
        {
            SendAppend(member);
        }
        if (member.Id != Id)
            SendAllAppends(member);
        if (member.Id == _leadTransferee && member.Match == Log.LastIndex)
            SendTimeoutNow(member.Id);
    }

    private void ResumeReplication(Progress member, ulong acked)
    {
        switch (member.State)
        {
            case ProgressState.Probe:
                member.BecomeReplicate();
                break;
            // Any log that connects to ours will do, wherever the snapshot came from and whatever its index.
            case ProgressState.Snapshot when member.Match + 1 >= Log.FirstIndex:
                member.BecomeProbe();
                member.BecomeReplicate();
                break;
            case ProgressState.Replicate:
                member.FreeInflightsUpTo(acked);
                break;
        }
    }

    private void StepHeartbeatResponse(Progress member, Message response)
    {
        member.IsRecentlyActive = true;
        member.IsFlowPaused = false;
        // With a full window this append is empty. Its answer shows whether what filled the window was lost.
        if (member.Match < Log.LastIndex || member.State == ProgressState.Probe)
            SendAppend(member);
        if (_config.ReadOnlyOption != ReadOnlyOption.Safe || response.Context.IsEmpty)
            return;
        _reads.Acknowledge(member.Id, response.Context.Span);
        AnswerConfirmedReads();
    }

    private static void StepSnapshotStatus(Progress member, Message status)
    {
        if (member.State != ProgressState.Snapshot)
            return;
        if (status.Reject)
            member.ForgetPendingSnapshot();
        member.BecomeProbe();
        // After success the follower's acknowledgement comes next; after failure the next heartbeat is early enough.
        member.IsFlowPaused = true;
    }

    private static void StepUnreachable(Progress member)
    {
        // What is under way is lost, most likely.
        if (member.State == ProgressState.Replicate)
            member.BecomeProbe();
    }

    private void StepTransferLeader(Progress member)
    {
        if (member.IsLearner || member.Id == _leadTransferee)
            return;
        _leadTransferee = NodeId.None;
        if (member.Id == Id)
            return;
        // It has one election timeout from now (thesis §3.10).
        _electionElapsed = 0;
        _leadTransferee = member.Id;
        if (member.Match == Log.LastIndex)
            SendTimeoutNow(member.Id);
        else
            SendAppend(member);
    }

    // Appends to the leader's own log; what its own disk acknowledges comes back as a message, like anybody's.
    private bool TryAppendOwn(ReadOnlySpan<Entry> entries)
    {
        if (!TryReserveUncommitted(Entry.PayloadSizeOf(entries)))
            return false;
        ulong lastIndex = Log.LastIndex;
        Log.Unstable.Reserve(entries.Length);
        foreach (ref readonly var entry in entries)
            Log.Unstable.Append(new Entry(Term, ++lastIndex, entry.Type, entry.Data));
        SendAfterAppend(new Message { Type = MessageType.AppResp, From = Id, To = Id, Term = Term, Index = lastIndex });
        return true;
    }

    // An empty tail takes any one proposal, and an empty payload always fits: the limit can delay, but not deadlock.
    private bool TryReserveUncommitted(ulong sizeBytes)
    {
        if (_uncommittedBytes > 0 && sizeBytes > 0 && _uncommittedBytes + sizeBytes > _config.EffectiveMaxUncommittedSizeBytes)
            return false;
        _uncommittedBytes += sizeBytes;
        return true;
    }
}
