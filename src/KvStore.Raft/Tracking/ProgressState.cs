namespace KvStore.Raft;

/// <summary>How the leader treats a follower.</summary>
public enum ProgressState
{
    /// <summary>Where the logs meet is unknown: one append at a time.</summary>
    Probe,

    /// <summary>Appends follow each other without waiting for answers.</summary>
    Replicate,

    /// <summary>The entries that the follower lacks are gone: nothing is appended until a snapshot has arrived.</summary>
    Snapshot,
}
