namespace KvStore.Raft;

/// <summary>One member of a Raft group as a pure state machine: messages and ticks in, a <see cref="Ready"/> out.</summary>
/// <remarks>
/// Not thread-safe: one owner calls it. The owner's loop, with asynchronous storage writes:
/// <code>
/// wait for a tick, a message, proposals or a storage response; Tick, Step, Propose for all that is there
/// while HasReady: ready = Ready(); hand on every message of it: to peers, to the append thread, to the apply thread
/// </code>
/// A committed membership change must be given to <see cref="ApplyConfChange(ConfChangeV2)"/> when it is applied, before the
/// apply thread's response is stepped. A snapshot may overtake work that the apply thread has not done: the state machine
/// skips entries that it has already, and their response is stepped all the same.
/// </remarks>
public sealed class RawNode
{
    private readonly Consensus _consensus;
    private readonly bool _isAsync;
    private readonly Ready _ready = new();

    // What the node tells itself once the last Ready is done with; without asynchronous storage writes only.
    private readonly List<Message> _stepsOnAdvance = [];
    private SoftState _previousSoftState;
    private HardState _previousHardState;

    /// <exception cref="RaftException"><see cref="RaftError.InvalidConfig"/></exception>
    public RawNode(RaftConfig config)
    {
        _consensus = new Consensus(config);
        _isAsync = config.AsyncStorageWrites;
        _previousSoftState = _consensus.SoftState;
        _previousHardState = _consensus.HardState;
    }

    public NodeId Id => _consensus.Id;

    public BasicStatus BasicStatus => _consensus.BasicStatus;

    public Status Status => new(
        _consensus.BasicStatus,
        _consensus.Tracker.Config,
        _consensus.Role == Role.Leader ? _consensus.Tracker.MemberList : []);

    public bool HasReady =>
        _consensus.SoftState != _previousSoftState
        || _consensus.HardState != _previousHardState
        || _consensus.Outbox.Count > 0
        || _consensus.OutboxAfterAppend.Count > 0
        || _consensus.ReadStates.Count > 0
        || _consensus.Log.Unstable.NextSnapshot is not null
        || _consensus.Log.Unstable.HasNextEntries
        || _consensus.Log.HasNextCommittedEntries(AppliesUnstable);

    internal Consensus Consensus => _consensus;

    // Synchronously, the same Ready may hold an entry to persist and to apply: its contract says in which order.
    private bool AppliesUnstable => !_isAsync;

    /// <summary>Moves the node's clock on by one tick.</summary>
    public void Tick() => _consensus.Tick();

    /// <summary>Starts an election, as if no leader had been heard of.</summary>
    public void Campaign() => _consensus.Step(new Message { Type = MessageType.Hup });

    /// <returns>
    /// <see cref="RaftError.ProposalDropped"/>: certainly not in the log. None: perhaps committed, perhaps lost later.
    /// </returns>
    public RaftError Propose(ReadOnlyMemory<byte> data)
    {
        var entry = new Entry(0, 0, EntryType.Normal, data);
        return _consensus.Role == Role.Leader ? _consensus.ProposeAsLeader([entry]) : _consensus.Propose(new[] { entry });
    }

    /// <summary>Proposes several entries as one: all or none, one round of messages.</summary>
    public RaftError Propose(IReadOnlyList<ReadOnlyMemory<byte>> batch)
    {
        var entries = new Entry[batch.Count];
        for (int i = 0; i < entries.Length; i++)
            entries[i] = new Entry(0, 0, EntryType.Normal, batch[i]);
        return _consensus.Propose(entries);
    }

    public RaftError ProposeConfChange(ConfChange change) =>
        _consensus.Propose(new[] { new Entry(0, 0, EntryType.ConfChange, change.Encode()) });

    public RaftError ProposeConfChange(ConfChangeV2 change) =>
        _consensus.Propose(new[] { new Entry(0, 0, EntryType.ConfChangeV2, change.Encode()) });

