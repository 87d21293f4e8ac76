using KvStore.Mvcc.Store;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Watches;

/// <summary>Reads past changes from the stored values, for watchers that catch up. Any thread.</summary>
/// <remarks>
/// From the compacted revision on, every change is stored under its revision, and those of one main revision are numbered
/// without a gap: history is read by counting, without a look at any key.
/// </remarks>
public sealed class History(MvccStore store)
{
    /// <summary>How many revisions are asked for at once, at first and at most.</summary>
    private const int FirstBatchRevisions = 8;
    private const int BatchRevisions = 128;

    /// <summary>Hands over the changes of [<paramref name="fromRevision"/>, <paramref name="toRevision"/>] in their order,
    /// whole revisions, until a limit is met; at least one revision if there is one.</summary>
    /// <param name="toRevision">Inclusive; cut to the published revision.</param>
    public HistoryProgress ReadEvents(
        long fromRevision, long toRevision, int maxRevisions, long maxBytes, Action<StoredEvent> sink)
    {
        fromRevision = Math.Max(fromRevision, MvccStore.FirstRevision + 1);
        long last = Math.Min(toRevision, store.CurrentRevision);
        if (last - fromRevision >= maxRevisions)
            last = fromRevision + maxRevisions - 1;
        var read = new Reading(store, sink, maxBytes);
        long next = fromRevision;
        while (next <= last && !read.IsFull)
        {
            long compacted = store.CompactRevision;
            if (next < compacted)
                return HistoryProgress.Compacted(next, compacted);
            bool isWhole = read.TryRead(next, last);
            next = read.NextRevision;
            if (!isWhole)
                return HistoryProgress.Compacted(next, store.CompactRevision);
        }
        return HistoryProgress.Read(next, store.CompactRevision);
    }

    /// <summary>The KeyValue as it was before a change's main revision; none when the key was not there, or when that is
    /// compacted.</summary>
    /// <remarks>As in etcd, what the same transaction wrote before does not count.</remarks>
    /// <param name="before">The revision of the change.</param>
    public bool TryReadPrevious(ReadOnlySpan<byte> key, Revision before, out byte[] keyValue)
    {
        keyValue = [];
        if (before.Main - 1 < store.CompactRevision)
            return false;
        Revision revision;
        using (store.Index.BeginRead())
        {
            if (!store.Index.TryGetBefore(key, new Revision(before.Main, 0), out var state))
                return false;
            revision = state.Mod;
        }
        using var reader = store.Values.OpenReader();
        if (reader.TryRead(revision, out var record))
        {
            keyValue = record.ToArray();
            return true;
        }
        if (before.Main - 1 < store.CompactRevision)
            return false;
        throw new InvalidDataException($"the value of revision {revision} is missing from the store");
    }

    /// <summary>Reads whole revisions, one after another.</summary>
    private sealed class Reading(MvccStore store, Action<StoredEvent> sink, long maxBytes)
    {
        private readonly List<StoredEvent> _events = [];
        private long _bytes;
        private int _count;

        public bool IsFull => _bytes >= maxBytes;

        /// <summary>The revision after the last one that was handed over.</summary>
        public long NextRevision { get; private set; }

        /// <summary>Reads [<paramref name="from"/>, <paramref name="to"/>], or a part of it that will not be huge.</summary>
        /// <returns>False when compaction has taken what was to be read.</returns>
        public bool TryRead(long from, long to)
        {
            NextRevision = from;
            var firsts = new Revision[Math.Min(to - from + 1, BatchLimit())];
            for (int i = 0; i < firsts.Length; i++)
                firsts[i] = new Revision(from + i);
            var records = new List<byte[]>(firsts.Length);
            using var reader = store.Values.OpenReader();
            try
            {
                reader.ReadMany(firsts, (_, record) => records.Add(record.ToArray()));
            }
            catch (InvalidDataException) when (store.CompactRevision > from)
            {
                return false;
            }
            foreach (byte[] record in records)
            {
                if (IsFull)
                    break;
                if (!TryHandOver(reader, NextRevision, record))
                    return false;
                NextRevision++;
            }
            return true;
        }

        private bool TryHandOver(IValueReader reader, long main, byte[] first)
        {
            _events.Clear();
            _events.Add(new StoredEvent(new Revision(main), first));
            while (reader.TryRead(new Revision(main, _events.Count), out var record))
                _events.Add(new StoredEvent(new Revision(main, _events.Count), record.ToArray()));
            // Values may have been given back while they were read: then some are missing and no one can tell how many.
            if (store.CompactRevision > main)
                return false;
            foreach (var change in _events)
            {
                sink(change);
                _bytes += change.KeyValue.Length;
                _count++;
            }
            return true;
        }

        /// <summary>Values may be large: a batch aims at the limit by what was seen so far.</summary>
        private long BatchLimit() =>
            _count == 0 ? FirstBatchRevisions : Math.Clamp((maxBytes - _bytes) / Math.Max(_bytes / _count, 1), 1, BatchRevisions);
    }
}

/// <summary>How far a read of the history came.</summary>
/// <param name="NextRevision">Where to go on: everything before it was handed over.</param>
/// <param name="IsCompacted">What comes next can no longer be read: the watch is canceled with the compacted revision.</param>
public readonly record struct HistoryProgress(long NextRevision, bool IsCompacted, long CompactRevision)
{
    internal static HistoryProgress Read(long next, long compactRevision) => new(next, false, compactRevision);

    internal static HistoryProgress Compacted(long next, long compactRevision) => new(next, true, compactRevision);
}
