namespace KvStore.Raft;

/// <summary>How the transfer of a snapshot to a follower ended.</summary>
public enum SnapshotStatus
{
    Finish = 1,
    Failure = 2,
}
