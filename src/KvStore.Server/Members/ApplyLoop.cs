using System.Collections.Concurrent;
using KvStore.Mvcc.Commands;
using KvStore.Mvcc.State;
using KvStore.Mvcc.Watches;
using KvStore.Raft;
using KvStore.Server.Members.Checkpoints;
using KvStore.Server.Members.Scheduling;

namespace KvStore.Server.Members;

/// <summary>Owns the state machine: applies what is committed, in order, and answers whoever waits for it.</summary>
internal sealed class ApplyLoop(StateMachine machine, WatchHub watches, RaftLoop raft, CheckpointPolicy checkpointPolicy)
{
    /// <summary>Keys that compaction looks at between two batches of entries.</summary>
    private const int CompactionKeysPerStep = 512;

    /// <summary>Bytes of old values that compaction looks at between two batches of entries.</summary>
    private const long ReclaimBytesPerStep = 1 << 20;

    private readonly ConcurrentQueue<Message> _queue = new();
    private readonly ConcurrentQueue<Action> _work = new();
    private ILoop _loop = null!;
    private bool _isReclaiming;
    private ulong _appliedIndex;

    public required Checkpointer Checkpointer { get; init; }

    /// <summary>Told of every applied command and what came of it, before its client is.</summary>
    public required Action<Command, ApplyResult> Applied { get; init; }

    /// <summary>Told that a membership change is in force.</summary>
    public required Action<ConfState> ConfChanged { get; init; }

    /// <summary>The last entry whose effects can be read. Any thread.</summary>
    public ulong AppliedIndex => Volatile.Read(ref _appliedIndex);

    public void Start(ILoopScheduler scheduler)
    {
        _appliedIndex = machine.Applied.Index;
        _loop = scheduler.Start("apply", Step);
    }

    public void Stop() => _loop.Stop();

    public void Wake() => _loop.Wake();

    /// <summary>Queues a StorageApply. Raft loop only.</summary>
    public void Apply(Message message)
    {
        _queue.Enqueue(message);
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
        Checkpointer.Advance();
        bool hasMore = _queue.TryDequeue(out var message);
        if (hasMore)
            ApplyAll(message!);
        return Clean() || hasMore;
    }

    private void ApplyAll(Message message)
    {
        foreach (ref readonly var entry in message.Entries.Span)
            Apply(entry);
        watches.Wake();
        foreach (var response in message.Responses)
            raft.Deliver(response);
    }

    private void Apply(in Entry entry)
    {
        Invariant.Holds(entry.Index == _appliedIndex + 1);
        switch (entry.Type)
        {
            case EntryType.Normal: ApplyCommands(entry); break;
            default: ApplyConfChange(entry); break;
        }
        Volatile.Write(ref _appliedIndex, entry.Index);
    }

    private void ApplyCommands(in Entry entry)
    {
        machine.BeginEntry(new EntryId(entry.Term, entry.Index));
        if (entry.Data.IsEmpty)
            return; // A new leader's first entry.
        var commands = CommandBatch.Read(entry.Data);
        checkpointPolicy.Applied(commands.Remaining, entry.Data.Length);
        while (commands.TryRead(out var command))
        {
            raft.TryTakePending(command.RequestId, out var proposal);
            var result = machine.Apply(command, proposal?.Request);
            if (result.Events.Length > 0)
                watches.Publish(result.Revision, result.Events);
            Applied(command, result);
            proposal?.Complete(result);
        }
    }

    private void ApplyConfChange(in Entry entry)
    {
        machine.BeginEntry(new EntryId(entry.Term, entry.Index));
        var change = ConfChangeV2.Decode(entry);
        machine.ApplyMembers(change.Context);
        raft.DeliverConfChange(change, ConfChanged);
    }

    /// <summary>One small step of giving space back, so that entries never wait long for it.</summary>
    /// <returns>Whether there is more to clean.</returns>
    private bool Clean()
    {
        if (!machine.CompactStep(CompactionKeysPerStep))
        {
            _isReclaiming = true;
            return true;
        }
        if (_isReclaiming && !Checkpointer.IsBusy)
            _isReclaiming = machine.ReclaimStep(ReclaimBytesPerStep);
        return _isReclaiming && !Checkpointer.IsBusy;
    }
}
