using KvStore.Raft;

namespace KvStore.Storage.Wal;

/// <summary>What the synced part of the log says: entries by index, the hard state, the last marks.</summary>
internal sealed class LogState
{
    // The store keeps two generations of checkpoints: when the newest fails its checks, the one before must be found.
    private const int MarksLimit = 2;

    private CheckpointMark[] _marks;

    public LogState(SegmentHead head)
    {
        Entries = new EntryIndex(head.LastEntry);
        HardState = head.State;
        _marks = [.. head.Marks];
    }

    public EntryIndex Entries { get; }

    public HardState HardState { get; private set; }

    /// <summary>The oldest first. An array that is replaced, never changed.</summary>
    public IReadOnlyList<CheckpointMark> Marks => _marks;

    /// <summary>The newest entry whose effect a checkpoint holds.</summary>
    public ulong MarkedIndex => _marks.Length == 0 ? 0 : _marks.Max(mark => mark.Applied.Index);

    /// <summary>No entry up to here may change any more.</summary>
    public ulong FixedIndex => Math.Max(HardState.Commit, MarkedIndex);

    public void Apply(BatchChanges changes, Segment segment, long batchOffset)
    {
        foreach (var change in changes)
            Apply(change, segment, batchOffset);
    }

    private void Apply(in BatchChanges.Change change, Segment segment, long batchOffset)
    {
        switch (change.Type)
        {
            case RecordType.Entry:
                var span = change.Entries;
                Entries.Add(span with { Segment = segment, Offset = batchOffset + span.Offset });
                segment.MaxIndex = Math.Max(segment.MaxIndex, span.Last);
                break;
            case RecordType.HardState:
                HardState = change.State;
                break;
            case RecordType.Mark:
                _marks = [.. _marks.TakeLast(MarksLimit - 1), change.Mark!];
                break;
            case RecordType.Restart:
                // Older checkpoints would need entries that are void now.
                _marks = [change.Mark!];
                Entries.RestartAfter(change.Mark!.Applied);
                break;
        }
    }
}
