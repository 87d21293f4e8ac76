namespace KvStore.Mvcc.Watches;

/// <summary>The limits of a watch hub.</summary>
public sealed record WatchHubOptions
{
    /// <summary>Messages that may wait for a stream's sender; beyond, its watchers fall back to reading history.</summary>
    public int StreamQueueMessages { get; init; } = 128;

    /// <summary>Bytes that may wait for a stream's sender, one message over.</summary>
    public long StreamQueueBytes { get; init; } = 4 << 20;

    /// <summary>Requests of a stream that may wait for the watch loop, and answers to them that may wait for its sender; beyond,
    /// its client is not read.</summary>
    /// <remarks>etcd stops reading likewise, once 16 answers wait.</remarks>
    public int StreamRequests { get; init; } = 128;

    /// <summary>Bytes of events that may wait for the watch loop; beyond, it reads them back from history.</summary>
    public long BacklogBytes { get; init; } = 32 << 20;

    /// <summary>Revisions read at once for watchers that lag.</summary>
    public int CatchUpRevisions { get; init; } = 1000;

    /// <summary>Bytes read at once for watchers that lag, one revision over.</summary>
    public long CatchUpBytes { get; init; } = 1 << 20;

    /// <summary>Size at which the answer of a watcher that allows fragments is split.</summary>
    public long FragmentBytes { get; init; } = 1_572_864 + (512 << 10);
}
