using KvStore.Storage.Values;

namespace KvStore.Mvcc.Store;

/// <summary>Decides which stored values may go when their space is given back.</summary>
/// <remarks>
/// A value that the index does not retain may go, with two exceptions.
/// Everything from the compacted revision on stays, so that history can be read by counting revisions.
/// A tombstone outlives the puts that it ended: were it dropped while an older put still lay elsewhere in the store, rebuilding
/// the index from the values would bring the key back to life. So it goes in the pass after one in which those puts were dead
/// from the start, for a pass examines all that was there when it began:
/// <code>
/// put@3 was moved to the new end after delete@4 was written; both are compacted at 5, then a pass starts:
///    delete@4  put@3  put@9            this pass moves delete@4 and drops put@3
///    put@9  delete@4                   the next one drops delete@4
/// </code>
/// </remarks>
internal sealed class ValueReclaim(MvccStore store)
{
    private long _passLeftBytes;
    private long _droppedCount;
    private long _passCompactRevision = MvccStore.NeverCompacted;
    private long _tombstoneHorizon = MvccStore.NeverCompacted;

    /// <summary>Values given up so far. Any thread.</summary>
    public long DroppedCount => Volatile.Read(ref _droppedCount);

    public CompactionStep Step(long budgetBytes)
    {
        if (_passLeftBytes <= 0)
            StartPass();
        var step = store.Values.Compact(budgetBytes, IsLive);
        _passLeftBytes -= step.ExaminedBytes;
        if (_passLeftBytes <= 0)
            _tombstoneHorizon = _passCompactRevision;
        return step;
    }

    private void StartPass()
    {
        _passLeftBytes = store.Values.SizeBytes;
        _passCompactRevision = store.IndexCompactedRevision;
    }

    private bool IsLive(Revision revision, ReadOnlySpan<byte> value)
    {
        bool isLive = IsNeeded(revision, value);
        if (!isLive)
            Volatile.Write(ref _droppedCount, _droppedCount + 1);
        return isLive;
    }

    private bool IsNeeded(Revision revision, ReadOnlySpan<byte> value)
    {
        if (revision.Main >= store.CompactRevision)
            return true;
        var record = StoredRecord.Read(value);
        return store.Index.IsRetained(record.KeyOf(value), revision)
            || (record.IsTombstone && revision.Main >= _tombstoneHorizon);
    }
}
