namespace KvStore.Raft;

/// <summary>The part of the log that the storage does not have yet, as far as the node knows.</summary>
/// <remarks>
/// <code>
/// storage ... 10 11 12 | 13 14 15 16 17
///                        |        |
///                        Offset   OffsetInProgress      13 to 15 were handed out to be written, 16 and 17 were not
/// </code>
/// It may hold entries that differ from the storage's at the same index; it is right, and will be written over them.
/// </remarks>
internal sealed class Unstable(ulong offset)
{
    // An emptied array is kept for the next entries unless it grew past this, or large payloads would stay in memory.
    private const int KeptSlotsLimit = 32;

    // Slices of the array are in the hands of readers: slots are written once, and truncation moves to a new array.
    private Entry[] _slots = [];
    private int _start;

    /// <summary>A snapshot that replaces all of the storage; none of the entries below it exist any more.</summary>
    public Snapshot? Snapshot { get; private set; }

    public bool IsSnapshotInProgress { get; private set; }

    public ulong Offset { get; private set; } = offset;

    public ulong OffsetInProgress { get; private set; } = offset;

    public int Count { get; private set; }

    public ReadOnlyMemory<Entry> NextEntries => Slice(OffsetInProgress, EndIndex);

    public bool HasNextEntries => OffsetInProgress < EndIndex;

    public Snapshot? NextSnapshot => IsSnapshotInProgress ? null : Snapshot;

    private ulong EndIndex => Offset + (ulong)Count;

    public bool TryFirstIndex(out ulong index)
    {
        index = Snapshot is null ? 0 : Snapshot.Metadata.Index + 1;
        return Snapshot is not null;
    }

    public bool TryLastIndex(out ulong index)
    {
        index = Count > 0 ? EndIndex - 1 : Snapshot?.Metadata.Index ?? 0;
        return Count > 0 || Snapshot is not null;
    }

    public bool TryTerm(ulong index, out ulong term)
    {
        term = 0;
        if (index >= Offset && index < EndIndex)
            term = _slots[SlotOf(index)].Term;
        else if (index == Snapshot?.Metadata.Index)
            term = Snapshot.Metadata.Term;
        else
            return false;
        return true;
    }

    public ReadOnlyMemory<Entry> Slice(ulong lo, ulong hi)
    {
        Invariant.Holds(Offset <= lo);
        Invariant.Holds(lo <= hi);
        Invariant.Holds(hi <= EndIndex);
        return _slots.AsMemory(SlotOf(lo), (int)(hi - lo));
    }

    /// <summary>Everything so far was handed out to be written.</summary>
    public void AcceptInProgress()
    {
        OffsetInProgress = EndIndex;
        IsSnapshotInProgress = Snapshot is not null;
    }

    /// <summary>The storage holds the log up to <paramref name="id"/>, if that entry is still the one here.</summary>
    public void StableTo(EntryId id)
    {
        // Elsewhere or of another term: the entries were replaced while they were being written, and that write is to come.
        if (id.Index < Offset || id.Index >= EndIndex || _slots[SlotOf(id.Index)].Term != id.Term)
            return;
        int count = (int)(id.Index + 1 - Offset);
        _start += count;
        Count -= count;
        Offset = id.Index + 1;
        OffsetInProgress = Math.Max(OffsetInProgress, Offset);
        if (Count == 0 && _start > KeptSlotsLimit)
            (_slots, _start) = ([], 0);
    }

    public void StableSnapshotTo(ulong index)
    {
        if (Snapshot?.Metadata.Index != index)
            return;
        Snapshot = null;
        IsSnapshotInProgress = false;
    }

    public void Restore(Snapshot snapshot)
    {
        StartOver(snapshot.Metadata.Index + 1);
        Snapshot = snapshot;
        IsSnapshotInProgress = false;
    }

    /// <summary>Takes entries from the first one's index on; what was there or after it is gone.</summary>
    public void TruncateAndAppend(ReadOnlySpan<Entry> entries)
    {
        TruncateTo(entries[0].Index);
        Reserve(entries.Length);
        foreach (ref readonly var entry in entries)
            Append(entry);
    }

    public void Append(in Entry entry)
    {
        Invariant.Holds(entry.Index == EndIndex);
        Reserve(1);
        _slots[_start + Count] = entry;
        Count++;
    }

    /// <summary>Makes room, so that several entries do not move the array several times.</summary>
    public void Reserve(int count)
    {
        if (_start + Count + count > _slots.Length)
            MoveToNewArray(Count, count);
    }

    private void TruncateTo(ulong index)
    {
        Invariant.Holds(index <= EndIndex);
        if (index == EndIndex)
            return;
        if (index <= Offset)
        {
            StartOver(index);
            return;
        }
        MoveToNewArray((int)(index - Offset), addedCount: 0);
        OffsetInProgress = Math.Min(OffsetInProgress, index);
    }

    private void StartOver(ulong offset)
    {
        (_slots, _start, Count) = ([], 0, 0);
        (Offset, OffsetInProgress) = (offset, offset);
    }

    private void MoveToNewArray(int keptCount, int addedCount)
    {
        var slots = new Entry[Math.Max(8, (keptCount + addedCount) * 2)];
        _slots.AsSpan(_start, keptCount).CopyTo(slots);
        (_slots, _start, Count) = (slots, 0, keptCount);
    }

    private int SlotOf(ulong index) => _start + (int)(index - Offset);
}
