namespace KvStore.Raft;

/// <summary>The replicated log as this member knows it: the storage's part, and on top the part that is not stored yet.</summary>
/// <remarks>Holds always: Applied ≤ Applying ≤ Committed ≤ LastIndex.</remarks>
internal sealed class RaftLog
{
    private readonly IRaftStorage _storage;
    private readonly ulong _maxApplyingBytes;

    // The size of what was handed out to be applied and was not reported as applied.
    private ulong _applyingBytes;
    private bool _isApplyingPaused;

    public RaftLog(IRaftStorage storage, ulong maxApplyingBytes = RaftConfig.NoLimit)
    {
        _storage = storage;
        _maxApplyingBytes = maxApplyingBytes;
        Unstable = new Unstable(storage.LastIndex + 1);
        // Whatever was compacted was committed and applied.
        Committed = Applying = Applied = storage.FirstIndex - 1;
    }

    public Unstable Unstable { get; }

    public ulong Committed { get; private set; }

    /// <summary>The last index handed out to be applied.</summary>
    public ulong Applying { get; private set; }

    public ulong Applied { get; private set; }

    public ulong MaxApplyingBytes => _maxApplyingBytes;

    public ulong FirstIndex => Unstable.TryFirstIndex(out ulong index) ? index : _storage.FirstIndex;

    public ulong LastIndex => Unstable.TryLastIndex(out ulong index) ? index : _storage.LastIndex;

    public EntryId LastEntry
    {
        get
        {
            ulong index = LastIndex;
            var error = Term(index, out ulong term);
            Invariant.Holds(error == RaftError.None);
            return new EntryId(term, index);
        }
    }

    public bool HasPendingSnapshot => Unstable.Snapshot is not null;

    /// <summary>The term of an entry, also of the last compacted one, which appends still match against.</summary>
    public RaftError Term(ulong index, out ulong term)
    {
        // First of all, since it needs no storage, and what is there is in range.
        if (Unstable.TryTerm(index, out term))
            return RaftError.None;
        if (index + 1 < FirstIndex)
            return RaftError.Compacted;
        return index > LastIndex ? RaftError.Unavailable : _storage.Term(index, out term);
    }

    /// <summary>The term of an entry, or 0, which no entry has, where there is none.</summary>
    public ulong TermOrZero(ulong index) => Term(index, out ulong term) == RaftError.None ? term : 0;

    public bool Matches(EntryId id) => Term(id.Index, out ulong term) == RaftError.None && term == id.Term;

    /// <summary>The entries from <paramref name="lo"/> on, at least one if there is any, within the size.</summary>
    public RaftError EntriesFrom(ulong lo, ulong maxSizeBytes, out ReadOnlyMemory<Entry> entries)
    {
        entries = default;
        ulong last = LastIndex;
        return lo > last ? RaftError.None : Slice(lo, last + 1, maxSizeBytes, out entries);
    }

    /// <summary>Takes the leader's entries after <paramref name="previous"/>, if that entry is here (thesis §3.5).</summary>
    /// <returns>False, and nothing changed, if it is not.</returns>
    public bool TryAppend(EntryId previous, ReadOnlySpan<Entry> entries, ulong leaderCommit, out ulong lastNewIndex)
    {
        lastNewIndex = previous.Index + (ulong)entries.Length;
        if (!Matches(previous))
            return false;
        // Only what is new or conflicts is taken: an old, shorter append must not cut off what a later one brought.
        int firstNew = 0;
        while (firstNew < entries.Length && Matches(entries[firstNew].Id))
            firstNew++;
        if (firstNew < entries.Length)
            Append(entries[firstNew..]);
        CommitTo(Math.Min(leaderCommit, lastNewIndex));
        return true;
    }

    public void Append(ReadOnlySpan<Entry> entries)
    {
        // A committed entry never changes, on any member (thesis §3.6.2).
        Invariant.Holds(entries[0].Index > Committed);
        Unstable.TruncateAndAppend(entries);
    }

    /// <summary>
    /// The last index up to <paramref name="index"/> whose term is at most <paramref name="term"/>, and that term.
    /// </summary>
    /// <remarks>Terms only grow along a log, so nothing after it can match another log that has this term there.</remarks>
    public EntryId LastNotAfterTerm(ulong index, ulong term)
    {
        for (; index > 0; index--)
        {
            // Where the term is unknown, the logs may meet.
            if (Term(index, out ulong ourTerm) != RaftError.None)
                return new EntryId(0, index);
            if (ourTerm <= term)
                return new EntryId(ourTerm, index);
        }
        return default;
    }

