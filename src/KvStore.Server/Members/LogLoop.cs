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

    private readonly ConcurrentQueue<Message> _queue = new();
    private readonly ConcurrentQueue<Action<WriteAheadLog>> _work = new();
    private readonly List<Message> _batch = [];
    private ILoop _loop = null!;
    private HardState _written;

    /// <summary>Takes responses once what they answer is durable.</summary>
    public required Action<Message> Respond { get; init; }

    /// <summary>Frees space that was reserved for this moment; false when there is none left. Called on the loop.</summary>
    public required Func<bool> FreeReserve { get; init; }

    /// <summary>Told how long each sync took.</summary>
    public required Action<TimeSpan> Synced { get; init; }

    public void Start(ILoopScheduler scheduler) => _loop = scheduler.Start("log", Step);

    public void Stop() => _loop.Stop();

    /// <summary>Queues a StorageAppend. Raft loop only.</summary>
    public void Append(Message message)
    {
        _queue.Enqueue(message);
        _loop.Wake();
    }

    /// <summary>Runs something on the loop, between two batches.</summary>
    public void Post(Action<WriteAheadLog> work)
    {
        _work.Enqueue(work);
        _loop.Wake();
    }

    /// <summary>Tries again after the disk was full. Any thread.</summary>
    public void Wake() => _loop.Wake();

    private bool Step()
    {
        while (_work.TryDequeue(out var work))
            work(wal);
        if (_batch.Count == 0)
            TakeBatch();
        if (_batch.Count == 0)
            return false;
        int written = WriteBatch(out bool mustSync);
        if (mustSync)
            Sync();
        for (int i = 0; i < written; i++)
        {
            foreach (var response in _batch[i].Responses)
                Respond(response);
        }
        _batch.RemoveRange(0, written);
        return _batch.Count == 0 && !_queue.IsEmpty;
    }

    private void TakeBatch()
    {
        long bytes = 0;
        while (bytes < BatchLimitBytes && _queue.TryDequeue(out var message))
        {
            _batch.Add(message);
            foreach (var entry in message.Entries.Span)
                bytes += entry.Data.Length;
        }
    }

    /// <returns>How much of the batch is in the log. When the disk is full the rest waits: it is tried again when woken.</returns>
    private int WriteBatch(out bool mustSync)
    {
        mustSync = false;
        int written = 0;
        while (written < _batch.Count)
        {
            try
            {
                mustSync |= Write(_batch[written]);
                written++;
            }
            catch (DiskFullException)
            {
                if (!FreeReserve())
                    break;
            }
        }
        return written;
    }

    private bool Write(Message message)
    {
        var state = message.HardState;
        bool hasState = state != default && state != _written;
        if (hasState || !message.Entries.IsEmpty)
            wal.Append(message.Entries.Span, hasState ? state : null);
        // A commit index alone need not be durable: it is found again (thesis §3.8).
        bool mustSync = !message.Entries.IsEmpty || hasState && (state.Term, state.Vote) != (_written.Term, _written.Vote);
        if (hasState)
            _written = state;
        return mustSync;
    }

    private void Sync()
    {
        long start = time.GetTimestamp();
        wal.Sync();
        Synced(time.GetElapsedTime(start));
    }
}
