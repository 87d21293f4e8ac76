using System.Runtime.CompilerServices;
using KvStore.Mvcc.Leases;
using KvStore.Raft;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Index;

/// <summary>The key index in native memory: changed in place by the apply loop, read without a lock at any revision.</summary>
/// <remarks>
/// <code>
/// LeafTree      keys -> leaves of packed bytes; each key with its newest change       LeafScan   a reader's way over them
/// ChangeHistory older changes, and those with a lease                                 ReadEpochs who is reading
/// NativeHeap    where leaves and histories lie
/// </code>
/// A put of a known key moves its newest change into the history and overwrites 24 bytes. No put allocates managed memory but
/// where a leaf splits.
/// </remarks>
public sealed unsafe class NativeKeyIndex : IKeyIndex
{
    private readonly NativeHeap _heap = new();
    private readonly ReadEpochs _epochs = new();
    private readonly LeafTree _tree;
    private readonly ChangeHistory _history;
    private readonly IndexCompaction _compaction;
    private long _keyCount;
    private volatile bool _isDisposed;

    public NativeKeyIndex()
    {
        _tree = new LeafTree(_heap);
        _history = new ChangeHistory(_heap, _epochs);
        _compaction = new IndexCompaction(_heap, _epochs, _tree, _history);
        _heap.BeforeGrowth = _epochs.FreeUnseen;
    }

    public long KeyCount => Volatile.Read(ref _keyCount);

    public long MemoryBytes => _heap.Bytes + _tree.NodeBytes;

    /// <summary>For tests that look at the structure.</summary>
    internal LeafTree Tree => _tree;

    internal ChangeHistory History => _history;

    internal NativeHeap Heap => _heap;

    public KeyState Put(ReadOnlySpan<byte> key, Revision revision, LeaseId lease)
    {
        Leaf leaf = _tree.Find(key);
        int position = leaf.LowerBound(key, out bool isFound);
        var state = new KeyState(revision, revision.Main, 1, lease);
        if (!isFound)
        {
            Insert(position, key, state, false);
            return state;
        }
        KeyState current = Current(leaf.Entries[position], out bool isTombstone);
        if (!isTombstone)
            state = state with { Create = current.Create, Version = current.Version + 1 };
        Supersede(leaf, position, current, state, false);
        return state;
    }

    public void Delete(ReadOnlySpan<byte> key, Revision revision)
    {
        Leaf leaf = _tree.Find(key);
        int position = leaf.LowerBound(key, out bool isFound);
        Invariant.Holds(isFound);
        KeyState current = Current(leaf.Entries[position], out bool isTombstone);
        Invariant.Holds(!isTombstone);
        Supersede(leaf, position, current, new KeyState(revision, 0, 0, LeaseId.None), true);
    }

    public void Restore(ReadOnlySpan<byte> key, in KeyState state, bool isTombstone)
    {
        Leaf leaf = _tree.Find(key);
        int position = leaf.LowerBound(key, out bool isFound);
        if (isFound)
            Supersede(leaf, position, Current(leaf.Entries[position], out _), state, isTombstone);
        else
            Insert(position, key, state, isTombstone);
    }

    /// <summary>Fills the empty index with changes that come in the order of keys, then revisions: the fastest way.</summary>
    internal void RestoreInOrder(Action<RestoredChange> source)
    {
        Invariant.Holds(KeyCount == 0);
        var loader = new KeyLoader(_tree, _history);
        try
        {
            source(loader.Add);
        }
        finally
        {
            // After a failure too: what was loaded so far must be found to be freed.
            Volatile.Write(ref _keyCount, loader.Complete());
        }
    }

    [SkipLocalsInit]
    public bool TryGet(ReadOnlySpan<byte> key, long atRevision, out KeyState state)
    {
        byte* copy = stackalloc byte[Leaf.CopySize];
        if (TryFind(key, copy, out LeafEntry entry))
            return TryResolveAt(entry, atRevision, LeafEntry.LimitAt(atRevision), out state);
        state = default;
        return false;
    }

