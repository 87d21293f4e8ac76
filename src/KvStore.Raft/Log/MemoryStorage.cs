namespace KvStore.Raft;

/// <summary>A log in memory, for tests, simulations and as the model of what a storage on disk must do.</summary>
/// <remarks>
/// <code>
/// _entries     [0]      [1]  [2]  [3]
///               |        first     last
///               the compacted entry before: only its term and index count
/// </code>
/// One owner calls it; it knows no locks.
/// </remarks>
public sealed class MemoryStorage : IRaftStorage
{
    // Replaced, never overwritten, on truncation: slices of it are in the hands of readers.
    private Entry[] _entries = new Entry[1];
    private int _count = 1;
    private HardState _hardState;
    private Snapshot _snapshot = Raft.Snapshot.Empty;

    public ulong FirstIndex => _entries[0].Index + 1;

    public ulong LastIndex => _entries[0].Index + (ulong)_count - 1;

    public (HardState HardState, ConfState ConfState) InitialState() => (_hardState, _snapshot.Metadata.ConfState);

    public void SetHardState(HardState hardState) => _hardState = hardState;

    public RaftError Entries(ulong lo, ulong hi, ulong maxSizeBytes, out ReadOnlyMemory<Entry> entries)
    {
        entries = default;
        if (lo < FirstIndex)
            return RaftError.Compacted;
        if (hi > LastIndex + 1)
            return RaftError.Unavailable;
        entries = Entry.LimitSize(_entries.AsMemory(Slot(lo), (int)(hi - lo)), maxSizeBytes);
        return RaftError.None;
    }

    public RaftError Term(ulong index, out ulong term)
    {
        term = 0;
        if (index < FirstIndex - 1)
            return RaftError.Compacted;
        if (index > LastIndex)
            return RaftError.Unavailable;
        term = _entries[Slot(index)].Term;
        return RaftError.None;
    }

    public RaftError Snapshot(out Snapshot snapshot)
    {
        snapshot = _snapshot;
        return RaftError.None;
    }

    /// <summary>Replaces everything by <paramref name="snapshot"/>.</summary>
    public RaftError ApplySnapshot(Snapshot snapshot)
    {
        if (snapshot.Metadata.Index <= _snapshot.Metadata.Index)
            return RaftError.SnapshotOutOfDate;
        _snapshot = snapshot;
        _entries = [new Entry(snapshot.Metadata.Term, snapshot.Metadata.Index, EntryType.Normal, default)];
        _count = 1;
        return RaftError.None;
    }

    /// <summary>Makes the snapshot at <paramref name="index"/> the newest one, without touching the log.</summary>
    /// <param name="confState">The members at that index; null keeps those of the last snapshot.</param>
    public RaftError CreateSnapshot(ulong index, ConfState? confState, ReadOnlyMemory<byte> data, out Snapshot snapshot)
    {
        snapshot = _snapshot;
        if (index <= _snapshot.Metadata.Index)
            return RaftError.SnapshotOutOfDate;
        Invariant.Holds(index <= LastIndex);
        var members = confState ?? _snapshot.Metadata.ConfState;
        _snapshot = new Snapshot(new SnapshotMetadata(members, index, _entries[Slot(index)].Term), data);
        snapshot = _snapshot;
        return RaftError.None;
    }

    /// <summary>Drops the entries up to and including <paramref name="index"/>.</summary>
    public RaftError Compact(ulong index)
    {
        if (index < FirstIndex)
            return RaftError.Compacted;
        Invariant.Holds(index <= LastIndex);
        int slot = Slot(index);
        var kept = _entries[slot.._count];
        kept[0] = kept[0] with { Data = default };
        _entries = kept;
        _count = kept.Length;
        return RaftError.None;
    }

    /// <summary>Appends <paramref name="entries"/>, replacing whatever is at or after the first one's index.</summary>
    public void Append(ReadOnlySpan<Entry> entries)
    {
        if (entries.IsEmpty || entries[^1].Index < FirstIndex)
            return;
        if (entries[0].Index < FirstIndex)
            entries = entries[(int)(FirstIndex - entries[0].Index)..];
        Invariant.Holds(entries[0].Index <= LastIndex + 1);
        int slot = Slot(entries[0].Index);
        if (slot < _count || slot + entries.Length > _entries.Length)
            MoveToNewArray(keptCount: slot, addedCount: entries.Length);
        entries.CopyTo(_entries.AsSpan(slot));
        _count = slot + entries.Length;
    }

    private int Slot(ulong index) => (int)(index - _entries[0].Index);

    private void MoveToNewArray(int keptCount, int addedCount)
    {
        var entries = new Entry[Math.Max(16, (keptCount + addedCount) * 2)];
        _entries.AsSpan(0, keptCount).CopyTo(entries);
        _entries = entries;
    }
}
