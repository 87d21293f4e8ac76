using KvStore.Raft;

namespace KvStore.Mvcc.Index;

/// <summary>Leaves taken apart into whole keys and entries, to be packed again otherwise. The writer has one.</summary>
internal sealed unsafe class LeafEditor
{
    private LeafEntry[] _entries = new LeafEntry[256];

    public KeyList Keys { get; } = new();

    public ReadOnlySpan<LeafEntry> Entries => _entries.AsSpan(0, Count);

    public int Count => Keys.Count;

    public void Clear() => Keys.Clear();

    public void Add(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> suffix, in LeafEntry entry)
    {
        if (Count == _entries.Length)
            Array.Resize(ref _entries, 2 * _entries.Length);
        _entries[Count] = entry;
        Keys.Add(prefix, suffix);
    }

    public void Load(Leaf leaf, int from, int to)
    {
        Invariant.Holds(!leaf.IsLong);
        for (int i = from; i < to; i++)
            Add(leaf.Prefix, leaf.Suffix(i), leaf.Entries[i]);
    }

    public void Load(Leaf leaf) => Load(leaf, 0, leaf.Count);

    public void Truncate(int count) => Keys.Truncate(count);

    public int PackedSize(int from, int to)
    {
        int prefixLength = Keys.CommonPrefixLength(from, to);
        return Leaf.PackedSize(to - from, prefixLength, Keys.BytesOf(from, to) - prefixLength * (to - from));
    }

    /// <summary>Where to cut into two leaves so that the larger one is as small as can be.</summary>
    public int SplitPoint()
    {
        // With each key that moves over, the left side grows and the right side shrinks.
        int low = 1;
        int high = Count - 1;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (PackedSize(0, middle) < PackedSize(middle, Count))
                low = middle + 1;
            else
                high = middle;
        }
        bool isBeforeBetter = low > 1 && LargerSide(low - 1) < LargerSide(low);
        int split = isBeforeBetter ? low - 1 : low;
        Invariant.Holds(LargerSide(split) <= Leaf.MaxSize);
        return split;
    }

    private int LargerSide(int split) => Math.Max(PackedSize(0, split), PackedSize(split, Count));
}
