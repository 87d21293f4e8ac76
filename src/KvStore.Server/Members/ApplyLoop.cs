using System.Collections.Concurrent;
using KvStore.Mvcc;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.Watches;
using KvStore.Raft;
using KvStore.Server.Members.Checkpoints;
using KvStore.Server.Members.Scheduling;
using KvStore.Storage.Wal;

namespace KvStore.Server.Members;

/// <summary>Owns the state machine: applies what is committed, in order, and answers whoever waits for it.</summary>
internal sealed class ApplyLoop(
    StateMachine initial, WatchHub watches, RaftLoop raft, CheckpointPolicy checkpointPolicy, TimeProvider time, MemberEvents events)
{
    /// <summary>Keys that compaction looks at between two batches of entries.</summary>
    private const int CompactionKeysPerStep = 512;

    /// <summary>Bytes of old values that compaction looks at between two batches of entries.</summary>
    private const long ReclaimBytesPerStep = 1 << 20;

    /// <summary>How soon reclaiming that found no room to move values to is tried again.</summary>
    private static readonly TimeSpan RoomRetry = TimeSpan.FromSeconds(2);

    private readonly ConcurrentQueue<Work> _queue = new();
    private readonly ConcurrentQueue<Action> _work = new();
    private ILoop _loop = null!;
    private StateMachine _machine = initial;
    private long? _compactionStart;
    private bool _isReclaiming;
    private long _reclaimBytesLeft;
    private bool _hasMoved;
    private bool _isStuck;
    private volatile bool _hasNoRoom;
    private ITimer _roomRetry = null!;
    private int _confChangesUnderWay;

    /// <summary>Applying a command for longer is told to <see cref="AppliedSlowly"/>.</summary>
    public required TimeSpan SlowFrom { get; init; }

    public required Action<CommandKind, TimeSpan> AppliedSlowly { get; init; }

    public required Checkpointer Checkpointer { get; init; }

    /// <summary>Told of every applied command and what came of it, before its client is.</summary>
    public required Action<Command, ApplyResult, TimeSpan> Applied { get; init; }

    /// <summary>Told when the first entry of a term is applied, and with it all entries of earlier ones.</summary>
    public required Action<ulong> TermApplied { get; init; }

    /// <summary>Told when compaction cannot give space back because there is none to move values to; it is tried again.</summary>
    public required Action ReclaimStuck { get; init; }

    public void Start(ILoopScheduler scheduler)
    {
        _loop = scheduler.Start("apply", Step);
        _roomRetry = time.CreateTimer(_ => RetryReclaim(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Stop()
    {
        _roomRetry.Dispose();
        _loop.Stop();
    }

    public void Wake() => _loop.Wake();

    /// <summary>Queues a StorageApply. Raft loop only.</summary>
    public void Apply(Message message)
    {
        _queue.Enqueue(new Work(message, null));
        _loop.Wake();
    }

    /// <summary>Queues a state that takes the place of the present one, before the entries behind it.</summary>
    /// <param name="replace">Called on the loop.</param>
    public void Replace(Func<StateMachine> replace)
    {
        _queue.Enqueue(new Work(null, replace));
        _loop.Wake();
    }

    /// <summary>Runs something between two entries, beside nothing that changes the state. Any thread.</summary>
    public void Post(Action work)
    {
        _work.Enqueue(work);
        _loop.Wake();
    }

    private bool Step()
    {
        while (_work.TryDequeue(out var work))
            work();
        // A checkpoint names the members in force: it waits until a change that was applied has told.
        if (_confChangesUnderWay == 0)
            Checkpointer.Advance();
        bool hasMore = _queue.TryDequeue(out var next);
        if (next.Replace is { } replace)
            _machine = replace();
        else if (next.Message is { } message)
            ApplyAll(message);
        return Clean() || hasMore;
    }

    private void ApplyAll(Message message)
    {
        foreach (ref readonly var entry in message.Entries.Span)
        {
            // A snapshot may have brought the state further than what was still waiting here.
            if (entry.Index > _machine.AppliedIndex)
                Apply(entry);
        }
        watches.Wake();
        foreach (var response in message.Responses)
            raft.Deliver(response);
    }

    private void Apply(in Entry entry)
    {
        if (entry.Type == EntryType.Normal)
            _ = ApplyCommands(entry.Index, entry.Data);
        else
            ApplyConfChange(entry);
        bool isNewTerm = entry.Term > _machine.AppliedTerm;
        _machine.CompleteEntry(entry.Index, entry.Term);
        if (isNewTerm)
            TermApplied(entry.Term);
    }

    /// <returns>Whether none of the commands was refused.</returns>
    private bool ApplyCommands(ulong index, ReadOnlyMemory<byte> data)
    {
        if (data.IsEmpty)
            return true; // A new leader's first entry.
        bool areAccepted = true;
        var commands = CommandBatch.Read(data);
        checkpointPolicy.Applied(commands.Remaining, data.Length);
        while (commands.TryRead(out var command))
        {
            long start = time.GetTimestamp();
            raft.TryTakePending(command.RequestId, out var proposal);
            var result = _machine.Apply(index, command, proposal?.Request);
            areAccepted &= result.Error is null;
            if (result.Events.Length > 0)
                watches.Publish(result.Revision, result.Events);
            var took = time.GetElapsedTime(start);
            Applied(command, result, took);
            proposal?.Complete(result);
            if (took > SlowFrom)
                AppliedSlowly(command.Kind, took);
        }
        return areAccepted;
    }

    private void ApplyConfChange(in Entry entry)
    {
        var change = ConfChangeV2.FromEntry(entry)
            ?? throw new InvalidDataException($"entry {entry.Index} is no membership change that this version knows");
        // What the state refuses changes no member; the core has to be told all the same that the change is over.
        if (!ApplyCommands(entry.Index, change.Context))
            change = change with { Changes = [.. change.Changes.Select(single => single with { NodeId = NodeId.None })] };
        _confChangesUnderWay++;
        var machine = _machine;
        raft.DeliverConfChange(change, entry.Index, state => Post(() =>
        {
            _confChangesUnderWay--;
            machine.Configuration = ConfStateCodec.Encode(state);
        }));
    }

    /// <summary>One small step of giving space back, so that entries never wait long for it.</summary>
    /// <returns>Whether there is more to clean.</returns>
    private bool Clean()
    {
        // What is compacted now may be what the changes behind the checkpoint build on: its key index is still to be saved.
        if (Checkpointer.IsBusy)
            return false;
        if (_machine.Store.IsIndexCompactionPending)
        {
            CompactIndex();
            return true;
        }
        if (!_isReclaiming || _hasNoRoom)
            return false;
        Reclaim();
        return _isReclaiming && !_hasNoRoom;
    }

    private void CompactIndex()
    {
        long start = time.GetTimestamp();
        _compactionStart ??= start;
        _machine.Store.CompactStep(CompactionKeysPerStep);
        events.IndexCompactionStep(time.GetElapsedTime(start));
        (_isReclaiming, _reclaimBytesLeft) = (true, _machine.Store.Values.SizeBytes);
    }

    /// <summary>One pass over as much as the store held when the compaction ended gives back what that freed.</summary>
    private void Reclaim()
    {
        long start = time.GetTimestamp();
        var step = _machine.Store.ReclaimStep(ReclaimBytesPerStep);
        events.ValueCompactionStep(time.GetElapsedTime(start));
        _reclaimBytesLeft -= step.ExaminedBytes;
        _isReclaiming = step.HasNoRoom || step.ExaminedBytes > 0 && _reclaimBytesLeft > 0;
        checkpointPolicy.Reclaimed(step.ExaminedBytes);
        if (step.ExaminedBytes > 0)
            (_hasMoved, _isStuck) = (true, false);
        if (step.HasNoRoom)
            AwaitRoom();
        else if (!_isReclaiming && _machine.Store.Values.IsReserveInUse)
            LetGo(() => { });
        if (_isReclaiming || _compactionStart is not { } began)
            return;
        events.Compacted(time.GetElapsedTime(began));
        _compactionStart = null;
    }

    /// <summary>There is room once checkpoints have let go of what was moved, or else once somebody makes some.</summary>
    private void AwaitRoom()
    {
        _hasNoRoom = true;
        if (_hasMoved)
        {
            LetGo(RetryReclaim);
            return;
        }
        if (!_isStuck)
            ReclaimStuck();
        _isStuck = true;
        LetGo(() => _roomRetry.Change(RoomRetry, Timeout.InfiniteTimeSpan));
    }

    private void RetryReclaim()
    {
        _hasNoRoom = false;
        _loop.Wake();
    }

    /// <summary>Files of values go with the checkpoints that need them; a full disk cannot wait for those that come by themselves.</summary>
    private void LetGo(Action ended)
    {
        _hasMoved = false;
        // The newest but one is kept, so the second lets go of all that stood before the first.
        Checkpointer.Request(() => Post(() => Checkpointer.Request(ended)));
    }

    /// <summary>One of the two: entries to apply, or a state to go on with.</summary>
    private readonly record struct Work(Message? Message, Func<StateMachine>? Replace);
}
