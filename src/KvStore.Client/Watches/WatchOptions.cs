namespace KvStore.Client;

/// <summary>What a watch is to deliver, and how much it may hold.</summary>
public sealed record WatchOptions
{
    /// <summary>The first revision to deliver; 0 begins with what comes after the watch is made.</summary>
    public long StartRevision { get; init; }

    /// <summary>Events of puts and of deletes carry the key as it was before, unless that was compacted.</summary>
    public bool WithPrevKv { get; init; }

    /// <summary>Leaves out the puts.</summary>
    public bool SkipPuts { get; init; }

    /// <summary>Leaves out the deletes.</summary>
    public bool SkipDeletes { get; init; }

    /// <summary>The server tells the revision it has come to when there is nothing else to tell (etcd: every 10
    /// minutes).</summary>
    public bool WithProgress { get; init; }

    /// <summary>Bytes of events that wait for a slow reader. Beyond that the watch is ended at the server and begun again when
    /// most was read, from where it was: memory stays bounded, others are not held up, no event is lost. A watch that falls
    /// behind for so long that compaction passes it ends with <see cref="WatchCompactedException"/>.</summary>
    public int BufferBytes { get; init; } = 1024 * 1024;
}
