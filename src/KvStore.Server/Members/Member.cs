using Google.Protobuf;
using KvStore.Mvcc;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Leases;
using KvStore.Mvcc.Watches;
using KvStore.Protocol;
using KvStore.Raft;
using KvStore.Server.Logging;
using KvStore.Server.Members.Checkpoints;
using KvStore.Server.Members.Scheduling;
using KvStore.Server.Members.Snapshots;
using KvStore.Storage.Disks;
using KvStore.Storage.Wal;

namespace KvStore.Server.Members;

/// <summary>One member: its state, its log, and the loops between them.</summary>
/// <remarks>
/// <code>
/// requests -> raft loop -> log loop   (sync)  -> raft loop        proposals, reads, messages: queues
///                       -> apply loop -> watch loop -> streams    what is committed
///                          checkpoint loop, lease loop            beside
/// </code>
/// Every loop runs on the given scheduler, every wait on its clock: the simulation runs a member on one thread.
/// </remarks>
public sealed class Member : IDisposable
{
    /// <summary>How soon a snapshot that found no room is tried again.</summary>
    private static readonly TimeSpan InstallRetry = TimeSpan.FromMilliseconds(200);

    private readonly MemberStorage _storage;
    private readonly DataDirectory _directory;
    private readonly ILoopScheduler _scheduler;
    private readonly RaftLoop _raft;
    private readonly LogLoop _log;
    private readonly ApplyLoop _apply;
    private readonly Checkpointer _checkpointer;
    private readonly CheckpointPolicy _checkpointPolicy;
    private readonly SpaceGuard _space;
    private readonly SnapshotInstaller _snapshots;
    private readonly IPeerNetwork _network;
    private readonly MemberEvents _events;
    private ILoop _watchLoop = null!;
    private ITimer? _watchProgress;
    private ITimer? _upkeep;
    private TaskCompletionSource _leaderKnown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private NodeId _lastLeader;
    private long _leaderChanges;
    private long _leaderSince;

    private Member(
        MemberOptions options, DataDirectory directory, IDisk disk, ILoopScheduler scheduler, MemberEvents events, IMemberParts parts,
        IPeerNetwork network)
    {
        (Options, _directory, _scheduler, _events, _network) = (options, directory, scheduler, events, network);
        var time = scheduler.Time;
        _space = new SpaceGuard(this, new SpaceReserve(disk, directory.Reserve, options.ReserveBytes), scheduler);
        var walOptions = new WalOptions { SegmentBytes = options.LogSegmentBytes };
        if (directory.IsNew)
        {
            var identity = new WalIdentity(options.ClusterId, options.MemberId.Value);
            MemberStorage.Bootstrap(disk, directory, options.Incarnation, identity, walOptions, FirstEntries(options));
        }
        _storage = MemberStorage.Open(disk, directory, walOptions, parts, _space.WaitForSpace);
        foreach (string trouble in _storage.Troubles)
            Log.Warn("recovered another way", ("reason", trouble));

        State = _storage.Machine;
        _snapshots = new SnapshotInstaller(disk, directory, parts, _space.WaitForSpace);
        Watches = new WatchHub(new HistoryWatchSource(() => State), options.Watches, () => _watchLoop.Wake());
        Lessor = new Lessor(new LeaseClock(State.Leases), time)
        {
            Revoke = ProposeRevocation,
            Checkpoint = ProposeCheckpoint,
            ConfirmLeadership = ReadIndexAsync,
            Renewed = events.LeaseRenewed,
            Expired = events.LeaseExpired,
        };
        _checkpointPolicy = new CheckpointPolicy(options.SnapshotCount, options.CheckpointLogBytes, time);
        _raft = NewRaftLoop(time);
        _log = new LogLoop(_storage.Wal, time)
        {
            Respond = Respond,
            Install = Install,
            Installed = snapshot => _apply!.Replace(() => TakeOver(snapshot)),
            DiskFull = _space.OnDiskFull,
            Written = events.Written,
            Synced = events.Synced,
        };
        _checkpointer = NewCheckpointer(time, events);
        _apply = new ApplyLoop(State, Watches, _raft, _checkpointPolicy, time, events)
        {
            SlowFrom = options.WarningApplyDuration,
            AppliedSlowly = (kind, took) =>
            {
                Log.Warn("apply request took too long", ("took", took), ("expected-duration", options.WarningApplyDuration), ("request", kind.ToString()));
                events.AppliedSlowly();
            },
            Checkpointer = _checkpointer,
            ReclaimStuck = () => Log.Warn("compaction cannot give space back: the disk has too little room to move values that are still needed"),
            Applied = OnApplied,
            TermApplied = term => Lessor.CaughtUp(term, options.ElectionTimeout),
        };
        network.SetMembers(State.Members.Members.Count > 0 ? State.Members.Members : options.InitialMembers);
    }

