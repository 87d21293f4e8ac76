namespace KvStore.Raft.Quorums;

/// <summary>Two sets of voters that must both agree, in everything: commit, votes, reads, check-quorum (thesis §4.3).</summary>
public sealed class JointConfig(MajorityConfig incoming, MajorityConfig outgoing)
{
    public static readonly JointConfig Empty = new(MajorityConfig.Empty, MajorityConfig.Empty);

    public MajorityConfig Incoming { get; } = incoming;

    /// <summary>Empty unless the configuration is joint.</summary>
    public MajorityConfig Outgoing { get; } = outgoing;

    /// <summary>Everybody who votes in either half.</summary>
    public NodeSet All { get; } = new([.. incoming.Voters.Ids, .. outgoing.Voters.Ids]);

    public bool IsSingleton => Outgoing.Voters.IsEmpty && Incoming.Voters.Count == 1;

    public bool Contains(NodeId id) => All.Contains(id);

    public ulong CommittedIndex<TAcked>(TAcked acked)
        where TAcked : IAckedIndexes =>
        Math.Min(Incoming.CommittedIndex(acked), Outgoing.CommittedIndex(acked));

    public VoteResult VoteResult<TVotes>(TVotes votes)
        where TVotes : IVotes
    {
        var incoming = Incoming.VoteResult(votes);
        var outgoing = Outgoing.VoteResult(votes);
        if (incoming == outgoing)
            return incoming;
        return incoming == Quorums.VoteResult.Lost || outgoing == Quorums.VoteResult.Lost
            ? Quorums.VoteResult.Lost
            : Quorums.VoteResult.Pending;
    }
}
