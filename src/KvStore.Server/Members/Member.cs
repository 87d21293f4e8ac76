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
    private readonly MemberStorage _storage;
    private readonly DataDirectory _directory;
    private readonly ILoopScheduler _scheduler;
    private readonly RaftLoop _raft;
    private readonly LogLoop _log;
    private readonly ApplyLoop _apply;
    private readonly Checkpointer _checkpointer;
    private readonly CheckpointPolicy _checkpointPolicy;
    private readonly SpaceGuard _space;
    private ILoop _watchLoop = null!;
    private ITimer? _watchProgress;
    private ITimer? _upkeep;
    private TaskCompletionSource _leaderKnown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _leaderChanges;

    private Member(MemberOptions options, DataDirectory directory, IDisk disk, ILoopScheduler scheduler, MemberEvents events, IMemberParts parts)
    {
        (Options, _directory, _scheduler) = (options, directory, scheduler);
        var time = scheduler.Time;
        _space = new SpaceGuard(this, new SpaceReserve(disk, directory.Reserve, options.ReserveBytes), scheduler);
        var walOptions = new WalOptions { SegmentBytes = options.LogSegmentBytes };
        if (directory.IsNew)
            MemberStorage.Bootstrap(disk, directory, new WalIdentity(options.ClusterId, options.MemberId.Value), walOptions, FirstEntries(options));
        _storage = MemberStorage.Open(disk, directory, walOptions, parts, _space.WaitForSpace);
        foreach (string trouble in _storage.Troubles)
            Log.Warn("recovered another way", ("reason", trouble));

        State = _storage.Machine;
        Watches = new WatchHub(new HistoryWatchSource(State.Store, State.History), new WatchHubOptions(), () => _watchLoop.Wake());
        Lessor = new Lessor(new LeaseClock(State.Leases), time) { Revoke = ProposeRevocation, Checkpoint = ProposeCheckpoint };
        _checkpointPolicy = new CheckpointPolicy(options.SnapshotCount, options.CheckpointLogBytes, time);
        _raft = NewRaftLoop(time);
        _log = new LogLoop(_storage.Wal, time) { Respond = _raft.Deliver, DiskFull = _space.OnDiskFull, Synced = events.Synced };
        _checkpointer = NewCheckpointer(time, events);
        _apply = new ApplyLoop(State, Watches, _raft, _checkpointPolicy, time)
        {
            SlowFrom = options.WarningApplyDuration,
            AppliedSlowly = (kind, took) =>
            {
                Log.Warn("apply request took too long", ("took", took), ("expected-duration", options.WarningApplyDuration), ("request", kind.ToString()));
                events.AppliedSlowly();
            },
            Checkpointer = _checkpointer,
            Applied = (command, result) => OnApplied(command, result, events),
        };
    }

    public MemberOptions Options { get; }

    public StateMachine State { get; }

    public WatchHub Watches { get; }

    public Lessor Lessor { get; }

    public LeaderStatus Leadership => _raft.Status;

    public bool HasLeader => Leadership.Leader != NodeId.None;

    public bool IsLeader => Leadership.Leader == Options.MemberId;

    public long LeaderChanges => Interlocked.Read(ref _leaderChanges);

    public int PendingProposals => _raft.PendingProposals;

    /// <summary>Bytes of the log's segments on disk.</summary>
    public long LogBytes => _storage.Wal.SizeBytes;

    /// <summary>What the quota is compared with.</summary>
    public long DatabaseBytes => State.Store.Values.SizeBytes;

    /// <summary>Completes when somebody leads, so that requests can be served.</summary>
    public Task LeaderKnown => _leaderKnown.Task;

    /// <summary>Opens the member in its directory, or makes a new one there.</summary>
    /// <exception cref="InvalidDataException">What is there is damaged or another's.</exception>
    public static Member Open(
        MemberOptions options, DataDirectory directory, IDisk disk, ILoopScheduler scheduler, MemberEvents events, IMemberParts parts) =>
        new(options, directory, disk, scheduler, events, parts);

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
        var result = await Propose(kind, payload, request);
        return result.Error is { } error ? throw new EtcdException(error) : result.Response!;
    }

    /// <summary>Proposes a request; the task has the result at its place in the log.</summary>
    public Task<ApplyResult> Propose(CommandKind kind, ReadOnlyMemory<byte> payload, IMessage? request, Action? settled = null) =>
        _raft.Propose(new Proposal(kind, payload, request, _scheduler.Time.GetTimestamp()) { Settled = settled });

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
        _apply.Post(() =>
        {
            _checkpointer.WhenIdle(done.SetResult);
            _checkpointer.Begin();
        });
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
        _storage.Wal.Dispose();
        State.Store.Values.Dispose();
        State.Store.Index.Dispose();
        _directory.Dispose();
    }

    /// <summary>A new member's log says who its members are, as if that had been agreed on.</summary>
    private static Entry[] FirstEntries(MemberOptions options)
    {
        var member = new Protocol.Member { ID = options.MemberId.Value, Name = options.Name };
        member.PeerURLs.Add(options.PeerUrls);
        var change = new ConfChange(
            ConfChangeType.AddNode, options.MemberId, CommandBatch.Encode(new Command(CommandKind.MemberAdd, 0, member.ToByteArray())));
        return [new Entry(1, 1, EntryType.ConfChange, change.Encode())];
    }

    private RaftLoop NewRaftLoop(TimeProvider time)
    {
        var window = new LogWindow(_storage.Wal.HardState, _storage.ConfState, _storage.Applied, _storage.Tail);
        var config = new RaftConfig
        {
            Id = Options.MemberId,
            Storage = window,
            Applied = _storage.Applied.Index,
            AsyncStorageWrites = true,
            ElectionTicks = Options.ElectionTicks,
            PreVote = Options.PreVote,
            RandomBelow = new Random(unchecked((int)(Options.MemberId.Value ^ (ulong)time.GetTimestamp()))).Next,
            MaxCommittedSizePerReadyBytes = 16 << 20,
        };
        // Ids of requests of an earlier life may still stand in the log: the term tells the lives apart.
        ulong prefix = (_storage.Wal.HardState.Term + 1) << 48;
        return new RaftLoop(new RaftLoopOptions(Options.HeartbeatInterval, Options.RequestTimeout, Options.CampaignsAtOnce), config, window, time, prefix)
        {
            StatusChanged = OnLeadership,
            SendToLog = message => _log.Append(message),
            SendToApply = message => _apply.Apply(message),
        };
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
            Lessor.Promote(Options.ElectionTimeout);
        else
            Lessor.Demote();
        if (_leaderKnown.TrySetResult())
            Interlocked.Increment(ref _leaderChanges);
    }

    private void OnApplied(in Command command, in ApplyResult result, MemberEvents events)
    {
        if (result.Error is null)
        {
            switch (result.Response)
            {
                case LeaseGrantResponse granted: Lessor.Granted(new LeaseId(granted.ID)); break;
                case LeaseRevokeResponse: Lessor.Revoked(new LeaseId(LeaseRevokeRequest.Parser.ParseFrom(command.Payload.Span).ID)); break;
            }
        }
        else if (command.Kind == CommandKind.LeaseRevoke)
        {
            // Somebody else revoked it: whoever waits for that need not wait longer.
            Lessor.Revoked(new LeaseId(LeaseRevokeRequest.Parser.ParseFrom(command.Payload.Span).ID));
        }
        events.Applied(command, result);
    }

    private void ProposeRevocation(LeaseRevokeRequest request, Action settled) =>
        Propose(CommandKind.LeaseRevoke, request.ToByteArray(), request, settled);

    private Task ProposeCheckpoint(LeaseCheckpointRequest request) =>
        Propose(CommandKind.LeaseCheckpoint, request.ToByteArray(), request);

    private void Upkeep()
    {
        _space.Upkeep();
        // Lets an idle member notice that a checkpoint is due.
        _apply.Wake();
    }
}
