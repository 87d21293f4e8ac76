using KvStore.Raft.Quorums;

namespace KvStore.Raft;

// Roles and how they change (thesis §3.4, §9.6).
internal sealed partial class Consensus
{
    // In a Vote's context: it counts even with those who hear a leader, since that leader asked for the campaign.
    private static readonly byte[] TransferContext = "CampaignTransfer"u8.ToArray();

    // A member that has an unwritten snapshot knows neither its log nor the members for certain.
    private bool IsPromotable => _tracker.Find(Id) is { IsLearner: false } && !Log.HasPendingSnapshot;

    private bool IsLeaseInForce =>
        _config.CheckQuorum && _leader != NodeId.None && _electionElapsed < _config.ElectionTicks;

    private static bool IsVoteRequest(MessageType type) => type is MessageType.Vote or MessageType.PreVote;

    private static bool IsForced(Message request) => request.Context.Span.SequenceEqual(TransferContext);

    private void TickElection()
    {
        _electionElapsed++;
        if (!IsPromotable || _electionElapsed < RandomizedElectionTimeout)
            return;
        _electionElapsed = 0;
        Campaign(_config.PreVote ? CampaignKind.PreElection : CampaignKind.Election);
    }

    private void BecomeFollower(ulong term, NodeId leader)
    {
        Reset(term);
        _leader = leader;
        Role = Role.Follower;
    }

    private void BecomePreCandidate()
    {
        Invariant.Holds(Role != Role.Leader);
        // Nothing else changes, above all not the term and the vote: nobody has said yet that there should be an election.
        _tracker.ResetVotes();
        _leader = NodeId.None;
        Role = Role.PreCandidate;
    }

    private void BecomeCandidate()
    {
        Invariant.Holds(Role != Role.Leader);
        Reset(Term + 1);
        _vote = Id;
        Role = Role.Candidate;
    }

    private void BecomeLeader()
    {
        Invariant.Holds(Role == Role.Candidate);
        Reset(Term);
        _leader = Id;
        Role = Role.Leader;
        var self = _tracker.Find(Id);
        Invariant.Holds(self is not null);
        self.BecomeReplicate();
        self.IsRecentlyActive = true;
        // There may be a membership change anywhere in the tail; to wait for all of it costs less than to look.
        _pendingConfIndex = Log.LastIndex;
        // Only an entry of its own term tells the leader what is committed (thesis §3.6.2, §6.4).
        bool isAccepted = TryAppendOwn([new Entry(0, 0, EntryType.Normal, default)]);
        Invariant.Holds(isAccepted);
    }

    private void Reset(ulong term)
    {
        Invariant.Holds(term >= Term);
        if (Term != term)
        {
            Term = term;
            _vote = NodeId.None;
        }
        _leader = NodeId.None;
        _leadTransferee = NodeId.None;
        _electionElapsed = 0;
        _heartbeatElapsed = 0;
        // Drawn anew for each role, so that members who collided once do not do so forever (thesis §3.4).
        RandomizedElectionTimeout = _config.ElectionTicks + _config.RandomBelow(_config.ElectionTicks);
        _tracker.ResetVotes();
        ulong lastIndex = Log.LastIndex;
        foreach (var member in _tracker.Members)
            member.Reset(match: member.Id == Id ? lastIndex : 0, lastIndex);
        _pendingConfIndex = 0;
        _uncommittedBytes = 0;
        _reads.Clear();
        _postponedReads.Clear();
    }

    private void Campaign(CampaignKind kind)
    {
        if (Role == Role.Leader || !IsPromotable || HasUnappliedConfChange())
            return;
        StartElection(kind);
    }

    private void StartElection(CampaignKind kind)
    {
        bool isPreElection = kind == CampaignKind.PreElection;
        if (isPreElection)
            BecomePreCandidate();
        else
            BecomeCandidate();
        // A pre-candidate asks about the term that it would start.
        ulong term = isPreElection ? Term + 1 : Term;
        foreach (var voter in _tracker.Config.Voters.All.Ids)
            RequestVote(voter, isPreElection ? MessageType.PreVote : MessageType.Vote, term, kind == CampaignKind.Transfer);
    }