    public ConfState ApplyConfChange(ConfChange change) => _consensus.ApplyConfChange(change.AsV2());

    /// <summary>Puts a committed membership change in force, unless the application decided to skip it.</summary>
    /// <returns>The members from now on, for the next snapshot.</returns>
    /// <exception cref="RaftException"><see cref="RaftError.InvalidConfChange"/>; nothing changed.</exception>
    public ConfState ApplyConfChange(ConfChangeV2 change) => _consensus.ApplyConfChange(change);

    /// <summary>Takes a message from a peer, or a response from the node's own storage threads.</summary>
    public RaftError Step(Message message)
    {
        if (Message.IsLocal(message.Type) && !message.From.IsLocalThread)
            return RaftError.StepLocalMessage;
        if (Message.IsResponse(message.Type) && !message.From.IsLocalThread && _consensus.Tracker.Find(message.From) is null)
            return RaftError.StepPeerNotFound;
        return _consensus.Step(message);
    }

    /// <summary>Asks the leader to hand over to <paramref name="successor"/>.</summary>
    public void TransferLeader(NodeId successor) =>
        _consensus.Step(new Message { Type = MessageType.TransferLeader, From = successor });

    /// <summary>
    /// Makes a follower forget its leader, so that it votes for another one at once. It keeps following till then.
    /// </summary>
    public void ForgetLeader() => _consensus.Step(new Message { Type = MessageType.ForgetLeader });

    /// <summary>
    /// Asks for an index at which a read is linearizable. The answer is a <see cref="ReadState"/> with the same context.
    /// </summary>
    /// <remarks>
    /// It may never come: without a leader, or when the leader changes, the request is lost. Ask again after a while.
    /// </remarks>
    public void ReadIndex(ReadOnlyMemory<byte> context) =>
        _consensus.Step(new Message { Type = MessageType.ReadIndex, Context = context });

    /// <summary>The transport lost messages to the peer.</summary>
    public void ReportUnreachable(NodeId peer) =>
        _consensus.Step(new Message { Type = MessageType.Unreachable, From = peer });

    /// <summary>
    /// The transport knows how a snapshot's transfer ended. It must always say so: a leader waits forever for one that was lost.
    /// </summary>
    public void ReportSnapshot(NodeId peer, SnapshotStatus status) => _consensus.Step(
        new Message { Type = MessageType.SnapStatus, From = peer, Reject = status == SnapshotStatus.Failure });

    /// <summary>
    /// Takes everything that waits to be done. It must all be done; see <see cref="Raft.Ready"/> for the order.
    /// </summary>
    public Ready Ready()
    {
        Invariant.Holds(_stepsOnAdvance.Count == 0);
        Fill(_ready);
        Accept(_ready);
        return _ready;
    }

    /// <summary>The last Ready is done. Not with asynchronous storage writes: there the responses say so.</summary>
    public void Advance()
    {
        Invariant.Holds(!_isAsync);
        // The steps may add messages, but no further steps.
        foreach (var step in _stepsOnAdvance)
            _consensus.Step(step);
        _stepsOnAdvance.Clear();
    }

    private void Fill(Ready ready)
    {
        var log = _consensus.Log;
        ready.Entries = log.Unstable.NextEntries;
        ready.CommittedEntries = log.NextCommittedEntries(AppliesUnstable);
        ready.Snapshot = log.Unstable.NextSnapshot;
        ready.SoftState = Changed(_consensus.SoftState, _previousSoftState);
        ready.HardState = Changed(_consensus.HardState, _previousHardState);
        ready.MustSync = !ready.Entries.IsEmpty
            || _consensus.HardState with { Commit = 0 } != _previousHardState with { Commit = 0 };
        ready.ReadStateList.Clear();
        ready.ReadStateList.AddRange(_consensus.ReadStates);
        ready.MessageList.Clear();
        _consensus.TakeOutbox(ready.MessageList);
        if (_isAsync)
            AddStorageWork(ready);
        else
            AddMessagesAfterAppend(ready);
    }

