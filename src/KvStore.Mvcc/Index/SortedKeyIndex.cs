using KvStore.Mvcc.Leases;
using KvStore.Raft;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Index;

/// <summary>The slow, obvious key index: a sorted list of keys, each with the list of its retained changes.</summary>
/// <remarks>
/// The oracle that the fast index is tested against, and good for simulations. One lock covers everything; visitors are called
/// outside of it, over a copy, so that they may change the index. Inserting is linear in the number of keys.
/// </remarks>
public sealed class SortedKeyIndex : IKeyIndex, IReadScopeOwner
{
    private readonly Lock _lock = new();
    private readonly SortedList<byte[], List<Change>> _changes = new(ByteOrder.Instance);

    // Where an unfinished compaction goes on; null when none is under way.
    private byte[]? _compactionCursor;
    private long _compactionRevision;

    public long KeyCount
    {
        get
        {
            lock (_lock)
                return _changes.Count;
        }
    }

    public long MemoryBytes
    {
        get
        {
            lock (_lock)
                return _changes.Sum(pair => (long)pair.Key.Length + pair.Value.Count * 48);
        }
    }

    public KeyState Put(ReadOnlySpan<byte> key, Revision revision, LeaseId lease)
    {
        lock (_lock)
        {
            List<Change> changes = ChangesToAppendTo(key, revision);
            KeyState state = changes.Count > 0 && !changes[^1].IsTombstone
                ? new KeyState(revision, changes[^1].State.Create, changes[^1].State.Version + 1, lease)
                : new KeyState(revision, revision.Main, 1, lease);
            changes.Add(new Change(state, false));
            return state;
        }
    }

    public void Delete(ReadOnlySpan<byte> key, Revision revision)
    {
        lock (_lock)
        {
            List<Change> changes = ChangesToAppendTo(key, revision);
            Invariant.Holds(changes.Count > 0 && !changes[^1].IsTombstone);
            changes.Add(Change.Tombstone(revision));
        }
    }

    public void Restore(ReadOnlySpan<byte> key, in KeyState state, bool isTombstone)
    {
        lock (_lock)
            ChangesToAppendTo(key, state.Mod).Add(isTombstone ? Change.Tombstone(state.Mod) : new Change(state, false));
    }

    public bool TryGet(ReadOnlySpan<byte> key, long atRevision, out KeyState state) =>
        TryGetLastBefore(key, new Revision(atRevision, long.MaxValue), out state);

    public bool TryGetBefore(ReadOnlySpan<byte> key, Revision before, out KeyState state) =>
        TryGetLastBefore(key, before, out state);

    public void Visit(in KeyRange range, long atRevision, KeyVisitor visitor)
    {
        foreach ((byte[] key, KeyState state) in LiveAt(range, atRevision))
        {
            if (!visitor(key, state))
                return;
        }
    }

    public void VisitHistory(in KeyRange range, long fromRevision, long toRevision, ChangeVisitor visitor)
    {
        foreach ((byte[] key, Change change) in ChangesOf(range, fromRevision, toRevision))
        {
            if (!visitor(key, change.State, change.IsTombstone))
                return;
        }
    }

    public long Count(in KeyRange range, long atRevision) => LiveAt(range, atRevision).Count;

    public bool IsRetained(ReadOnlySpan<byte> key, Revision revision)
    {
        lock (_lock)
            return _changes.TryGetValue(key.ToArray(), out List<Change>? changes) && changes.Exists(c => c.State.Mod == revision);
    }

    public bool Compact(long revision, int keyBudget)
    {
        Invariant.Holds(keyBudget > 0);
        lock (_lock)
        {
            int next = _compactionCursor is not null && _compactionRevision == revision ? LowerBound(_compactionCursor) : 0;
            for (int i = 0; i < keyBudget && next < _changes.Count; i++)
            {
                if (CompactChanges(_changes.Values[next], revision))
                    next++;
                else
                    _changes.RemoveAt(next);
            }
            _compactionRevision = revision;
            _compactionCursor = next < _changes.Count ? _changes.Keys[next] : null;
            return _compactionCursor is null;
        }
    }

    public ReadScope BeginRead() => new(this, 0);

    public void EndRead(int slot)
    {
    }

    public void Dispose()
    {
    }

    private List<Change> ChangesToAppendTo(ReadOnlySpan<byte> key, Revision revision)
    {
        Invariant.Holds(!key.IsEmpty);
        byte[] ownKey = key.ToArray();
        if (!_changes.TryGetValue(ownKey, out List<Change>? changes))
            _changes.Add(ownKey, changes = []);
        Invariant.Holds(changes.Count == 0 || changes[^1].State.Mod < revision);
        return changes;
    }

    private bool TryGetLastBefore(ReadOnlySpan<byte> key, Revision before, out KeyState state)
    {
        lock (_lock)
        {
            if (_changes.TryGetValue(key.ToArray(), out List<Change>? changes))
                return IsPut(changes.FindLast(c => c.State.Mod < before), out state);
            state = default;
            return false;
        }
    }

    private List<(byte[] Key, KeyState State)> LiveAt(in KeyRange range, long atRevision)
    {
        var live = new List<(byte[], KeyState)>();
        var before = new Revision(atRevision, long.MaxValue);
        lock (_lock)
        {
            for (int i = LowerBound(range.Start.Span); i < _changes.Count && range.Contains(_changes.Keys[i]); i++)
            {
                if (IsPut(_changes.Values[i].FindLast(c => c.State.Mod < before), out KeyState state))
                    live.Add((_changes.Keys[i], state));
            }
        }
        return live;
    }

    private List<(byte[] Key, Change Change)> ChangesOf(in KeyRange range, long fromRevision, long toRevision)
    {
        var found = new List<(byte[], Change)>();
        lock (_lock)
        {
            for (int i = LowerBound(range.Start.Span); i < _changes.Count && range.Contains(_changes.Keys[i]); i++)
            {
                byte[] key = _changes.Keys[i];
                found.AddRange(_changes.Values[i]
                    .Where(c => c.State.Mod.Main >= fromRevision && c.State.Mod.Main <= toRevision)
                    .Select(c => (key, c)));
            }
        }
        return found;
    }

    /// <summary>Keeps what is newer than the revision, and the last change up to it unless a tombstone before it.</summary>
    /// <returns>Whether anything is left.</returns>
    private static bool CompactChanges(List<Change> changes, long revision)
    {
        int last = changes.FindLastIndex(c => c.State.Mod.Main <= revision);
        bool isSeen = last >= 0 && (!changes[last].IsTombstone || changes[last].State.Mod.Main == revision);
        changes.RemoveRange(0, isSeen ? last : last + 1);
        return changes.Count > 0;
    }

    private static bool IsPut(Change? change, out KeyState state)
    {
        state = change is { IsTombstone: false } ? change.State : default;
        return change is { IsTombstone: false };
    }

    private int LowerBound(ReadOnlySpan<byte> key)
    {
        int low = 0;
        int high = _changes.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (key.SequenceCompareTo(_changes.Keys[middle]) > 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    private sealed record Change(KeyState State, bool IsTombstone)
    {
        public static Change Tombstone(Revision revision) => new(new KeyState(revision, 0, 0, LeaseId.None), true);
    }

    private sealed class ByteOrder : IComparer<byte[]>
    {
        public static readonly ByteOrder Instance = new();

        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }
}
