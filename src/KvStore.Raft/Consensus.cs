namespace KvStore.Raft;

/// <summary>The protocol itself: messages and ticks in, messages and a changed log out.</summary>
/// <remarks>
/// Follows Ongaro's thesis as etcd-io/raft does; where a rule is not obvious, a comment names the section. The parts:
/// this file has the state and the handling of terms, the others elections, leading, following, replication, membership, reads.
/// </remarks>
internal sealed partial class Consensus
{
    private readonly RaftConfig _config;
    private readonly ProgressTracker _tracker;

    private NodeId _vote;
    private NodeId _leader;
    private NodeId _leadTransferee;

    private int _electionElapsed;
    private int _heartbeatElapsed;

    // No membership change may enter the log before the state machine has passed this index: one at a time (thesis §4.1).
    private ulong _pendingConfIndex;
    private ulong _uncommittedBytes;

    public Consensus(RaftConfig config)
    {
        config.Validate();
        _config = config;
        _tracker = new ProgressTracker(config.MaxInflightMessages, config.MaxInflightBytes);
        Log = new RaftLog(config.Storage, config.EffectiveMaxCommittedSizeBytes);

        var (hardState, confState) = config.Storage.InitialState();
        SwitchToConfig(ConfigChanger.Restore(confState), new HashSet<NodeId>());
        if (!hardState.IsEmpty)
            LoadState(hardState);
        LoadApplied(config.Applied);
        BecomeFollower(Term, NodeId.None);
    }

    public NodeId Id => _config.Id;

    public RaftLog Log { get; }

    public ulong Term { get; private set; }

    public Role Role { get; private set; }

    public ProgressTracker Tracker => _tracker;

    /// <summary>Messages that may go out at once.</summary>
    public List<Message> Outbox { get; private set; } = [];

    /// <summary>
    /// Votes and acknowledgements, also those to itself: they may go out when all that is unstable now is durable.
    /// </summary>
    public List<Message> OutboxAfterAppend { get; private set; } = [];

    public List<ReadState> ReadStates { get; } = [];

    public SoftState SoftState => new(_leader, Role);

    public HardState HardState => new(Term, _vote, Log.Committed);

    public BasicStatus BasicStatus => new(Id, HardState, SoftState, Log.Applied, Log.LastIndex, _leadTransferee);

    internal int RandomizedElectionTimeout { get; set; }

    /// <summary>Looks on; null in production.</summary>
    internal IConsensusObserver? Observer { get; set; }

    public void Tick()
    {
        if (Role == Role.Leader)
            TickLeader();
        else
            TickElection();
        Observer?.Ticked(this);
    }

    public RaftError Step(Message message)
    {
        Observer?.Stepping(this, message);
        var result = StepAnyTerm(message);
        Observer?.Stepped(this, message);
        return result;
    }

    /// <summary>Hands over what there is to send at once.</summary>
    public void TakeOutbox(List<Message> target)
    {
        target.AddRange(Outbox);
        Outbox.Clear();
    }

    private RaftError StepAnyTerm(Message message)
    {
        // Local messages and those that a member passes on have no term.
        if (message.Term != 0 && message.Term < Term)
        {
            StepOlderTerm(message);
            return RaftError.None;
        }
        // The lease counts before the term does: who hears a leader does not even look at another's term (thesis §6.2).
        if (message.Term > Term && IsVoteRequest(message.Type) && IsLeaseInForce && !IsForced(message))
            return RaftError.None;
        if (message.Term > Term)
            AdoptTerm(message);
        var result = StepCurrentTerm(message);
        Invariant.Holds(Log.Applied <= Log.Committed);
        return result;
    }

    private RaftError StepCurrentTerm(Message message)
    {
        switch (message.Type)
        {
            case MessageType.Hup:
                Campaign(_config.PreVote ? CampaignKind.PreElection : CampaignKind.Election);
                return RaftError.None;
            case MessageType.StorageAppendResp:
                StepStorageAppended(message);
                return RaftError.None;
            case MessageType.StorageApplyResp:
                StepStorageApplied(message);
                return RaftError.None;
            case MessageType.Vote or MessageType.PreVote:
                StepVoteRequest(message);
                return RaftError.None;
        }
        return Role switch
        {
            Role.Leader => StepLeader(message),
            Role.Follower => StepFollower(message),
            _ => StepCandidate(message),
        };
    }

    private void AdoptTerm(Message message)
    {
        // Asking never changes the asked one's term, and neither does a yes: its term is the one that would come (thesis §9.6).
        if (message.Type == MessageType.PreVote || (message.Type == MessageType.PreVoteResp && !message.Reject))
            return;
        bool isFromLeader = message.Type is MessageType.App or MessageType.Heartbeat or MessageType.Snap;
        BecomeFollower(message.Term, isFromLeader ? message.From : NodeId.None);
    }

    private void StepOlderTerm(Message message)
    {
        switch (message.Type)
        {
            // A leader of an older term: we may be the one who ran ahead, and since requests for votes are not heard under
            // pre-vote and check-quorum, only an answer with our term gets it to step down and us back in.
            case MessageType.App or MessageType.Heartbeat when _config.CheckQuorum || _config.PreVote:
                SendAfterAppend(new Message { Type = MessageType.AppResp, From = Id, To = message.From, Term = Term });
                break;
            // Without an answer, a group in which pre-vote was turned on while terms differ would never elect anybody.
            case MessageType.PreVote:
                SendAfterAppend(
                    new Message { Type = MessageType.PreVoteResp, From = Id, To = message.From, Term = Term, Reject = true });
                break;
            // What was written under an older term may have been replaced since: the entries are not stable because of it.
            // A snapshot is: it holds what was committed, and that does not depend on terms.
            case MessageType.StorageAppendResp when message.Snapshot is not null:
                SnapshotApplied(message.Snapshot);
                break;
        }
    }

    private void StepStorageAppended(Message response)
    {
        if (response.Index != 0)
            Log.Unstable.StableTo(new EntryId(response.LogTerm, response.Index));
        if (response.Snapshot is not null)
            SnapshotApplied(response.Snapshot);
    }

    private void StepStorageApplied(Message response)
    {
        var entries = response.Entries.Span;
        if (entries.IsEmpty)
            return;
        AppliedTo(entries[^1].Index, Entry.SizeOf(entries));
        _uncommittedBytes -= Math.Min(_uncommittedBytes, Entry.PayloadSizeOf(entries));
    }

    private void SnapshotApplied(Snapshot snapshot)
    {
        Log.Unstable.StableSnapshotTo(snapshot.Metadata.Index);
        if (!Log.HasPendingSnapshot)
            _overtakenConfig = null;
        AppliedTo(snapshot.Metadata.Index, 0);
    }

    private void LoadState(HardState hardState)
    {
        Log.LoadCommit(hardState.Commit);
        Term = hardState.Term;
        _vote = hardState.Vote;
    }

    // What is applied was committed, even if the commit index was not yet on disk, for alone it is not synced (thesis §3.8).
    private void LoadApplied(ulong applied)
    {
        Log.CommitTo(applied);
        if (applied > Log.Applied)
            Log.AppliedTo(applied, 0);
    }

    private void Send(Message message)
    {
        Invariant.Holds(message.To != Id);
        Outbox.Add(message);
    }

    // A vote or an acknowledgement that a crash takes back would elect two leaders or lose what was committed (thesis §3.8).
    // Refusals wait too: they may rest on state that is not durable yet.
    private void SendAfterAppend(Message message) => OutboxAfterAppend.Add(message);
}