    private void RequestVote(NodeId voter, MessageType type, ulong term, bool isForced)
    {
        if (voter == Id)
        {
            // Its own vote counts when it is durable, like anybody's (thesis §3.8).
            SendAfterAppend(new Message { Type = ResponseTo(type), From = Id, To = Id, Term = term });
            return;
        }
        var last = Log.LastEntry;
        Send(new Message
        {
            Type = type,
            From = Id,
            To = voter,
            Term = term,
            Index = last.Index,
            LogTerm = last.Term,
            Context = isForced ? TransferContext : default(ReadOnlyMemory<byte>),
        });
    }

    // Learners vote too: one whose promotion is committed, but not here yet, may be needed for a majority.
    private void StepVoteRequest(Message request)
    {
        // One vote a term: repeating it is safe, changing it is not (thesis §3.4).
        bool isFree = _vote == request.From
            || (_vote == NodeId.None && _leader == NodeId.None)
            || (request.Type == MessageType.PreVote && request.Term > Term);
        // Only a candidate that holds every committed entry may win (thesis §3.6.1).
        bool isUpToDate = new EntryId(request.LogTerm, request.Index).IsAtLeast(Log.LastEntry);
        bool isGranted = isFree && isUpToDate;
        // A yes has the term asked about, for the asker knows no other; a no tells the voter's own term.
        SendAfterAppend(new Message
        {
            Type = ResponseTo(request.Type),
            From = Id,
            To = request.From,
            Term = isGranted ? request.Term : Term,
            Reject = !isGranted,
        });
        if (!isGranted || request.Type == MessageType.PreVote)
            return;
        _electionElapsed = 0;
        _vote = request.From;
    }

    private RaftError StepCandidate(Message message)
    {
        switch (message.Type)
        {
            case MessageType.Prop:
                return RaftError.ProposalDropped;
            case MessageType.App or MessageType.Heartbeat or MessageType.Snap:
                // Somebody else won this term.
                BecomeFollower(message.Term, message.From);
                return StepFollower(message);
            // A yes to the pre-vote that comes late says nothing about the vote.
            case MessageType.PreVoteResp when Role == Role.PreCandidate:
            case MessageType.VoteResp when Role == Role.Candidate:
                StepVoteResponse(message);
                break;
        }
        return RaftError.None;
    }

    private void StepVoteResponse(Message response)
    {
        _tracker.RecordVote(response.From, !response.Reject);
        switch (_tracker.TallyVotes())
        {
            case VoteResult.Won when Role == Role.PreCandidate:
                StartElection(CampaignKind.Election);
                break;
            // A majority of others is not enough before its own vote is on disk. If it crashed it would not know that it led,
            // and those who voted for it would do so again: the same term would have two logs. (etcd-io/raft, with
            // asynchronous storage writes, does not wait.)
            case VoteResult.Won when _tracker.HasVoted(Id):
                BecomeLeader();
                BroadcastAppend();
                break;
            case VoteResult.Lost:
                BecomeFollower(Term, NodeId.None);
                break;
        }
    }

    // The configuration that the campaign would count votes with may be about to change (thesis §4.1).
    private bool HasUnappliedConfChange()
    {
        ulong next = Log.Applied + 1;
        while (next <= Log.Committed)
        {
            var error = Log.Slice(next, Log.Committed + 1, Log.MaxApplyingBytes, out var page);
            Invariant.Holds(error == RaftError.None);
            foreach (ref readonly var entry in page.Span)
            {
                if (entry.Type != EntryType.Normal)
                    return true;
            }
            next += (ulong)page.Length;
        }
        return false;
    }

    private static MessageType ResponseTo(MessageType request) =>
        request == MessageType.PreVote ? MessageType.PreVoteResp : MessageType.VoteResp;
}
