namespace KvStore.Raft;

// What a follower does with messages.
internal sealed partial class Consensus
{
    private RaftError StepFollower(Message message)
    {
        switch (message.Type)
        {
            case MessageType.Prop:
                return ForwardProposal(message);
            case MessageType.App:
                HearLeader(message.From);
                StepAppend(message);
                break;
            case MessageType.Heartbeat:
                HearLeader(message.From);
                Log.CommitTo(message.Commit);
                Send(new Message
                {
                    Type = MessageType.HeartbeatResp,
                    From = Id,
                    To = message.From,
                    Term = Term,
                    Context = message.Context,
                });
                break;
            case MessageType.Snap:
                HearLeader(message.From);
                StepSnapshot(message);
                break;
            case MessageType.TransferLeader when _leader != NodeId.None:
                Send(message with { To = _leader, Term = Term });
                break;
            case MessageType.ForgetLeader when _config.ReadOnlyOption != ReadOnlyOption.LeaseBased:
                // Under lease-based reads the leader counts on not being forgotten.
                _leader = NodeId.None;
                break;
            case MessageType.TimeoutNow:
                Campaign(CampaignKind.Transfer);
                break;
            case MessageType.ReadIndex when _leader != NodeId.None:
                Send(message with { From = Sender(message), To = _leader });
                break;
            case MessageType.ReadIndexResp:
                ReadStates.Add(new ReadState(message.Index, message.Context));
                break;
        }
        return RaftError.None;
    }

    private void HearLeader(NodeId leader)
    {
        // Two leaders in one term: elections are broken (thesis §3.6.3).
        Invariant.Holds(_leader == NodeId.None || _leader == leader);
        _electionElapsed = 0;
        _leader = leader;
    }

    private RaftError ForwardProposal(Message proposal)
    {
        if (_leader == NodeId.None || _config.DisableProposalForwarding)
            return RaftError.ProposalDropped;
        Send(proposal with { From = Sender(proposal), To = _leader });
        return RaftError.None;
    }

    private void StepAppend(Message append)
    {
        // Everything up to the commit index is the leader's already; so the answer can say more than was asked.
        if (append.Index < Log.Committed)
        {
            Acknowledge(append.From, Log.Committed);
            return;
        }
        var previous = new EntryId(append.LogTerm, append.Index);
        if (Log.TryAppend(previous, append.Entries.Span, append.Commit, out ulong lastNewIndex))
            Acknowledge(append.From, lastNewIndex);
        else
            RefuseAppend(append);
    }

    // The leader's log has only terms up to append.LogTerm there. So ours of later terms cannot match and are skipped:
    //   index      1 2 3 4 5 6 7 8 9
    //   leader     1 3 3 3 3 3 3 3 7      asked about index 8 with term 3: the hint is index 3
    //   follower   1 3 3 4 4 5 5 5 6
    private void RefuseAppend(Message append)
    {
        var hint = Log.LastNotAfterTerm(Math.Min(append.Index, Log.LastIndex), append.LogTerm);
        SendAfterAppend(new Message
        {
            Type = MessageType.AppResp,
            From = Id,
            To = append.From,
            Term = Term,
            Index = append.Index,
            Reject = true,
            RejectHint = hint.Index,
            LogTerm = hint.Term,
        });
    }

    private void Acknowledge(NodeId leader, ulong index) =>
        SendAfterAppend(new Message { Type = MessageType.AppResp, From = Id, To = leader, Term = Term, Index = index });

    private void StepSnapshot(Message message)
    {
        bool isRestored = TryRestore(message.Snapshot ?? Snapshot.Empty);
        Acknowledge(message.From, isRestored ? Log.LastIndex : Log.Committed);
    }

    private bool TryRestore(Snapshot snapshot)
    {
        var metadata = snapshot.Metadata;
        Invariant.Holds(Role == Role.Follower);
        if (metadata.Index <= Log.Committed || !IsMember(metadata.ConfState))
            return false;
        // The log reaches that far and agrees: everything up to there is committed, and nothing needs to be replaced.
        if (Log.Matches(metadata.Id))
        {
            Log.CommitTo(metadata.Index);
            return false;
        }
        Log.Restore(snapshot);
        _overtakenConfig ??= _tracker.Config;
        _tracker.Clear();
        SwitchToConfig(ConfigChanger.Restore(metadata.ConfState), new HashSet<NodeId>());
        return true;
    }

    // LearnersNext need not be looked at: they are in VotersOutgoing too.
    private bool IsMember(ConfState state) =>
        Contains(state.Voters, Id) || Contains(state.Learners, Id) || Contains(state.VotersOutgoing, Id);

    private static bool Contains(IReadOnlyList<NodeId> ids, NodeId id)
    {
        foreach (var candidate in ids)
        {
            if (candidate == id)
                return true;
        }
        return false;
    }

    private NodeId Sender(Message message) => message.From == NodeId.None ? Id : message.From;
}