    private void Accept(Ready ready)
    {
        _previousSoftState = _consensus.SoftState;
        _previousHardState = _consensus.HardState;
        _consensus.ReadStates.Clear();
        _consensus.OutboxAfterAppend.Clear();
        _consensus.Log.Unstable.AcceptInProgress();
        var committed = ready.CommittedEntries.Span;
        if (!committed.IsEmpty)
            _consensus.Log.AcceptApplying(committed[^1].Index, Entry.SizeOf(committed), AppliesUnstable);
    }

    // The caller persists before it sends, so what waits for durability goes along; what is for the node itself follows.
    private void AddMessagesAfterAppend(Ready ready)
    {
        foreach (var message in _consensus.OutboxAfterAppend)
            (message.To == Id ? _stepsOnAdvance : ready.MessageList).Add(message);
        if (NeedsAppendResponse(ready))
            _stepsOnAdvance.Add(AppendResponse(ready));
        if (!ready.CommittedEntries.IsEmpty)
            _stepsOnAdvance.Add(ApplyResponse(ready));
    }

    private void AddStorageWork(Ready ready)
    {
        if (!ready.Entries.IsEmpty || ready.HardState is not null || ready.Snapshot is not null
            || _consensus.OutboxAfterAppend.Count > 0)
        {
            ready.MessageList.Add(StorageAppend(ready));
        }
        if (!ready.CommittedEntries.IsEmpty)
            ready.MessageList.Add(StorageApply(ready));
    }

    private Message StorageAppend(Ready ready)
    {
        var hardState = ready.HardState ?? default;
        return new Message
        {
            Type = MessageType.StorageAppend,
            From = Id,
            To = NodeId.LocalAppendThread,
            Entries = ready.Entries,
            Term = hardState.Term,
            Vote = hardState.Vote,
            Commit = hardState.Commit,
            Snapshot = ready.Snapshot,
            Responses = AppendResponses(ready),
        };
    }

    // The node's own acknowledgement comes before the word that the entries are stable: so terms are still found in memory.
    private Message[] AppendResponses(Ready ready)
    {
        var waiting = _consensus.OutboxAfterAppend;
        var responses = new Message[waiting.Count + (NeedsAppendResponse(ready) ? 1 : 0)];
        waiting.CopyTo(responses);
        if (responses.Length > waiting.Count)
            responses[^1] = AppendResponse(ready);
        return responses;
    }

    private bool NeedsAppendResponse(Ready ready) => _consensus.Log.Unstable.Count > 0 || ready.Snapshot is not null;

    // Entries that are being written may be replaced by another leader's, and these again by the first ones, of the same terms:
    // the first write's response would then vouch for what the second one is about to overwrite. So a response counts in its
    // own term only. And lest a lost one leave entries unstable forever, each repeats the claim for the whole log so far.
    private Message AppendResponse(Ready ready)
    {
        var last = _consensus.Log.Unstable.Count > 0 ? _consensus.Log.LastEntry : default;
        return new Message
        {
            Type = MessageType.StorageAppendResp,
            From = NodeId.LocalAppendThread,
            To = Id,
            Term = _consensus.Term,
            Index = last.Index,
            LogTerm = last.Term,
            Snapshot = ready.Snapshot,
        };
    }

    private Message StorageApply(Ready ready) => new()
    {
        Type = MessageType.StorageApply,
        From = Id,
        To = NodeId.LocalApplyThread,
        Entries = ready.CommittedEntries,
        Responses = [ApplyResponse(ready)],
    };

    private Message ApplyResponse(Ready ready) => new()
    {
        Type = MessageType.StorageApplyResp,
        From = NodeId.LocalApplyThread,
        To = Id,
        Entries = ready.CommittedEntries,
    };

    private static T? Changed<T>(T current, T previous)
        where T : struct, IEquatable<T> => current.Equals(previous) ? null : current;
}
