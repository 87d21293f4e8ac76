using KvStore.Raft;

namespace KvStore.Storage.Wal;

/// <summary>What the records of one batch mean to the state of the log, in their order.</summary>
internal sealed class BatchChanges
{
    // A reader reads a span whole, so a huge batch gets several.
    private const int SpanLimitBytes = 256 << 10;

    private readonly List<Change> _changes = [];

    /// <summary>One of: entries, a hard state, a mark.</summary>
    internal readonly record struct Change(EntrySpan Entries, HardState State, CheckpointMark? Mark, RecordType Type);

    public List<Change>.Enumerator GetEnumerator() => _changes.GetEnumerator();

    public void AddEntry(EntryId id, int offset, int length, uint chain)
    {
        if (_changes.Count > 0 && TryExtendLast(id, offset, length))
            return;
        var span = new EntrySpan(id.Index, id.Index, id.Term, null, offset, length, chain);
        _changes.Add(new Change(span, default, null, RecordType.Entry));
    }

    public void AddHardState(HardState state) => _changes.Add(new Change(default, state, null, RecordType.HardState));

    public void AddMark(CheckpointMark mark, RecordType type) => _changes.Add(new Change(default, default, mark, type));

    public void Clear() => _changes.Clear();

    private bool TryExtendLast(EntryId id, int offset, int length)
    {
        var span = _changes[^1].Entries;
        if (_changes[^1].Type != RecordType.Entry || span.Term != id.Term || span.Last + 1 != id.Index
            || span.Length >= SpanLimitBytes)
            return false;
        _changes[^1] = _changes[^1] with { Entries = span with { Last = id.Index, Length = offset + length - (int)span.Offset } };
        return true;
    }
}
