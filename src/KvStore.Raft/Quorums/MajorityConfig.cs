namespace KvStore.Raft.Quorums;

/// <summary>A set of voters that decides by majority.</summary>
/// <remarks>The empty set agrees to everything, so that a joint configuration with one empty half is the other half.</remarks>
public sealed class MajorityConfig(NodeSet voters)
{
    public static readonly MajorityConfig Empty = new(NodeSet.Empty);

    // Up to here the indexes are sorted on the stack.
    private const int StackLimit = 16;

    public NodeSet Voters { get; } = voters;

    /// <summary>The largest index that a majority acknowledged; <see cref="ulong.MaxValue"/> for the empty set.</summary>
    public ulong CommittedIndex<TAcked>(TAcked acked)
        where TAcked : IAckedIndexes
    {
        int count = Voters.Count;
        if (count == 0)
            return ulong.MaxValue;
        Span<ulong> indexes = count <= StackLimit ? stackalloc ulong[count] : new ulong[count];
        for (int i = 0; i < count; i++)
            indexes[i] = acked.AckedIndex(Voters.Ids[i]);
        indexes.Sort();
        // acked 3 5 9: a majority of two has at least 5;   acked 3 5 9 9: a majority of three has at least 5.
        return indexes[count - QuorumSize(count)];
    }

    public VoteResult VoteResult<TVotes>(TVotes votes)
        where TVotes : IVotes
    {
        if (Voters.IsEmpty)
            return Quorums.VoteResult.Won;
        int granted = 0;
        int missing = 0;
        foreach (var voter in Voters.Ids)
        {
            bool? vote = votes.VoteOf(voter);
            granted += vote == true ? 1 : 0;
            missing += vote is null ? 1 : 0;
        }
        int quorum = QuorumSize(Voters.Count);
        if (granted >= quorum)
            return Quorums.VoteResult.Won;
        return granted + missing >= quorum ? Quorums.VoteResult.Pending : Quorums.VoteResult.Lost;
    }

    private static int QuorumSize(int count) => (count / 2) + 1;
}
