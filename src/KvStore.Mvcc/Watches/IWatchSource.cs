using KvStore.Mvcc.Errors;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Watches;

/// <summary>What the watch hub reads of the store. Called on the watch loop, beside the apply loop.</summary>
public interface IWatchSource
{
    /// <summary>The published revision: everything up to it can be read.</summary>
    long CurrentRevision { get; }

    /// <summary>History below is gone; -1 when the store was never compacted.</summary>
    long CompactRevision { get; }

    /// <summary>Adds the events from <paramref name="fromRevision"/> on, whole revisions in order, until one of the limits is
    /// met or <paramref name="toRevision"/> is reached.</summary>
    /// <returns>The last main revision that was read completely.</returns>
    /// <exception cref="EtcdException"><see cref="EtcdError.Compacted"/>: a compaction passed the start meanwhile.</exception>
    long ReadEvents(long fromRevision, long toRevision, int maxRevisions, long maxBytes, List<StoredEvent> events);

    /// <summary>The encoded KeyValue of the key before the main revision of <paramref name="revision"/>.</summary>
    /// <returns>Empty when the key did not exist before, or when that is compacted.</returns>
    ReadOnlyMemory<byte> ReadPrevious(ReadOnlySpan<byte> key, Revision revision);
}
