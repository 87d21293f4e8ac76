namespace KvStore.Raft;

/// <summary>The window of appends under way to one follower: a ring of (last index, bytes) in the order sent.</summary>
internal sealed class Inflights(int maxMessages, ulong maxBytes)
{
    private const int InitialCapacity = 8;

    private (ulong Index, ulong Bytes)[] _ring = [];
    private int _start;
    private ulong _bytes;

    public int Count { get; private set; }

    /// <summary>No more may be sent. The bytes are a soft limit: the append that crosses it was still sent.</summary>
    public bool IsFull => Count == maxMessages || (maxBytes != 0 && _bytes >= maxBytes);

    /// <summary>Notes an append whose last entry is at <paramref name="index"/>.</summary>
    public void Add(ulong index, ulong bytes)
    {
        Invariant.Holds(!IsFull);
        if (Count == _ring.Length)
            Grow();
        _ring[Slot(Count)] = (index, bytes);
        Count++;
        _bytes += bytes;
    }

    /// <summary>Forgets the appends that an acknowledgement of <paramref name="index"/> covers.</summary>
    public void FreeUpTo(ulong index)
    {
        while (Count > 0 && _ring[_start].Index <= index)
        {
            _bytes -= _ring[_start].Bytes;
            _start = Slot(1);
            Count--;
        }
    }

    public void Clear()
    {
        Count = 0;
        _start = 0;
        _bytes = 0;
    }

    private int Slot(int offset) => (_start + offset) % _ring.Length;

    // Doubles on demand: most followers answer fast, so that the limit would be memory for nothing.
    private void Grow()
    {
        int capacity = Math.Min(maxMessages, Math.Max(InitialCapacity, _ring.Length * 2));
        var ring = new (ulong, ulong)[capacity];
        for (int i = 0; i < Count; i++)
            ring[i] = _ring[Slot(i)];
        _ring = ring;
        _start = 0;
    }
}