    /// <exception cref="LogLostException">The log ends before it.</exception>
    public void CommitTo(ulong index)
    {
        if (index <= Committed)
            return;
        if (index > LastIndex)
            throw new LogLostException(index, LastIndex);
        Committed = index;
    }

    /// <summary>Sets the commit index from a persisted state.</summary>
    public void LoadCommit(ulong commit)
    {
        Invariant.Holds(commit >= Committed);
        Invariant.Holds(commit <= LastIndex);
        Committed = commit;
    }

    public bool HasNextCommittedEntries(bool allowUnstable) => !IsApplyingBlocked && Applying < MaxAppliable(allowUnstable);

    /// <summary>Committed entries to apply next.</summary>
    /// <param name="allowUnstable">Whether entries count that are committed, but not yet durable here.</param>
    public ReadOnlyMemory<Entry> NextCommittedEntries(bool allowUnstable)
    {
        if (!HasNextCommittedEntries(allowUnstable))
            return default;
        Invariant.Holds(_applyingBytes < _maxApplyingBytes);
        var error = Slice(Applying + 1, MaxAppliable(allowUnstable) + 1, _maxApplyingBytes - _applyingBytes, out var entries);
        Invariant.Holds(error == RaftError.None);
        return entries;
    }

    /// <summary>The entries up to <paramref name="index"/> were handed out to be applied.</summary>
    public void AcceptApplying(ulong index, ulong sizeBytes, bool allowUnstable)
    {
        Invariant.Holds(index <= Committed);
        Applying = index;
        _applyingBytes += sizeBytes;
        // If not all was handed out, the next entry would cross the limit.
        _isApplyingPaused = _applyingBytes >= _maxApplyingBytes || index < MaxAppliable(allowUnstable);
    }

    public void AppliedTo(ulong index, ulong sizeBytes)
    {
        Invariant.Holds(index <= Committed);
        Invariant.Holds(index >= Applied);
        Applied = index;
        Applying = Math.Max(Applying, index);
        _applyingBytes -= Math.Min(_applyingBytes, sizeBytes);
        _isApplyingPaused = _applyingBytes >= _maxApplyingBytes;
    }

    public RaftError Snapshot(out Snapshot snapshot)
    {
        if (Unstable.Snapshot is null)
            return _storage.Snapshot(out snapshot);
        snapshot = Unstable.Snapshot;
        return RaftError.None;
    }

    public void Restore(Snapshot snapshot)
    {
        Invariant.Holds(snapshot.Metadata.Index > Committed);
        Committed = snapshot.Metadata.Index;
        Unstable.Restore(snapshot);
    }

    /// <summary>Entries in [<paramref name="lo"/>, <paramref name="hi"/>) within the size, at least one.</summary>
    public RaftError Slice(ulong lo, ulong hi, ulong maxSizeBytes, out ReadOnlyMemory<Entry> entries)
    {
        entries = default;
        if (lo < FirstIndex)
            return RaftError.Compacted;
        Invariant.Holds(hi <= LastIndex + 1);
        if (lo == hi)
            return RaftError.None;
        if (lo >= Unstable.Offset)
        {
            entries = Entry.LimitSize(Unstable.Slice(lo, hi), maxSizeBytes);
            return RaftError.None;
        }
        ulong storedEnd = Math.Min(hi, Unstable.Offset);
        var error = _storage.Entries(lo, storedEnd, maxSizeBytes, out entries);
        // Compaction may have run since FirstIndex was read; entries that were never written are our bug.
        Invariant.Holds(error != RaftError.Unavailable);
        if (error == RaftError.None && hi > storedEnd && (ulong)entries.Length == storedEnd - lo)
            entries = WithUnstable(entries, hi, maxSizeBytes);
        return error;
    }

    private bool IsApplyingBlocked => _isApplyingPaused || HasPendingSnapshot;

    private ulong MaxAppliable(bool allowUnstable) => allowUnstable ? Committed : Math.Min(Committed, Unstable.Offset - 1);

    private ReadOnlyMemory<Entry> WithUnstable(ReadOnlyMemory<Entry> stored, ulong hi, ulong maxSizeBytes)
    {
        ulong storedBytes = Entry.SizeOf(stored.Span);
        if (storedBytes >= maxSizeBytes)
            return stored;
        var unstable = Entry.LimitSize(Unstable.Slice(Unstable.Offset, hi), maxSizeBytes - storedBytes);
        // At least one entry is for whoever has none: here there are some.
        if (unstable.Length == 1 && storedBytes + Entry.SizeOf(unstable.Span) > maxSizeBytes)
            return stored;
        var both = new Entry[stored.Length + unstable.Length];
        stored.CopyTo(both);
        unstable.CopyTo(both.AsMemory(stored.Length));
        return both;
    }
}
