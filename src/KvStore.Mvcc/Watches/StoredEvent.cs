using KvStore.Mvcc.Store;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Watches;

/// <summary>One change of one key, as it was stored and as watchers get it.</summary>
/// <remarks>Immutable and shared: the bytes belong to the event, and nobody changes them.</remarks>
public sealed class StoredEvent
{
    /// <param name="keyValue">The stored record: a put's whole KeyValue, of a delete the key and its revision alone.</param>
    public StoredEvent(Revision revision, ReadOnlyMemory<byte> keyValue)
    {
        Revision = revision;
        KeyValue = keyValue;
        var record = StoredRecord.Read(keyValue.Span);
        Key = keyValue.Slice(record.KeyOffset, record.KeyLength);
        IsDelete = record.IsTombstone;
        IsCreate = !IsDelete && record.CreateRevision == revision.Main;
    }

    public Revision Revision { get; }

    public bool IsDelete { get; }

    /// <summary>A put that made a new key: there is no previous KeyValue.</summary>
    public bool IsCreate { get; }

    public ReadOnlyMemory<byte> Key { get; }

    /// <summary>The bytes of the mvccpb.KeyValue.</summary>
    public ReadOnlyMemory<byte> KeyValue { get; }

    /// <summary>The KeyValue before the change once a watcher asked for it. Watch loop only.</summary>
    internal ReadOnlyMemory<byte>? Previous { get; set; }
}