    public MemberOptions Options { get; }

    /// <summary>The number of the data directory; 0 if it has none.</summary>
    public ulong DirectoryId => _directory.Id;

    /// <summary>The state in force. A snapshot from the leader puts another one in its place: a reader that holds on to this one
    /// is told by <see cref="ObjectDisposedException"/>; see <see cref="Read"/>.</summary>
    public StateMachine State { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    public WatchHub Watches { get; }

    public Lessor Lessor { get; }

    public LeaderStatus Leadership => _raft.Status;

    public bool HasLeader => Leadership.Leader != NodeId.None;

    public bool IsLeader => Leadership.Leader == Options.MemberId;

    /// <summary>It takes the log but has no vote, and serves only what needs no agreement.</summary>
    public bool IsLearner => State.Members.Find(Options.MemberId.Value) is { IsLearner: true };

    /// <summary>Timestamp of the member's clock when the present leader became known.</summary>
    public long LeaderSince => Volatile.Read(ref _leaderSince);

    public long LeaderChanges => Interlocked.Read(ref _leaderChanges);

    public int PendingProposals => _raft.PendingProposals;

    /// <summary>The core, to be looked at between the turns of its loop.</summary>
    internal RawNode Core => _raft.Node;

    /// <summary>Bytes of the log's segments on disk.</summary>
    public long LogBytes => _storage.Wal.SizeBytes;

    /// <summary>What the quota is compared with.</summary>
    public long DatabaseBytes => State.Store.Values.SizeBytes;

    /// <summary>Completes when somebody leads, so that requests can be served.</summary>
    public Task LeaderKnown => _leaderKnown.Task;

    /// <summary>Opens the member in its directory, or makes a new one there.</summary>
    /// <exception cref="InvalidDataException">What is there is damaged or another's.</exception>
    public static Member Open(
        MemberOptions options, DataDirectory directory, IDisk disk, ILoopScheduler scheduler, MemberEvents events, IMemberParts parts,
        IPeerNetwork network) =>
        new(options, directory, disk, scheduler, events, parts, network);

    public void Start()
    {
        _watchLoop = _scheduler.Start("watch", Watches.Step);
        _log.Start(_scheduler);
        _checkpointer.Start(_scheduler, _storage.NewestCheckpoint);
        _apply.Start(_scheduler);
        Lessor.Start(_scheduler);
        _raft.Start(_scheduler);
        _space.Start();
        _watchProgress = _scheduler.Time.CreateTimer(
            _ => Watches.NotifyProgress(), null, Options.WatchProgressInterval, Options.WatchProgressInterval);
        _upkeep = _scheduler.Time.CreateTimer(_ => Upkeep(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    /// <summary>Proposes a request and waits for its result.</summary>
    /// <exception cref="EtcdException">It was refused, or its outcome is unknown.</exception>
    public async ValueTask<IMessage> ProposeAsync(CommandKind kind, ReadOnlyMemory<byte> payload, IMessage request)
    {
        if (payload.Length > Options.MaxRequestBytes)
            throw new EtcdException(EtcdError.RequestTooLarge);
        _space.CheckQuota(kind, request);
        ApplyResult result;
        try
        {
            result = await Propose(kind, payload, request);
        }
        catch (EtcdException)
        {
            _events.ProposalFailed();
            throw;
        }
        return result.Error is { } error ? throw new EtcdException(error) : result.Response!;
    }

    /// <summary>Proposes a request; the task has the result at its place in the log.</summary>
    /// <param name="leaderTerm">Propose it only while this member leads in that term.</param>
    public Task<ApplyResult> Propose(CommandKind kind, ReadOnlyMemory<byte> payload, IMessage? request, Action? settled = null, ulong? leaderTerm = null) =>
        _raft.Propose(new Proposal(kind, payload, request, _scheduler.Time.GetTimestamp()) { Settled = settled, LeaderTerm = leaderTerm });

    /// <summary>Reads the state in force, again if another one took its place meanwhile.</summary>
    public T Read<TArgument, T>(TArgument argument, Func<StateMachine, TArgument, T> read)
    {
        while (true)
        {
            var state = State;
            try
            {
                return read(state, argument);
            }
            catch (ObjectDisposedException) when (State != state)
            {
                // On with the new one.
            }
        }
    }

    /// <summary>Proposes a change of the members; completes when it is in force here.</summary>
    /// <param name="kind">What <paramref name="changed"/> says of the member.</param>
    /// <exception cref="EtcdException">It was refused, or its outcome is unknown.</exception>
    public async Task<MemberListResponse> ChangeMembersAsync(CommandKind kind, Protocol.Member changed)
    {
        var type = kind switch
        {
            CommandKind.MemberRemove => ConfChangeType.RemoveNode,
            CommandKind.MemberPeerUrls => ConfChangeType.UpdateNode,
            _ => changed.IsLearner ? ConfChangeType.AddLearnerNode : ConfChangeType.AddNode,
        };
        var proposal = new Proposal(kind, changed.ToByteArray(), changed, _scheduler.Time.GetTimestamp());
        var result = await _raft.ProposeConfChange(proposal, type, new NodeId(changed.ID));
        return result.Error is { } error ? throw new EtcdException(error) : (MemberListResponse)result.Response!;
    }

    /// <summary>How much of the leader's log each member is known to have, from 0 to 1; null unless this member leads.</summary>
    public Task<IReadOnlyDictionary<ulong, double>?> CaughtUpAsync()
    {
        var answer = new TaskCompletionSource<IReadOnlyDictionary<ulong, double>?>(TaskCreationOptions.RunContinuationsAsynchronously);
        _raft.Post(node =>
        {
            var status = node.Status;
            double own = Math.Max(1, status.Basic.LastIndex);
            answer.SetResult(status.Basic.IsLeader
                ? status.Progress.ToDictionary(progress => progress.Id.Value, progress => progress.Match / own)
                : null);
        });
        return answer.Task;
    }

    /// <summary>Nobody is known to lead: the first election shall come as soon as if the waiting for it were nearly over.</summary>
    public void HastenElection() => _raft.Post(node =>
    {
        if (node.BasicStatus.SoftState.Leader != NodeId.None)
            return;
        // Two are left: a leader that is there is heard of first.
        for (int ticks = Options.ElectionTicks - 2; ticks > 0; ticks--)
            node.Tick();
    });

    /// <summary>Hands the leadership over; completes when the successor has it.</summary>
    /// <exception cref="EtcdException"><see cref="EtcdError.TimeoutLeaderTransfer"/>: it did not come to that in time.</exception>
    public async Task TransferLeadershipAsync(NodeId successor, CancellationToken cancellation)
    {
        if (Leadership.Leader == successor)
            return;
        _raft.Post(node => node.TransferLeader(successor));
        long start = _scheduler.Time.GetTimestamp();
        while (Leadership.Leader != successor)
        {
            if (_scheduler.Time.GetElapsedTime(start) > Options.RequestTimeout)
                throw new EtcdException(EtcdError.TimeoutLeaderTransfer);
            await Task.Delay(Options.HeartbeatInterval / 2, _scheduler.Time, cancellation);
        }
    }

    /// <summary>Brings a message from another member. Any thread.</summary>
    public void Deliver(Message message) => _raft.Deliver(message);

    /// <summary>The network lost messages to a member. Any thread.</summary>
    public void ReportUnreachable(NodeId peer) => _raft.Post(node => node.ReportUnreachable(peer));

    /// <summary>How the transfer of a snapshot ended. Any thread.</summary>
    public void ReportSnapshot(NodeId peer, bool isSuccess) =>
        _raft.Post(node => node.ReportSnapshot(peer, isSuccess ? SnapshotStatus.Finish : SnapshotStatus.Failure));

    /// <summary>Snapshots from other members, on their way in.</summary>
    internal SnapshotInstaller Snapshots => _snapshots;

    /// <summary>A snapshot was accepted, and is not in force yet.</summary>
    public bool IsApplyingSnapshot { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <summary>The newest checkpoint, as the body of a snapshot for another member.</summary>
    /// <param name="position">What the other has of it already; may be empty.</param>
    /// <returns>Null before the first checkpoint.</returns>
    /// <exception cref="IOException">It cannot be read: another one is being taken.</exception>
    /// <exception cref="InvalidDataException">It is damaged: another one is being taken.</exception>
    internal SnapshotSender? OpenSnapshot(ReadOnlySpan<byte> position)
    {
        try
        {
            var sender = SnapshotSender.Open(_checkpointer, position);
            sender?.Damaged = TakeAnother;
            return sender;
        }
        catch (Exception damage) when (damage is IOException or InvalidDataException)
        {
            TakeAnother(damage);
            throw;
        }
    }

    /// <summary>This member may have started from it all the same, by making its key index anew: it has all that a new one needs.</summary>
    private void TakeAnother(Exception damage)
    {
        Log.Warn("the newest checkpoint cannot be sent, taking another", ("error", damage.Message));
        _apply.Post(() => _checkpointer.Request(() => { }));
    }

    /// <summary>Completes when a read may begin that must see everything acknowledged until now.</summary>
    public Task ReadIndexAsync() => _raft.ReadIndex();

    /// <summary>Completes when the compaction has left the key index, so that what it freed is really gone.</summary>
    public async Task CompactedAsync(long revision, CancellationToken cancellation)
    {
        while (State.Store.IndexCompactedRevision < revision)
        {
            cancellation.ThrowIfCancellationRequested();
            await Task.Delay(TimeSpan.FromMilliseconds(5), _scheduler.Time, cancellation);
        }
    }

    /// <summary>Takes a checkpoint now and gives back what space it can; completes when that is done.</summary>
    public Task CheckpointAsync()
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _apply.Post(() => _checkpointer.Request(done.SetResult));
        return done.Task;
    }

    public ResponseHeader Header() => HeaderAt(State.Store.CurrentRevision);

    public ResponseHeader HeaderAt(long revision) => new()
    {
        ClusterId = Options.ClusterId,
        MemberId = Options.MemberId.Value,
        Revision = revision,
        RaftTerm = Leadership.Term,
    };

    /// <summary>Fills in who answers; the revision is there already.</summary>
    public ResponseHeader Complete(ResponseHeader? header) => HeaderAt(header?.Revision ?? 0);

    /// <summary>Ends the loops. What was acknowledged is on disk already; a last checkpoint only makes the next start quicker.</summary>
    public void Stop()
    {
        _watchProgress?.Dispose();
        _upkeep?.Dispose();
        _space.Stop();
        Lessor.Stop();
        _raft.Stop();
        _apply.Stop();
        _checkpointer.Stop();
        _log.Stop();
        _watchLoop.Stop();
    }

    public void Dispose()
    {
        _snapshots.Dispose();
        _storage.Wal.Dispose();
        State.Store.Values.Dispose();
        State.Store.Index.Dispose();
        _directory.Dispose();
    }

    /// <summary>A new cluster's log says who its members are, as if that had been agreed on: the same on every member. The log of
    /// one that joins is empty.</summary>
    private static Entry[] FirstEntries(MemberOptions options) => options.IsJoining ? [] :
        [.. options.InitialMembers.OrderBy(member => member.ID).Select((member, i) =>
        {
            var command = CommandBatch.Encode(new Command(CommandKind.MemberAdd, 0, member.ToByteArray()));
            var change = new ConfChange(ConfChangeType.AddNode, new NodeId(member.ID), command);
            return new Entry(1, (ulong)i + 1, EntryType.ConfChange, change.Encode());
        })];

    private RaftLoop NewRaftLoop(TimeProvider time)
    {
        var window = new LogWindow(_storage.Wal.HardState, _storage.ConfState, _storage.Applied, _storage.Tail)
        {
            SnapshotWanted = () => _ = CheckpointAsync(),
        };
        var config = new RaftConfig
        {
            Id = Options.MemberId,
            Storage = window,
            Applied = _storage.Applied.Index,
            AsyncStorageWrites = true,
            ElectionTicks = Options.ElectionTicks,
            PreVote = Options.PreVote,
            RandomBelow = new Random(unchecked((int)Options.Incarnation)).Next,
            MaxCommittedSizePerReadyBytes = 16 << 20,
            MaxUncommittedEntriesSizeBytes = 256 << 20,
            MaxSizePerMessageBytes = Options.MaxAppendBytes,
            MaxInflightMessages = Options.MaxInflightMessages,
            MaxInflightBytes = 32 << 20,
            StepDownOnRemoval = true,
        };
        if (_storage.NewestCheckpoint is not null)
            window.Offer(new SnapshotMetadata(_storage.ConfState, _storage.Applied.Index, _storage.Applied.Term));
        var options = new RaftLoopOptions(
            Options.HeartbeatInterval, Options.RequestTimeout, Options.CampaignsAtOnce, Options.CatchUpEntries, Options.CatchUpBytes);
        return new RaftLoop(options, config, window, time, Options.Incarnation)
        {
            StatusChanged = OnLeadership,
            Events = _events,
            SendToLog = message => _log.Append(message),
            SendToApply = message => _apply.Apply(message),
            SendToPeer = _network.Send,
            SnapshotIgnored = snapshot => _checkpointer.Post(() => _snapshots.Drop(snapshot)),
        };
    }

    /// <summary>Log loop. A full disk is tried again; another fault ends the member, as raft counts on the snapshot already.</summary>
    private void Install(Snapshot snapshot, Action installed)
    {
        IsApplyingSnapshot = true;
        _checkpointer.Install(_snapshots.Accept(snapshot), failure =>
        {
            switch (failure)
            {
                case null:
                    installed();
                    break;
                case DiskFullException full:
                    _space.OnDiskFull(full);
                    _scheduler.Pause(InstallRetry);
                    Install(snapshot, installed);
                    break;
                default:
                    throw failure;
            }
        });
    }

    /// <summary>Apply loop. The log goes on behind the snapshot, and from now on so does the state.</summary>
    private StateMachine TakeOver(Snapshot snapshot)
    {
        var old = State;
        State = _snapshots.TakeOver(snapshot);
        IsApplyingSnapshot = false;
        _checkpointer.Replace(State.Store.Values, State.Store.Index);
        Lessor.Replace(State.Leases, Options.ElectionTimeout);
        Watches.Leap();
        _raft.DeliverCheckpoint(snapshot.Metadata);
        _raft.DeliverRestored(snapshot.Metadata.Index);
        _checkpointer.Post(() =>
        {
            old.Store.Values.Dispose();
            old.Store.Index.Dispose();
        });
        _checkpointer.Tidy();
        OnMembersChanged();
        Log.Info("applied snapshot", ("index", snapshot.Metadata.Index), ("term", snapshot.Metadata.Term), ("revision", State.Store.CurrentRevision));
        return State;
    }

    /// <summary>What is durable now may be told: to this node itself, or to another.</summary>
    private void Respond(Message response)
    {
        if (response.To == Options.MemberId)
            _raft.Deliver(response);
        else
            _network.Send(response);
    }

    private Checkpointer NewCheckpointer(TimeProvider time, MemberEvents events) =>
        new(_storage.Checkpoints, State.Store.Values, State.Store.Index, _checkpointPolicy, time)
        {
            Capture = values => new CheckpointManifest(State.AppliedIndex, State.Store.CurrentRevision, values, State.SaveState()),
            Completed = (manifest, firstNeeded, took) => OnCheckpoint(manifest, firstNeeded, took, events),
            Failed = failure =>
            {
                Log.Error("checkpoint failed; the log is kept and it will be tried again", ("error", failure.Message));
                if (failure is DiskFullException full)
                    _space.OnDiskFull(full);
            },
            WakeApply = () => _apply.Wake(),
        };

    private void OnCheckpoint(CheckpointManifest manifest, ulong firstNeeded, TimeSpan took, MemberEvents events)
    {
        var image = Mvcc.State.StateImage.Decode(manifest.State.Span);
        var mark = new CheckpointMark(
            new EntryId(image.AppliedTerm, image.AppliedIndex), ConfStateCodec.Decode(image.Configuration.Span), default);
        _log.Mark(mark, firstNeeded);
        _raft.DeliverCheckpoint(new SnapshotMetadata(mark.ConfState, mark.Applied.Index, mark.Applied.Term));
        events.Checkpointed(took);
        Log.Debug("checkpoint complete", ("applied-index", image.AppliedIndex), ("revision", image.CurrentRevision), ("took", took));
    }

    private void OnLeadership(LeaderStatus status)
    {
        if (status.Leader == NodeId.None)
        {
            if (_leaderKnown.Task.IsCompleted)
                _leaderKnown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Lessor.Demote();
            return;
        }
        if (status.Leader == Options.MemberId)
            Lessor.Promote(status.Term, Options.ElectionTimeout);
        else
            Lessor.Demote();
        _leaderKnown.TrySetResult();
        if (status.Leader == _lastLeader)
            return;
        _lastLeader = status.Leader;
        Volatile.Write(ref _leaderSince, _scheduler.Time.GetTimestamp());
        Interlocked.Increment(ref _leaderChanges);
    }

    private void OnApplied(Command command, ApplyResult result, TimeSpan took)
    {
        if (result is { Error: null, Response: LeaseGrantResponse granted })
            Lessor.Granted(new LeaseId(granted.ID));
        // Also when it was refused because somebody else had ended it: whoever waits for that need not wait longer.
        if (EndedBy(command) is { } ended && !State.Leases.Contains(ended))
            Lessor.Revoked(ended);
        if (result is { Error: null, Response: MemberListResponse })
            OnMembersChanged();
        _events.Applied(command, result, took);
    }

    private static LeaseId? EndedBy(Command command) => command.Kind switch
    {
        CommandKind.LeaseRevoke => new LeaseId(LeaseRevokeRequest.Parser.ParseFrom(command.Payload.Span).ID),
        CommandKind.LeaseExpire => new LeaseId(LeaseExpireRequest.Parser.ParseFrom(command.Payload.Span).Id),
        _ => null,
    };

    private void OnMembersChanged()
    {
        _network.SetMembers(State.Members.Members);
        if (State.Members.IsRemoved(Options.MemberId.Value))
            _events.Removed();
    }

    private void ProposeRevocation(LeaseExpireRequest request, ulong term, Action settled) =>
        Propose(CommandKind.LeaseExpire, request.ToByteArray(), request, settled, term);

    private Task ProposeCheckpoint(LeaseRemaindersRequest request, ulong term) =>
        Propose(CommandKind.LeaseCheckpoint, request.ToByteArray(), request, leaderTerm: term);

    private void Upkeep()
    {
        _checkpointer.Post(() => _space.Upkeep(_checkpointer.TryRestoreReserve()));
        // Lets an idle member notice that a checkpoint is due.
        _apply.Wake();
    }
}
