using KvStore.Raft;

namespace KvStore.Server.Members;

/// <summary>The young end of the log in memory: what raft reads back. Owned by the raft loop.</summary>
/// <remarks>
/// Entries are in the window from the moment they are handed to the log loop; until they are durable raft looks at its own
/// unstable copy first. Slices that were handed out stay as they are: an array is only ever appended to, or replaced.
/// </remarks>
internal sealed class LogWindow : IRaftStorage
{
    private readonly HardState _hardState;
    private readonly ConfState _confState;
    private Entry[] _entries;
    private int _start;
    private int _count;
    private long _bytes;
    private Snapshot? _snapshot;
    private ulong _leastSnapshot;

    /// <summary>The entry just before the first one held.</summary>
    private EntryId _before;

    public LogWindow(HardState hardState, ConfState confState, EntryId before, IReadOnlyList<Entry> entries)
    {
        // A commit index alone is not synced: a checkpoint may hold more than the log remembers as committed. It is, all the same.
        _hardState = hardState with { Commit = Math.Max(hardState.Commit, before.Index) };
        (_confState, _before) = (confState, before);
        _entries = new Entry[Math.Max(1024, entries.Count + entries.Count / 2)];
        foreach (var entry in entries)
        {
            _entries[_count++] = entry;
            _bytes += entry.Data.Length;
        }
        Invariant.Holds(_count == 0 || _entries[0].Index == before.Index + 1);
    }

    /// <summary>Told when a member needs a snapshot and there is none of use: a newer checkpoint is to be taken.</summary>
    public Action SnapshotWanted { get; set; } = () => { };

    public ulong FirstIndex => _before.Index + 1;

    public ulong LastIndex => _before.Index + (ulong)_count;

    public (HardState HardState, ConfState ConfState) InitialState() => (_hardState, _confState);

    public RaftError Entries(ulong lo, ulong hi, ulong maxSizeBytes, out ReadOnlyMemory<Entry> entries)
    {
        entries = default;
        if (lo < FirstIndex)
            return RaftError.Compacted;
        if (hi > LastIndex + 1)
            return RaftError.Unavailable;
        entries = Entry.LimitSize(_entries.AsMemory(_start + (int)(lo - FirstIndex), (int)(hi - lo)), maxSizeBytes);
        return RaftError.None;
    }

    public RaftError Term(ulong index, out ulong term)
    {
        term = 0;
        if (index < _before.Index)
            return RaftError.Compacted;
        if (index > LastIndex)
            return RaftError.Unavailable;
        term = index == _before.Index ? _before.Term : _entries[_start + (int)(index - FirstIndex)].Term;
        return RaftError.None;
    }

    /// <summary>For members that lag further than the window: names the newest checkpoint, which whoever sends it reads.</summary>
    public RaftError Snapshot(out Snapshot snapshot)
    {
        snapshot = _snapshot!;
        // It must reach to where the window begins: else the entries behind it cannot follow.
        if (_snapshot is not null && _snapshot.Metadata.Index >= Math.Max(_before.Index, _leastSnapshot))
            return RaftError.None;
        SnapshotWanted();
        return RaftError.SnapshotTemporarilyUnavailable;
    }

    /// <summary>The members changed with this entry: whoever was added refuses a snapshot that does not name it.</summary>
    public void RequireSnapshotOf(ulong index) => _leastSnapshot = Math.Max(_leastSnapshot, index);

    /// <summary>The entry of the newest checkpoint; 0 without one.</summary>
    public ulong CheckpointIndex => _snapshot?.Metadata.Index ?? 0;

    /// <summary>A newer checkpoint is complete.</summary>
    public void Offer(SnapshotMetadata checkpoint)
    {
        if (_snapshot is null || checkpoint.Index > _snapshot.Metadata.Index)
            _snapshot = new Snapshot(checkpoint, default);
    }

    /// <summary>Begins anew behind a snapshot that came from the leader.</summary>
    public void Reset(EntryId snapshot)
    {
        _before = snapshot;
        (_entries, _start, _count, _bytes) = (new Entry[1024], 0, 0, 0);
    }

    /// <summary>Adds entries; they replace what is held from the first one's index on.</summary>
    public void Append(ReadOnlySpan<Entry> entries)
    {
        if (entries.IsEmpty)
            return;
        Invariant.Holds(entries[0].Index >= FirstIndex && entries[0].Index <= LastIndex + 1);
        int kept = (int)(entries[0].Index - FirstIndex);
        foreach (ref readonly var replaced in _entries.AsSpan(_start + kept, _count - kept))
            _bytes -= replaced.Data.Length;
        if (kept < _count || _start + kept + entries.Length > _entries.Length)
            Move(kept, entries.Length);
        foreach (ref readonly var added in entries)
            _bytes += added.Data.Length;
        entries.CopyTo(_entries.AsSpan(_start + kept));
        _count = kept + entries.Length;
    }

    /// <summary>Forgets old entries, none after <paramref name="limit"/>, until few and small enough are left up to there.</summary>
    /// <param name="taken">However many they are, those behind this one are kept as long as they are small enough.</param>
    public void CompactBeyond(int keptEntries, long keptBytes, ulong limit, ulong taken)
    {
        limit = Math.Min(limit, LastIndex);
        long bytes = _bytes;
        ulong index = _before.Index;
        while (index < limit && (index < taken && limit - index > (ulong)keptEntries || bytes > keptBytes))
            bytes -= _entries[_start + (int)(++index - FirstIndex)].Data.Length;
        Compact(index);
    }

    /// <summary>Forgets the entries up to <paramref name="index"/>.</summary>
    public void Compact(ulong index)
    {
        if (index <= _before.Index)
            return;
        Invariant.Holds(index <= LastIndex);
        int dropped = (int)(index - _before.Index);
        _before = new EntryId(_entries[_start + dropped - 1].Term, index);
        // Nobody looks at these any more: they are applied, so their slices have come back from the log and apply loops.
        foreach (ref var entry in _entries.AsSpan(_start, dropped))
        {
            _bytes -= entry.Data.Length;
            entry = default;
        }
        _start += dropped;
        _count -= dropped;
    }

    private void Move(int kept, int added)
    {
        var moved = new Entry[Math.Max(1024, 2 * (kept + added))];
        Array.Copy(_entries, _start, moved, 0, kept);
        (_entries, _start) = (moved, 0);
    }
}
