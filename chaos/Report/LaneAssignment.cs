namespace KvStore.Chaos.Report;

/// <summary>Puts what lasts for a time into as few lanes as hold it without overlap.</summary>
internal sealed class LaneAssignment
{
    /// <summary>Lanes by when they are free, the one freed longest ago first.</summary>
    private readonly PriorityQueue<int, long> _free = new();

    public int Count { get; private set; }

    /// <summary>To be asked in the order of beginnings.</summary>
    public int Take(long from, long to)
    {
        int lane = _free.TryPeek(out _, out long freeAt) && freeAt <= from ? _free.Dequeue() : Count++;
        _free.Enqueue(lane, to);
        return lane;
    }
}
