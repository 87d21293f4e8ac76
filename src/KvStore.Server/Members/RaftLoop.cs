using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Raft;
using KvStore.Server.Members.Scheduling;

namespace KvStore.Server.Members;

/// <summary>Owns the <see cref="RawNode"/>: takes what clients, peers, clock and storage queue for it, and hands out what comes
/// of that. It never waits, least of all for a disk, so reads and heartbeats go on however slow the log's syncs are.</summary>
internal sealed class RaftLoop
{
    /// <summary>Bytes of requests packed into one entry; one request may be larger.</summary>
    private const int EntryLimitBytes = 512 << 10;

    /// <summary>Committed entries that may wait to be applied before new requests are refused, as etcd does.</summary>
    private const ulong ApplyGapLimit = 5000;

    /// <summary>A read's question to the leader may be lost on the way: etcd asks again after as long.</summary>
    private static readonly TimeSpan ReadRetry = TimeSpan.FromMilliseconds(500);

    private readonly RaftLoopOptions _options;
    private readonly RawNode _node;
    private readonly LogWindow _window;
    private readonly TimeProvider _time;
    private readonly ConcurrentQueue<Proposal> _proposals = new();
    private readonly ConcurrentQueue<Message> _inbox = new();
    private readonly ConcurrentQueue<Action<RawNode>> _work = new();
    private readonly ConcurrentDictionary<ulong, Proposal> _pending = new();
    private readonly Dictionary<ulong, IssuedRead> _issuedReads = [];
    private readonly List<ReadBatch> _confirmedReads = [];
    private readonly List<Proposal> _packing = [];
    private readonly List<Command> _commands = [];
    private readonly Queue<Proposal> _held = new();
    private ReadBatch _gatheringReads;
    private int _hasGatheredReads;
    private Snapshot? _offeredSnapshot;
    private int _ticks;
    private ulong _lastRequestId;
    private ulong _lastReadId;
    private ulong _applied;
    private ulong _appliedTerm;
    private ConfState _confState;
    private ILoop _loop = null!;
    private ITimer? _ticker;
    private volatile bool _isStopped;

    /// <param name="incarnation">Where this life of the member begins to count its requests and reads: what is left of an earlier
    /// life, or comes from another member, must not be taken for an answer to these.</param>
    public RaftLoop(RaftLoopOptions options, RaftConfig config, LogWindow window, TimeProvider time, ulong incarnation)
    {
        (_options, _window, _time) = (options, window, time);
        (_lastRequestId, _lastReadId) = (incarnation, incarnation);
        _node = new RawNode(config);
        _applied = config.Applied;
        _confState = window.InitialState().ConfState;
        _gatheringReads = new ReadBatch();
        Status = new LeaderStatus(NodeId.None, Role.Follower, _node.BasicStatus.HardState.Term, 0);
    }

