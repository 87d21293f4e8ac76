namespace KvStore.Mvcc.Watches;

/// <summary>One answer on a watch stream, before it is encoded.</summary>
public sealed class WatchMessage
{
    /// <summary>The watch id of answers that concern the whole stream, or a watch that was not made.</summary>
    public const long NoWatch = -1;

    public required long WatchId { get; init; }

    /// <summary>Revision up to which the watcher has been told everything; 0 in a cancellation by compaction.</summary>
    public required long HeaderRevision { get; init; }

    public bool IsCreated { get; init; }

    public bool IsCanceled { get; init; }

    public long CompactRevision { get; init; }

    public string CancelReason { get; init; } = "";

    /// <summary>More of the same answer follows in the next message.</summary>
    public bool IsFragment { get; init; }

    public IReadOnlyList<WatchedEvent> Events { get; init; } = [];

    /// <summary>It tells of a watch or a stream, not of changes.</summary>
    public bool IsControl => Events.Count == 0;

    /// <summary>Bytes of keys and values; what a queue's limit counts.</summary>
    public long SizeBytes { get; init; }
}

/// <param name="Previous">The encoded KeyValue before the change, when the watcher asked for it; else empty.</param>
public readonly record struct WatchedEvent(StoredEvent Event, ReadOnlyMemory<byte> Previous)
{
    public long SizeBytes => Event.KeyValue.Length + Previous.Length;
}