    [SkipLocalsInit]
    public bool TryGetBefore(ReadOnlySpan<byte> key, Revision before, out KeyState state)
    {
        byte* copy = stackalloc byte[Leaf.CopySize];
        if (TryFind(key, copy, out LeafEntry entry))
            return TryResolveBefore(entry, before, out state);
        state = default;
        return false;
    }

    [SkipLocalsInit]
    public bool IsRetained(ReadOnlySpan<byte> key, Revision revision)
    {
        byte* copy = stackalloc byte[Leaf.CopySize];
        if (!TryFind(key, copy, out LeafEntry entry))
            return false;
        return (!entry.IsWide && entry.State.Mod == revision) || _history.Contains(entry.History, revision);
    }

    [SkipLocalsInit]
    public void Visit(in KeyRange range, long atRevision, KeyVisitor visitor)
    {
        if (range.IsSingleKey)
        {
            if (TryGet(range.Start.Span, atRevision, out KeyState single))
                visitor(range.Start.Span, single);
            return;
        }
        byte* copy = stackalloc byte[Leaf.CopySize];
        Span<byte> keyBuffer = stackalloc byte[Leaf.MaxInlineKey];
        long limit = LeafEntry.LimitAt(atRevision);
        var walk = new RangeWalk(_tree, range, copy);
        try
        {
            while (walk.MoveNext())
            {
                var key = new LeafKeys(walk.Leaf, keyBuffer);
                LeafEntry* entries = walk.Leaf.Entries;
                for (int i = walk.From; i < walk.To; i++)
                {
                    if (TryResolveAt(entries[i], atRevision, limit, out KeyState state) && !visitor(key[i], state))
                        return;
                }
            }
        }
        finally
        {
            walk.Dispose();
        }
    }

    [SkipLocalsInit]
    public void VisitHistory(in KeyRange range, long fromRevision, long toRevision, ChangeVisitor visitor)
    {
        byte* copy = stackalloc byte[Leaf.CopySize];
        Span<byte> keyBuffer = stackalloc byte[Leaf.MaxInlineKey];
        var from = new Revision(Math.Max(fromRevision, 0));
        var before = new Revision(toRevision, long.MaxValue);
        var walk = new RangeWalk(_tree, range, copy);
        try
        {
            while (walk.MoveNext())
            {
                var key = new LeafKeys(walk.Leaf, keyBuffer);
                for (int i = walk.From; i < walk.To; i++)
                {
                    LeafEntry entry = walk.Leaf.Entries[i];
                    if (entry.Main >= fromRevision && !VisitChanges(entry, from, before, key[i], visitor))
                        return;
                }
            }
        }
        finally
        {
            walk.Dispose();
        }
    }

    [SkipLocalsInit]
    public long Count(in KeyRange range, long atRevision)
    {
        if (range.IsSingleKey)
            return TryGet(range.Start.Span, atRevision, out _) ? 1 : 0;
        byte* copy = stackalloc byte[Leaf.CopySize];
        long limit = LeafEntry.LimitAt(atRevision);
        long count = 0;
        var walk = new RangeWalk(_tree, range, copy);
        try
        {
            while (walk.MoveNext())
            {
                LeafEntry* entries = walk.Leaf.Entries;
                for (int i = walk.From; i < walk.To; i++)
                {
                    if (entries[i].Mod < limit)
                        count += entries[i].IsTombstone ? 0 : 1;
                    else if (entries[i].History != 0 && TryResolveAt(entries[i], atRevision, limit, out _))
                        count++;
                }
                while (walk.TryCountNext(limit, out int live))
                    count += live;
            }
        }
        finally
        {
            walk.Dispose();
        }
        return count;
    }

    public bool Compact(long revision, int keyBudget)
    {
        bool isDone = _compaction.Step(revision, keyBudget, out int removed);
        Volatile.Write(ref _keyCount, _keyCount - removed);
        return isDone;
    }

