using KvStore.Raft;

namespace KvStore.Mvcc.Index;

/// <summary>Whole keys in order, one behind the other: leaves and nodes taken apart, to be packed anew.</summary>
internal sealed class KeyList
{
    private byte[] _bytes = new byte[4096];
    private int[] _ends = new int[256];

    public int Count { get; private set; }

    public ReadOnlySpan<byte> this[int index] => _bytes.AsSpan(Start(index), _ends[index] - Start(index));

    public void Clear() => Count = 0;

    public void Add(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> suffix)
    {
        int start = Start(Count);
        int end = checked(start + prefix.Length + suffix.Length);
        if (end > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Min(Math.Max(end, 2L * _bytes.Length), Array.MaxLength));
        if (Count == _ends.Length)
            Array.Resize(ref _ends, 2 * _ends.Length);
        prefix.CopyTo(_bytes.AsSpan(start));
        suffix.CopyTo(_bytes.AsSpan(start + prefix.Length));
        _ends[Count++] = end;
    }

    public int BytesOf(int from, int to) => Start(to) - Start(from);

    /// <summary>Of the keys [<paramref name="from"/>, <paramref name="to"/>). They are sorted, so the outermost decide.</summary>
    public int CommonPrefixLength(int from, int to)
    {
        Invariant.Holds(from <= to && to <= Count);
        return from == to ? 0 : this[from].CommonPrefixLength(this[to - 1]);
    }

    /// <summary>The shortest key that is above the key before <paramref name="index"/> and not above the one there.</summary>
    public ReadOnlySpan<byte> SeparatorBefore(int index) => this[index][..(this[index - 1].CommonPrefixLength(this[index]) + 1)];

    public void Truncate(int count)
    {
        Invariant.Holds(count <= Count);
        Count = count;
    }

    private int Start(int index) => index == 0 ? 0 : _ends[index - 1];
}
