using KvStore.Mvcc.Index;
using KvStore.Mvcc.Leases;
using KvStore.Mvcc.Store;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.State;

/// <summary>Makes the key index anew from the stored values, where no saved one can be used.</summary>
public static class IndexRebuild
{
    private const int BatchValues = 4096;

    /// <summary>Fills an empty index with the changes up to a revision.</summary>
    /// <remarks>
    /// Values of later revisions, which a crash may have left, come again with the log. Values that compaction has made
    /// unreadable may still lie there: they are restored too, and leave with the index's next cleaning. The store promises no
    /// order but the index needs each key's changes in theirs, so the revisions (16 bytes each) are sorted first.
    /// </remarks>
    /// <exception cref="InvalidDataException">A stored value is damaged.</exception>
    public static void FromValues(IKeyIndex index, IValueStore values, long upToRevision)
    {
        var revisions = new List<Revision>();
        values.Scan((revision, _) =>
        {
            if (revision.Main <= upToRevision)
                revisions.Add(revision);
        });
        revisions.Sort();
        RemoveRepeated(revisions);
        using var reader = values.OpenReader();
        for (int next = 0; next < revisions.Count; next += BatchValues)
        {
            var batch = revisions.GetRange(next, Math.Min(BatchValues, revisions.Count - next));
            reader.ReadMany([.. batch], (revision, record) => Restore(index, revision, record));
        }
    }

    private static void Restore(IKeyIndex index, Revision revision, ReadOnlySpan<byte> bytes)
    {
        var record = StoredRecord.Read(bytes);
        var state = record.IsTombstone
            ? new KeyState(revision, 0, 0, LeaseId.None)
            : new KeyState(revision, record.CreateRevision, record.Version, record.Lease);
        index.Restore(record.KeyOf(bytes), state, record.IsTombstone);
    }

    /// <summary>A value that was written twice, by a replay or a compaction, is met twice.</summary>
    private static void RemoveRepeated(List<Revision> sorted)
    {
        int kept = 0;
        for (int i = 0; i < sorted.Count; i++)
        {
            if (i == 0 || sorted[i] != sorted[i - 1])
                sorted[kept++] = sorted[i];
        }
        sorted.RemoveRange(kept, sorted.Count - kept);
    }
}
