using System.Collections.Concurrent;
using KvStore.Raft;
using KvStore.Server.Members.Scheduling;
using KvStore.Storage.Disks;
using KvStore.Storage.Wal;

namespace KvStore.Server.Members;

/// <summary>Owns the write-ahead log: one sync for everything that queued while the previous one ran (group commit), and only
/// then the responses that say it is durable.</summary>
internal sealed class LogLoop(WriteAheadLog wal, TimeProvider time)
{
    /// <summary>Bytes taken into one sync; the rest waits for the next.</summary>
    private const long BatchLimitBytes = 16 << 20;

    /// <summary>How soon a full disk is tried again.</summary>
    private static readonly TimeSpan FullDiskRetry = TimeSpan.FromMilliseconds(200);

    private readonly ConcurrentQueue<Message> _queue = new();
    private readonly ConcurrentQueue<Action> _work = new();
    private readonly List<Message> _unanswered = [];
    private ILoop _loop = null!;
    private ILoop _preparing = null!;
    private ITimer _retry = null!;
    private HardState _written = wal.HardState;
    private bool _mustSync;
    private Message? _installing;
    private Snapshot? _installed;

    /// <summary>Takes responses once what they answer is durable.</summary>
    public required Action<Message> Respond { get; init; }

    /// <summary>The disk is full: told at every try, on one of the two loops.</summary>
    public required Action<DiskFullException> DiskFull { get; init; }

    /// <summary>Makes a snapshot, which was accepted and is staged, a checkpoint; calls back, on any loop, once that is durable.</summary>
    public required Action<Snapshot, Action> Install { get; init; }

    /// <summary>Told when the log goes on behind a snapshot, before anyone is answered.</summary>
    public required Action<Snapshot> Installed { get; init; }

    /// <summary>Told how long each write took.</summary>
    public required Action<TimeSpan> Written { get; init; }

    /// <summary>Told how long each sync took.</summary>
    public required Action<TimeSpan> Synced { get; init; }

    public void Start(ILoopScheduler scheduler)
    {
        _retry = time.CreateTimer(_ => Retry(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _loop = scheduler.Start("log", Step);
        _preparing = scheduler.Start("segments", PrepareSegment);
        _preparing.Wake();
    }

    public void Stop()
    {
        _retry.Dispose();
        _preparing.Stop();
        _loop.Stop();
    }

    /// <summary>Queues a StorageAppend. Raft loop only.</summary>
    public void Append(Message message)
    {
        _queue.Enqueue(message);
        _loop.Wake();
    }

    /// <summary>Says that a checkpoint is complete, and deletes what no kept checkpoint needs. Any thread.</summary>
    public void Mark(CheckpointMark mark, ulong releaseBefore)
    {
        _work.Enqueue(() =>
        {
            wal.AppendMark(mark);
            _mustSync = true;
            if (TrySync())
                wal.ReleaseBefore(releaseBefore);
        });
        _loop.Wake();
    }

    private bool Step()
    {
        while (_work.TryDequeue(out var work))
            work();
        if (!_mustSync)
            WriteQueued();
        if (_mustSync && !TrySync())
            return false;
        if (_installed is { } snapshot)
        {
            _installed = null;
            wal.ReleaseBefore(snapshot.Metadata.Index + 1);
            Installed(snapshot);
        }
        foreach (var message in _unanswered)
        {
            foreach (var response in message.Responses)
                Respond(response);
        }
        _unanswered.Clear();
        return _installing is null && !_queue.IsEmpty;
    }

    private void WriteQueued()
    {
        long bytes = 0;
        while (bytes < BatchLimitBytes && _installing is null && _queue.TryPeek(out var message))
        {
            if (message.Snapshot is { } snapshot)
            {
                // What stands before it is written and answered first.
                if (_unanswered.Count == 0)
                    BeginInstallation(message, snapshot);
                return;
            }
            _queue.TryDequeue(out _);
            bytes += Write(message);
            _unanswered.Add(message);
        }
    }

    /// <summary>Nothing more is written until the snapshot's checkpoint is durable: the log then begins behind it.</summary>
    private void BeginInstallation(Message message, Snapshot snapshot)
    {
        _queue.TryDequeue(out _);
        _installing = message;
        Install(snapshot, () =>
        {
            _work.Enqueue(() => EndInstallation(message, snapshot));
            _loop.Wake();
        });
    }

    private void EndInstallation(Message message, Snapshot snapshot)
    {
        wal.AppendRestart(new CheckpointMark(snapshot.Metadata.Id, snapshot.Metadata.ConfState, default));
        Write(message);
        _mustSync = true;
        _unanswered.Add(message);
        (_installing, _installed) = (null, snapshot);
    }

    private long Write(Message message)
    {
        var state = message.HardState;
        bool hasState = state != default && state != _written;
        if (hasState || !message.Entries.IsEmpty)
        {
            long start = time.GetTimestamp();
            wal.Append(message.Entries.Span, hasState ? state : null);
            Written(time.GetElapsedTime(start));
        }
        // A commit index alone need not be durable: it is found again (thesis §3.8).
        _mustSync |= !message.Entries.IsEmpty || hasState && (state.Term, state.Vote) != (_written.Term, _written.Vote);
        if (hasState)
            _written = state;
        long bytes = 0;
        foreach (ref readonly var entry in message.Entries.Span)
            bytes += entry.Data.Length;
        return bytes;
    }

    /// <returns>False when the disk is full: nothing is answered, and it is tried again soon.</returns>
    private bool TrySync()
    {
        long start = time.GetTimestamp();
        try
        {
            wal.Sync();
        }
        catch (DiskFullException full)
        {
            RetrySoon(full);
            return false;
        }
        _mustSync = false;
        Synced(time.GetElapsedTime(start));
        _preparing.Wake();
        return true;
    }

    private bool PrepareSegment()
    {
        try
        {
            return wal.TryPrepareNextSegment();
        }
        catch (DiskFullException full)
        {
            RetrySoon(full);
            return false;
        }
    }

    private void RetrySoon(DiskFullException full)
    {
        DiskFull(full);
        _retry.Change(FullDiskRetry, Timeout.InfiniteTimeSpan);
    }

    private void Retry()
    {
        _loop.Wake();
        _preparing.Wake();
    }
}
