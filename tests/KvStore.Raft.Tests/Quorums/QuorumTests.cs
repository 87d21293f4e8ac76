using KvStore.Raft.Quorums;

namespace KvStore.Raft.Tests.Quorums;

public sealed class QuorumTests
{
    [Fact]
    public void The_committed_index_is_the_largest_one_that_enough_voters_have()
    {
        var random = new Random(11);
        for (int run = 0; run < 5_000; run++)
        {
            var acked = Enumerable.Range(1, random.Next(1, 10))
                .ToDictionary(i => new NodeId((ulong)i), _ => (ulong)random.Next(6));
            var config = new MajorityConfig(new NodeSet(acked.Keys));

            ulong index = config.CommittedIndex(new Acked(acked));

            int quorum = (acked.Count / 2) + 1;
            Assert.True(acked.Values.Count(value => value >= index) >= quorum);
            Assert.True(acked.Values.Count(value => value > index) < quorum);
        }
    }

    [Fact]
    public void A_vote_is_decided_when_the_missing_votes_cannot_change_it()
    {
        var random = new Random(12);
        for (int run = 0; run < 5_000; run++)
        {
            var voters = Enumerable.Range(1, random.Next(1, 8)).Select(i => new NodeId((ulong)i)).ToList();
            var votes = voters.ToDictionary(
                voter => voter,
                _ => random.Next(3) switch { 0 => false, 1 => true, _ => (bool?)null });
            var config = new MajorityConfig(new NodeSet(voters));

            var result = config.VoteResult(new Votes(votes));

            bool WinsIf(bool missing) => votes.Values.Count(vote => vote ?? missing) > voters.Count / 2;
            var expected = WinsIf(false) ? VoteResult.Won : WinsIf(true) ? VoteResult.Pending : VoteResult.Lost;
            Assert.Equal(expected, result);
        }
    }

    [Fact]
    public void Jointly_the_lower_index_counts_and_either_half_can_refuse()
    {
        var first = new MajorityConfig(new NodeSet([new NodeId(1)]));
        var second = new MajorityConfig(new NodeSet([new NodeId(2)]));
        var joint = new JointConfig(first, second);

        Assert.Equal(3ul, joint.CommittedIndex(new Acked(new() { [new NodeId(1)] = 5, [new NodeId(2)] = 3 })));
        Assert.Equal(VoteResult.Pending, joint.VoteResult(new Votes(new() { [new NodeId(1)] = true })));
        Assert.Equal(VoteResult.Lost, joint.VoteResult(new Votes(new() { [new NodeId(2)] = false })));
        Assert.Equal(VoteResult.Won, joint.VoteResult(new Votes(new() { [new NodeId(1)] = true, [new NodeId(2)] = true })));
        Assert.False(joint.IsSingleton);
    }

    [Fact]
    public void More_voters_than_fit_on_the_stack_are_counted_too()
    {
        var acked = Enumerable.Range(1, 101).ToDictionary(i => new NodeId((ulong)i), i => (ulong)i);

        Assert.Equal(51ul, new MajorityConfig(new NodeSet(acked.Keys)).CommittedIndex(new Acked(acked)));
    }

    private sealed class Acked(Dictionary<NodeId, ulong> indexes) : IAckedIndexes
    {
        public ulong AckedIndex(NodeId voter) => indexes.GetValueOrDefault(voter);
    }

    private sealed class Votes(Dictionary<NodeId, bool?> votes) : IVotes
    {
        public bool? VoteOf(NodeId voter) => votes.GetValueOrDefault(voter);
    }
}
