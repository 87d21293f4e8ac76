namespace KvStore.Raft.Quorums;

/// <summary>Yes, no or nothing yet, from each voter.</summary>
public interface IVotes
{
    bool? VoteOf(NodeId voter);
}