    /// <exception cref="ObjectDisposedException">The index is gone: its owner has another one now.</exception>
    public ReadScope BeginRead()
    {
        var scope = _epochs.BeginRead();
        // Noted first and looked at second, as Dispose looks for readers only after it has said that it is gone.
        if (!_isDisposed)
            return scope;
        scope.Dispose();
        throw new ObjectDisposedException(nameof(NativeKeyIndex));
    }

    /// <summary>Waits for the readers that are under way, which is not long; there will be no others.</summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        _epochs.AwaitReaders();
        _compaction.FreeKeyBlocks();
        _heap.Dispose();
    }

    private void Insert(int position, ReadOnlySpan<byte> key, in KeyState state, bool isTombstone)
    {
        Invariant.Holds(!key.IsEmpty);
        uint history = LeafEntry.IsWideState(state, isTombstone) ? _history.Append(0, state, isTombstone) : 0;
        _tree.Insert(position, key, LeafEntry.From(state, isTombstone, history));
        Volatile.Write(ref _keyCount, _keyCount + 1);
    }

    /// <summary>The newest change goes into the history, the new one takes its place.</summary>
    private void Supersede(Leaf leaf, int position, in KeyState current, in KeyState state, bool isTombstone)
    {
        LeafEntry* entry = leaf.Entries + position;
        Invariant.Holds(current.Mod < state.Mod);
        uint history = entry->History;
        if (!entry->IsWide)
            history = _history.Append(history, current, entry->IsTombstone);
        if (LeafEntry.IsWideState(state, isTombstone))
            history = _history.Append(history, state, isTombstone);
        LeafEntry changed = LeafEntry.From(state, isTombstone, history);
        LeafTree.BeginChange(leaf);
        *entry = changed;
        LeafTree.EndChange(leaf);
    }

    private KeyState Current(in LeafEntry entry, out bool isTombstone)
    {
        if (entry.IsWide)
            return _history.Newest(entry.History, out isTombstone);
        isTombstone = entry.IsTombstone;
        return entry.State;
    }

    private bool TryFind(ReadOnlySpan<byte> key, byte* copy, out LeafEntry entry)
    {
        var scan = new LeafScan(_tree, copy);
        scan.Seek(key);
        int position = scan.Leaf.LowerBound(key, out bool isFound);
        entry = isFound ? scan.Leaf.Entries[position] : default;
        return isFound;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryResolveAt(in LeafEntry entry, long atRevision, long limit, out KeyState state)
    {
        if (entry.Mod < limit && !entry.IsWide)
        {
            state = entry.IsTombstone ? default : entry.State;
            return !entry.IsTombstone;
        }
        return TryResolveBefore(entry, new Revision(atRevision, long.MaxValue), out state);
    }

    private bool TryResolveBefore(in LeafEntry entry, Revision before, out KeyState state)
    {
        bool isTombstone = false;
        bool isFound;
        if (!entry.IsWide && entry.Mod < LeafEntry.LimitBefore(before))
        {
            (isFound, isTombstone, state) = (true, entry.IsTombstone, entry.State);
        }
        else
        {
            isFound = _history.TryFindLastBefore(entry.History, before, out state, out isTombstone);
        }
        if (!isFound || isTombstone)
            state = default;
        return isFound && !isTombstone;
    }

    private bool VisitChanges(in LeafEntry entry, Revision from, Revision before, ReadOnlySpan<byte> key, ChangeVisitor visitor)
    {
        if (entry.IsWide)
            return _history.Visit(entry.History, from, before, key, visitor);
        KeyState current = entry.State;
        // The writer may have moved this very change into the history meanwhile: it is visited once.
        Revision end = current.Mod < before ? current.Mod : before;
        return _history.Visit(entry.History, from, end, key, visitor)
            && (current.Mod >= before || visitor(key, current, entry.IsTombstone));
    }
}
