using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Store;
using KvStore.Mvcc.Watches;
using KvStore.Protocol;
using KvStore.Storage.Values;
using static KvStore.Mvcc.Tests.Support.Build;

namespace KvStore.Mvcc.Tests.Watches;

/// <summary>A history of changes in a list; what the hub reads of a store.</summary>
internal sealed class FakeWatchSource : IWatchSource
{
    private readonly List<StoredEvent> _events = [];
    private readonly Dictionary<string, KeyValue> _live = [];
    private readonly Dictionary<Revision, ReadOnlyMemory<byte>> _previous = [];

    public IReadOnlyList<StoredEvent> Events => _events;

    public long CurrentRevision { get; private set; } = 1;

    public long CompactRevision { get; set; } = -1;

    /// <summary>Called when history is read, before it is looked at.</summary>
    public Action ReadingHistory { get; set; } = () => { };

    public int HistoryReads { get; private set; }

    /// <summary>Makes one revision of these changes: "a=1" puts, "-a" deletes.</summary>
    public StoredEvent[] Commit(params string[] changes)
    {
        long revision = ++CurrentRevision;
        var events = changes.Select((change, sub) => Make(change, new Revision(revision, sub))).ToArray();
        _events.AddRange(events);
        return events;
    }

    public long ReadEvents(long fromRevision, long toRevision, int maxRevisions, long maxBytes, List<StoredEvent> events)
    {
        ReadingHistory();
        HistoryReads++;
        if (fromRevision < CompactRevision)
            throw new EtcdException(EtcdError.Compacted);
        long bytes = 0, last = fromRevision - 1;
        for (long revision = fromRevision; revision <= toRevision && revision < fromRevision + maxRevisions && bytes < maxBytes; revision++)
        {
            foreach (var change in _events.Where(change => change.Revision.Main == revision))
            {
                events.Add(change);
                bytes += change.KeyValue.Length;
            }
            last = revision;
        }
        return last;
    }

    public ReadOnlyMemory<byte> ReadPrevious(ReadOnlySpan<byte> key, Revision revision) =>
        revision.Main - 1 < CompactRevision ? default : PreviousOf(revision);

    /// <summary>What lived before a change; empty for a creation.</summary>
    public ReadOnlyMemory<byte> PreviousOf(Revision revision) => _previous.GetValueOrDefault(revision);

    private StoredEvent Make(string change, Revision revision)
    {
        bool isDelete = change[0] == '-';
        string key = isDelete ? change[1..] : change.Split('=')[0];
        var before = _live.GetValueOrDefault(key);
        if (before is not null)
            _previous[revision] = Encode(before);
        if (isDelete)
        {
            _live.Remove(key);
            return new StoredEvent(revision, StoredRecord.Tombstone(Bytes(key).Span, revision.Main));
        }
        var kv = new KeyValue
        {
            Key = Bytes(key),
            Value = Bytes(change[(key.Length + 1)..]),
            CreateRevision = before?.CreateRevision ?? revision.Main,
            ModRevision = revision.Main,
            Version = (before?.Version ?? 0) + 1,
        };
        _live[key] = kv;
        return new StoredEvent(revision, Encode(kv));
    }

    private static byte[] Encode(KeyValue kv) =>
        StoredRecord.Put(kv.Key.Span, kv.Value.Span, kv.CreateRevision, kv.ModRevision, kv.Version, default);
}
