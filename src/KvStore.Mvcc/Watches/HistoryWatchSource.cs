using KvStore.Mvcc.Errors;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Watches;

/// <summary>The store as the watch hub reads it.</summary>
/// <param name="state">The state in force; another one when a snapshot has taken its place.</param>
public sealed class HistoryWatchSource(Func<StateMachine> state) : IWatchSource
{
    public long CurrentRevision => state().Store.CurrentRevision;

    public long CompactRevision => state().Store.CompactRevision;

    public long ReadEvents(long fromRevision, long toRevision, int maxRevisions, long maxBytes, List<StoredEvent> events)
    {
        int before = events.Count;
        while (true)
        {
            var machine = state();
            try
            {
                var progress = machine.History.ReadEvents(fromRevision, toRevision, maxRevisions, maxBytes, events.Add);
                // What was read before the compaction was met still counts.
                if (progress.IsCompacted && progress.NextRevision <= fromRevision)
                    throw new EtcdException(EtcdError.Compacted);
                return progress.NextRevision - 1;
            }
            catch (ObjectDisposedException) when (state() != machine)
            {
                events.RemoveRange(before, events.Count - before);
            }
        }
    }

    public ReadOnlyMemory<byte> ReadPrevious(ReadOnlySpan<byte> key, Revision revision)
    {
        while (true)
        {
            var machine = state();
            try
            {
                return machine.History.TryReadPrevious(key, revision, out var keyValue) ? keyValue : default;
            }
            catch (ObjectDisposedException) when (state() != machine)
            {
                // A snapshot has taken its place: that one says it too.
            }
        }
    }
}
