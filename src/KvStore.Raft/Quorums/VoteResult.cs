namespace KvStore.Raft.Quorums;

public enum VoteResult
{
    /// <summary>Neither won nor lost by the votes that are in.</summary>
    Pending = 1,
    Lost = 2,
    Won = 3,
}
