using KvStore.Raft;

namespace KvStore.Mvcc.Index;

/// <summary>Drops superseded changes leaf by leaf, a bounded step at a time. The apply loop's.</summary>
internal sealed unsafe class IndexCompaction(NativeHeap heap, ReadEpochs epochs, LeafTree tree, ChangeHistory history)
{
    private readonly Action<nint, int> _freeKeyBlock = (block, length) => heap.FreeKeyBlock((byte*)block, length);
    private readonly bool[] _isRemoved = new bool[Leaf.MaxCount];

    private long _revision = -1;
    private byte[] _cursor = [];
    private int _cursorLength;

    /// <returns>Whether the compaction at this revision is complete.</returns>
    public bool Step(long revision, int keyBudget, out int removed)
    {
        Invariant.Holds(keyBudget > 0);
        if (revision != _revision)
            (_revision, _cursorLength) = (revision, 0);
        removed = 0;
        bool isDone = false;
        while (keyBudget > 0 && !isDone)
        {
            Leaf leaf = tree.Find(_cursor.AsSpan(0, _cursorLength));
            keyBudget -= Math.Max(1, leaf.Count);
            removed += CompactLeaf(leaf, ref keyBudget);
            isDone = !tree.TryGetNextStart(ref _cursor, out _cursorLength);
            if (tree.IsLastOfNode)
                tree.JoinSmallLeaves();
        }
        if (isDone)
            _revision = -1;
        epochs.FreeUnseen();
        return isDone;
    }

    /// <summary>At the index's end: blocks that no leaf leads to any more are the operating system's to take back.</summary>
    public void FreeKeyBlocks()
    {
        epochs.FreeUnseen();
        _cursorLength = 0;
        do
        {
            Leaf leaf = tree.Find(_cursor.AsSpan(0, _cursorLength));
            if (leaf.IsLong)
                heap.FreeKeyBlock(leaf.LongKeyAddress, leaf.LongKey.Length);
        }
        while (tree.TryGetNextStart(ref _cursor, out _cursorLength));
    }

    private int CompactLeaf(Leaf leaf, ref int keyBudget)
    {
        int removed = 0;
        for (int i = 0; i < leaf.Count; i++)
        {
            LeafEntry* entry = leaf.Entries + i;
            _isRemoved[i] = entry->IsTombstone && entry->Main < _revision;
            if (_isRemoved[i])
                removed++;
            else if (entry->History != 0)
                CompactHistory(leaf, entry, ref keyBudget);
        }
        if (removed > 0)
            RemoveKeys(leaf);
        return removed;
    }

    private void CompactHistory(Leaf leaf, LeafEntry* entry, ref int keyBudget)
    {
        uint left = history.Compact(entry->History, *entry, _revision, out int steps);
        keyBudget -= steps;
        if (left == entry->History)
            return;
        LeafTree.BeginChange(leaf);
        entry->History = left;
        LeafTree.EndChange(leaf);
    }

    /// <summary>First no leaf leads to them, then what they hold is retired.</summary>
    private void RemoveKeys(Leaf leaf)
    {
        int count = leaf.Count;
        Span<uint> histories = stackalloc uint[_isRemoved.Length];
        int historyCount = 0;
        for (int i = 0; i < count; i++)
        {
            if (_isRemoved[i] && leaf.Entries[i].History != 0)
                histories[historyCount++] = leaf.Entries[i].History;
        }
        byte* keyBlock = leaf.IsLong ? leaf.LongKeyAddress : null;
        int keyLength = leaf.IsLong ? leaf.LongKey.Length : 0;

        tree.Remove(_isRemoved.AsSpan(0, count));

        foreach (uint chain in histories[..historyCount])
            history.Remove(chain);
        if (keyBlock != null)
            epochs.Retire(_freeKeyBlock, (nint)keyBlock, keyLength);
    }
}