    /// <summary>Role, leader and term, as of the last turn of the loop. Any thread.</summary>
    public LeaderStatus Status { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    public int PendingProposals => _pending.Count;

    /// <summary>For who looks on. The loop alone may do anything with it.</summary>
    public RawNode Node => _node;

    /// <summary>Called on the loop after <see cref="Status"/> changed.</summary>
    public required Action<LeaderStatus> StatusChanged { get; init; }

    /// <summary>Takes work for the log loop, in order.</summary>
    public required Action<Message> SendToLog { get; init; }

    /// <summary>Takes work for the apply loop, in order.</summary>
    public required Action<Message> SendToApply { get; init; }

    /// <summary>Told of a snapshot that the core had no use for: it is older than what is here.</summary>
    public required Action<Snapshot> SnapshotIgnored { get; init; }

    /// <summary>Told what becomes of reads that take long, and of heartbeats that come late.</summary>
    public required MemberEvents Events { get; init; }

    /// <summary>Takes messages for other members; never waits. They may be lost, and overtake each other.</summary>
    public required Action<Message> SendToPeer { get; init; }

    public void Start(ILoopScheduler scheduler)
    {
        _loop = scheduler.Start("raft", Step);
        _ticker = _time.CreateTimer(_ => Tick(), null, _options.HeartbeatInterval, _options.HeartbeatInterval);
        _loop.Wake();
    }

    public void Stop()
    {
        _ticker?.Dispose();
        _loop.Stop();
        _isStopped = true;
        var stopped = new EtcdException(EtcdError.Stopped);
        foreach (var proposal in _pending.Values)
            proposal.Fail(stopped);
        FailQueued(stopped);
        foreach (var held in _held)
            held.Fail(stopped);
        foreach (var batch in _issuedReads.Values.Select(read => read.Batch).Concat(_confirmedReads).Append(_gatheringReads))
            batch.Fail(stopped);
    }

    /// <summary>Queues a request for the log. Any thread.</summary>
    public Task<ApplyResult> Propose(Proposal proposal)
    {
        _proposals.Enqueue(proposal);
        _loop.Wake();
        if (_isStopped)
            FailQueued(new EtcdException(EtcdError.Stopped));
        return proposal.Outcome;
    }

    /// <summary>Completes when a read may begin that must see everything acknowledged until now. Any thread.</summary>
    public Task ReadIndex()
    {
        // The index is asked for only after the loop has put another batch in this one's place: after this call began.
        var batch = Volatile.Read(ref _gatheringReads);
        batch.Join(_time.GetTimestamp());
        Volatile.Write(ref _hasGatheredReads, 1);
        _loop.Wake();
        if (_isStopped)
            batch.Fail(new EtcdException(EtcdError.Stopped));
        return batch.Readable;
    }

    /// <summary>Brings a message from a peer, or from the log or apply loop. Any thread.</summary>
    public void Deliver(Message message)
    {
        _inbox.Enqueue(message);
        _loop.Wake();
    }

    /// <summary>Does something with the node, between two of its turns. Any thread.</summary>
    public void Post(Action<RawNode> work)
    {
        _work.Enqueue(work);
        _loop.Wake();
    }

    /// <summary>Puts an applied membership change into force. Apply loop, before it delivers the response of that entry.</summary>
    public void DeliverConfChange(ConfChangeV2 change, ulong index, Action<ConfState> applied) => Post(node =>
    {
        _window.RequireSnapshotOf(index);
        _confState = node.ApplyConfChange(change);
        applied(_confState);
    });

    /// <summary>A checkpoint is complete: the log in memory may begin behind it. Any thread.</summary>
    public void DeliverCheckpoint(SnapshotMetadata checkpoint) => Post(_ => _window.Offer(checkpoint));

    /// <summary>A snapshot is in the place of the state, and of the entries up to it. Apply loop.</summary>
    public void DeliverRestored(ulong index) => Post(_ =>
    {
        _applied = Math.Max(_applied, index);
        CompleteConfirmedReads();
    });

    /// <summary>Proposes a membership change whose context is the request; its result comes as any other's. Any thread.</summary>
    public Task<ApplyResult> ProposeConfChange(Proposal proposal, ConfChangeType type, NodeId member)
    {
        Post(node =>
        {
            Register(proposal);
            var context = CommandBatch.Encode(new Command(proposal.Kind, proposal.RequestId, proposal.Payload));
            if (node.ProposeConfChange(new ConfChange(type, member, context)) != RaftError.None && _pending.TryRemove(proposal.RequestId, out _))
                proposal.Fail(new EtcdException(EtcdError.NoLeader));
        });
        if (_isStopped)
            proposal.Fail(new EtcdException(EtcdError.Stopped));
        return proposal.Outcome;
    }

    /// <summary>The waiting request of this id, if it came from this member and still waits. Any thread.</summary>
    public bool TryTakePending(ulong requestId, out Proposal proposal) => _pending.TryRemove(requestId, out proposal!);

    private void FailQueued(EtcdException reason)
    {
        while (_proposals.TryDequeue(out var proposal))
            proposal.Fail(reason);
    }

    private void Tick()
    {
        Interlocked.Increment(ref _ticks);
        _loop.Wake();
    }

    private bool Step()
    {
        int ticks = Interlocked.Exchange(ref _ticks, 0);
        if (ticks > 1 && Status.Role == Role.Leader)
            Events.HeartbeatLate(_options.HeartbeatInterval * (ticks - 1));
        for (; ticks > 0; ticks--)
        {
            _node.Tick();
            FailOverdue();
        }
        while (_work.TryDequeue(out var work))
            work(_node);
        while (_inbox.TryDequeue(out var message))
            Receive(message);
        CampaignIfAlone();
        ProposeQueued();
        IssueReads();
        while (_node.HasReady)
            Handle(_node.Ready());
        if (Interlocked.Exchange(ref _offeredSnapshot, null) is { } ignored)
            SnapshotIgnored(ignored);
        return false;
    }

    private bool IsAlone => _confState.Voters.Count == 1 && _confState.Voters[0] == _node.Id
        && _confState.Learners.Count == 0 && _confState.VotersOutgoing.Count == 0;

    private void Receive(Message message)
    {
        if (message.Type == MessageType.StorageApplyResp)
            SetApplied(message);
        else if (message.Type == MessageType.Snap)
            _offeredSnapshot = message.Snapshot;
        // Messages of removed members and the like are refused; there is nothing to be done about them.
        _node.Step(message);
    }

    private void SetApplied(Message message)
    {
        if (message.Entries.IsEmpty)
            return;
        _applied = Math.Max(_applied, message.Entries.Span[^1].Index);
        CompleteConfirmedReads();
        FailOlderThan(message.Entries.Span[^1].Term);
    }

    /// <summary>A new leader's entries are applied: what was proposed under an earlier one and is not among those before them was
    /// most likely lost with that one. Whoever waits for it is told so now, instead of at the end of its patience.</summary>
    private void FailOlderThan(ulong term)
    {
        if (term <= _appliedTerm)
            return;
        _appliedTerm = term;
        foreach (var proposal in _pending.Values)
        {
            if (proposal.Term < term && _pending.TryRemove(proposal.RequestId, out _))
                proposal.Fail(new EtcdException(EtcdError.TimeoutLeaderFailed));
        }
    }

    /// <summary>The only voter need not wait for an election timeout: nobody else can be leader.</summary>
    private void CampaignIfAlone()
    {
        if (_options.CampaignsAtOnce && Status.Role == Role.Follower && Status.Leader == NodeId.None && IsAlone)
            _node.Campaign();
    }

    private void ProposeQueued()
    {
        if (_held.Count == 0 && _proposals.IsEmpty)
            return;
        if (Status.Leader == NodeId.None || _node.BasicStatus.LeadTransferee != NodeId.None)
            return; // They wait for a leader until their time is over.
        while (TryPack(out var data))
        {
            bool isAccepted = _node.Propose(data) == RaftError.None;
            if (!isAccepted && Status.Role == Role.Leader)
                FailPacked(EtcdError.TooManyRequests);
            else if (!isAccepted)
                HoldPacked();
            _packing.Clear();
            if (!isAccepted)
                return;
        }
    }

    /// <summary>Takes queued requests into one entry.</summary>
    private bool TryPack(out byte[] data)
    {
        data = [];
        int size = 0;
        bool isOverloaded = _window.LastIndex > _applied + ApplyGapLimit;
        while (size < EntryLimitBytes && (_held.TryDequeue(out var proposal) || _proposals.TryDequeue(out proposal)))
        {
            if (isOverloaded)
            {
                proposal.Fail(new EtcdException(EtcdError.TooManyRequests));
                continue;
            }
            if (proposal.LeaderTerm is { } term && !LeadsIn(term))
            {
                proposal.Fail(new EtcdException(EtcdError.NotPrimaryLessor));
                continue;
            }
            Register(proposal);
            _packing.Add(proposal);
            _commands.Add(new Command(proposal.Kind, proposal.RequestId, proposal.Payload));
            size += proposal.Payload.Length;
        }
        if (_packing.Count == 0)
            return false;
        data = CommandBatch.Encode(CollectionsMarshal.AsSpan(_commands));
        _commands.Clear();
        return true;
    }

    /// <summary>As the node knows by now: what is published lags behind the messages of this turn.</summary>
    private bool LeadsIn(ulong term) => _node.BasicStatus is { IsLeader: true } status && status.HardState.Term == term;

    private void Register(Proposal proposal)
    {
        proposal.RequestId = ++_lastRequestId;
        proposal.Term = _node.BasicStatus.HardState.Term;
        _pending[proposal.RequestId] = proposal;
    }

    /// <summary>Nobody took them, so they are not in any log: they may be proposed again.</summary>
    private void HoldPacked()
    {
        foreach (var proposal in _packing)
        {
            if (_pending.TryRemove(proposal.RequestId, out _))
                _held.Enqueue(proposal);
        }
    }

    private void FailPacked(EtcdError error)
    {
        foreach (var proposal in _packing)
        {
            _pending.TryRemove(proposal.RequestId, out _);
            proposal.Fail(new EtcdException(error));
        }
    }

    private void IssueReads()
    {
        if (Volatile.Read(ref _hasGatheredReads) == 0 || Status.Leader == NodeId.None)
            return;
        Volatile.Write(ref _hasGatheredReads, 0);
        var batch = Interlocked.Exchange(ref _gatheringReads, new ReadBatch());
        Issue(batch);
    }

    private void Issue(ReadBatch batch)
    {
        var context = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(context, ++_lastReadId);
        _issuedReads.Add(_lastReadId, new IssuedRead(batch, _time.GetTimestamp()));
        _node.ReadIndex(context);
    }

    private void IssueLostReadsAgain()
    {
        foreach (var (id, read) in _issuedReads.ToList())
        {
            if (_time.GetElapsedTime(read.IssuedAt) < ReadRetry)
                continue;
            _issuedReads.Remove(id);
            Events.ReadIndexSlow();
            Issue(read.Batch);
        }
    }

    private void Handle(Ready ready)
    {
        if (ready.SoftState is not null || ready.HardState is not null)
            PublishStatus();
        foreach (var state in ready.ReadStates)
            Confirm(state);
        foreach (var message in ready.Messages)
            Send(message);
        CompleteConfirmedReads();
    }

    private void PublishStatus()
    {
        var basic = _node.BasicStatus;
        var status = new LeaderStatus(basic.SoftState.Leader, basic.SoftState.Role, basic.HardState.Term, basic.HardState.Commit);
        bool isNews = status.Leader != Status.Leader || status.Role != Status.Role || status.Term != Status.Term;
        Status = status;
        if (isNews)
            StatusChanged(status);
    }

    private void Confirm(ReadState state)
    {
        if (_issuedReads.Remove(BinaryPrimitives.ReadUInt64LittleEndian(state.Context.Span), out var read))
        {
            read.Batch.Index = state.Index;
            _confirmedReads.Add(read.Batch);
        }
    }

    private void CompleteConfirmedReads()
    {
        for (int i = _confirmedReads.Count - 1; i >= 0; i--)
        {
            if (_confirmedReads[i].Index > _applied)
                continue;
            _confirmedReads[i].Complete();
            _confirmedReads.RemoveAt(i);
        }
    }

    private void Send(Message message)
    {
        if (message.To == NodeId.LocalAppendThread)
        {
            if (message.Snapshot is { } snapshot)
            {
                _window.Reset(snapshot.Metadata.Id);
                _offeredSnapshot = null;
            }
            _window.Append(message.Entries.Span);
            SendToLog(message);
        }
        else if (message.To == NodeId.LocalApplyThread)
        {
            SendToApply(message);
        }
        else
        {
            // The window forgets and reuses the places that the entries were taken from.
            SendToPeer(message.Entries.IsEmpty ? message : message with { Entries = message.Entries.ToArray() });
        }
    }

    /// <summary>A snapshot that is on its way is of use only if what comes behind it is still there when it has come.</summary>
    private void CompactWindow() => _window.CompactBeyond(
        _options.CatchUpEntries,
        _options.CatchUpBytes,
        limit: Math.Min(_applied, _window.CheckpointIndex),
        taken: LeastTaken());

    /// <summary>How far all members are that are heard of and can go on from the window; without limit where there is none.</summary>
    private ulong LeastTaken()
    {
        ulong least = ulong.MaxValue;
        foreach (var member in _node.Status.Progress)
        {
            bool isThere = member.IsRecentlyActive || member.State == ProgressState.Snapshot;
            if (isThere && member.Taken >= _window.FirstIndex - 1)
                least = Math.Min(least, member.Taken);
        }
        return least;
    }

    /// <summary>A request that waited too long gets its answer; what becomes of it stays unknown.</summary>
    private void FailOverdue()
    {
        // What is applied can leave memory when there is no other member to be served from it; else what a checkpoint holds.
        if (IsAlone)
            _window.Compact(Math.Min(_applied, _window.LastIndex));
        else
            CompactWindow();
        IssueLostReadsAgain();
        foreach (var proposal in _pending.Values)
        {
            if (IsOverdue(proposal.ProposedAt) && _pending.TryRemove(proposal.RequestId, out _))
                proposal.Fail(new EtcdException(EtcdError.Timeout));
        }
        // These nobody ever took, so nothing comes of them: etcd's clients know it by this answer, and send them again.
        while (_held.TryPeek(out var held) && IsOverdue(held.ProposedAt))
            _held.Dequeue().Fail(new EtcdException(EtcdError.ContextDeadlineExceeded));
        while (_proposals.TryPeek(out var queued) && IsOverdue(queued.ProposedAt) && _proposals.TryDequeue(out queued))
            queued.Fail(new EtcdException(EtcdError.ContextDeadlineExceeded));
        foreach (var (id, read) in _issuedReads)
        {
            if (IsOverdue(read.Batch.StartedAt) && _issuedReads.Remove(id))
                FailRead(read.Batch);
        }
        foreach (var batch in _confirmedReads)
        {
            if (IsOverdue(batch.StartedAt))
                FailRead(batch);
        }
        if (Volatile.Read(ref _hasGatheredReads) == 1 && IsOverdue(_gatheringReads.StartedAt))
        {
            Volatile.Write(ref _hasGatheredReads, 0);
            FailRead(Interlocked.Exchange(ref _gatheringReads, new ReadBatch()));
        }
    }

    private void FailRead(ReadBatch batch)
    {
        if (batch.Fail(new EtcdException(EtcdError.Timeout)))
            Events.ReadIndexFailed();
    }

    private bool IsOverdue(long since) => _time.GetElapsedTime(since) > _options.RequestTimeout;

    private readonly record struct IssuedRead(ReadBatch Batch, long IssuedAt);
}

/// <summary>Who leads, as one member sees it.</summary>
public sealed record LeaderStatus(NodeId Leader, Role Role, ulong Term, ulong CommitIndex);

/// <param name="HeartbeatInterval">One tick of the raft clock.</param>
/// <param name="RequestTimeout">How long a request waits for its outcome: etcd's 5 s and two election timeouts.</param>
/// <param name="CampaignsAtOnce">The only voter need not wait for an election timeout.</param>
/// <param name="CatchUpEntries">Entries behind the newest checkpoint that stay in memory for members that lag; etcd's 5000.</param>
/// <param name="CatchUpBytes">The most bytes that these may have.</param>
internal sealed record RaftLoopOptions(
    TimeSpan HeartbeatInterval, TimeSpan RequestTimeout, bool CampaignsAtOnce, int CatchUpEntries, long CatchUpBytes);
