using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Store;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Watches;

/// <summary>The store as the watch hub reads it.</summary>
public sealed class HistoryWatchSource(MvccStore store, History history) : IWatchSource
{
    public long CurrentRevision => store.CurrentRevision;

    public long CompactRevision => store.CompactRevision;

    public long ReadEvents(long fromRevision, long toRevision, int maxRevisions, long maxBytes, List<StoredEvent> events)
    {
        var progress = history.ReadEvents(fromRevision, toRevision, maxRevisions, maxBytes, events.Add);
        // What was read before the compaction was met still counts.
        if (progress.IsCompacted && progress.NextRevision <= fromRevision)
            throw new EtcdException(EtcdError.Compacted);
        return progress.NextRevision - 1;
    }

    public ReadOnlyMemory<byte> ReadPrevious(ReadOnlySpan<byte> key, Revision revision) =>
        history.TryReadPrevious(key, revision, out var keyValue) ? keyValue : default;
}
