using KvStore.Storage.Values;

namespace KvStore.Mvcc.Store;

/// <summary>Decides which stored values may go when their space is given back.</summary>
/// <remarks>
/// A value that the index does not retain may go, with two exceptions.
/// Everything from the compacted revision on stays, so that history can be read by counting revisions.
/// A tombstone outlives the puts that it ended: were it dropped while an older put still lay elsewhere in the store, rebuilding
/// the index from the values would bring the key back to life. The store is examined from its old end to its new one, what
/// lives being moved to the new end. So once a value is met that is younger than the start of a pass, everything that was there
/// at the start has been examined, and every put that was compacted by then is gone:
/// <code>
/// put@3 was moved to the end after delete@4 was written;  compacted at 5, pass starts at revision 9:
///    delete@4 ... put@3 ... put@9 | put@10        delete@4 is moved on, put@3 dropped
///    put@9 | put@10 ... delete@4                  put@10 is younger than the pass: from here on tombstones before 5 go
/// </code>
/// </remarks>
internal sealed class ValueReclaim(MvccStore store)
{
    private long _passStartRevision = long.MaxValue;
    private long _passCompactRevision = MvccStore.NeverCompacted;
    private long _tombstoneHorizon = MvccStore.NeverCompacted;

    /// <returns>Bytes freed.</returns>
    public long Step(long budgetBytes)
    {
        if (_passStartRevision == long.MaxValue)
            _passStartRevision = store.CurrentRevision;
        return store.Values.Compact(budgetBytes, IsLive);
    }

    private bool IsLive(Revision revision, ReadOnlySpan<byte> value)
    {
        if (revision.Main > _passStartRevision)
            StartPass();
        if (revision.Main >= store.CompactRevision)
            return true;
        var record = StoredRecord.Read(value);
        return store.Index.IsRetained(record.KeyOf(value), revision)
            || (record.IsTombstone && revision.Main >= _tombstoneHorizon);
    }

    private void StartPass()
    {
        _tombstoneHorizon = _passCompactRevision;
        _passStartRevision = store.CurrentRevision;
        _passCompactRevision = store.IndexCompactedRevision;
    }
}
