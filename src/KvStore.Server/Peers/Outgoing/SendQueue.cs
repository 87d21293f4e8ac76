using System.Collections.Concurrent;
using KvStore.Raft;

namespace KvStore.Server.Peers.Outgoing;

/// <summary>Messages on their way to one peer. Many add, one takes.</summary>
/// <remarks>
/// Two lanes, each in order: entries, which may pile up, and all that is small, which overtakes them, so that a backlog causes
/// no election. An App without entries goes with the others: before them it would only be refused.
/// </remarks>
internal sealed class SendQueue(int limit, long limitBytes)
{
    private readonly ConcurrentQueue<Message> _urgent = new();
    private readonly ConcurrentQueue<Message> _bulk = new();
    private int _urgentCount;
    private int _bulkCount;
    private long _bulkBytes;

    public bool IsEmpty => _urgent.IsEmpty && _bulk.IsEmpty;

    public static bool IsUrgent(Message message) => message.Type is not (MessageType.App or MessageType.Prop);

    /// <returns>False when there is no room.</returns>
    public bool TryAdd(Message message)
    {
        if (IsUrgent(message))
            return TryAddUrgent(message, limit);
        long bytes = BytesOf(message);
        int count = Interlocked.Increment(ref _bulkCount);
        long total = Interlocked.Add(ref _bulkBytes, bytes);
        // One message may be larger than the limit; it then waits alone.
        if (count > limit || (total > limitBytes && total > bytes))
        {
            Forget(bytes);
            return false;
        }
        _bulk.Enqueue(message);
        return true;
    }

    /// <summary>Keeps a small message, at the cost of older ones when there are more than <paramref name="most"/>.</summary>
    /// <returns>Whether nothing was lost.</returns>
    public bool TryAddNewest(Message message, int most)
    {
        bool hasRoom = true;
        while (Volatile.Read(ref _urgentCount) >= most && TryTakeUrgent(out _))
            hasRoom = false;
        return TryAddUrgent(message, limit) && hasRoom;
    }

    public bool TryTake(out Message message) => TryTakeUrgent(out message) || TryTakeBulk(out message);

    /// <returns>Whether there were any.</returns>
    public bool DropBulk()
    {
        bool any = false;
        while (TryTakeBulk(out _))
            any = true;
        return any;
    }

    private bool TryAddUrgent(Message message, int most)
    {
        if (Interlocked.Increment(ref _urgentCount) > most)
        {
            Interlocked.Decrement(ref _urgentCount);
            return false;
        }
        _urgent.Enqueue(message);
        return true;
    }

    private bool TryTakeUrgent(out Message message)
    {
        if (!_urgent.TryDequeue(out message!))
            return false;
        Interlocked.Decrement(ref _urgentCount);
        return true;
    }

    private bool TryTakeBulk(out Message message)
    {
        if (!_bulk.TryDequeue(out message!))
            return false;
        Forget(BytesOf(message));
        return true;
    }

    private void Forget(long bytes)
    {
        Interlocked.Decrement(ref _bulkCount);
        Interlocked.Add(ref _bulkBytes, -bytes);
    }

    private static long BytesOf(Message message)
    {
        long bytes = 0;
        foreach (ref readonly var entry in message.Entries.Span)
            bytes += entry.Data.Length;
        return bytes;
    }
}
