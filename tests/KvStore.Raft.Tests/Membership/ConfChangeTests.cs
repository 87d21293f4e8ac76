namespace KvStore.Raft.Tests.Membership;

public sealed class ConfChangeTests
{
    [Fact]
    public void A_change_is_encoded_as_in_etcd()
    {
        var change = new ConfChange(ConfChangeType.AddLearnerNode, new NodeId(300), new byte[] { 9 }, Id: 7);

        byte[] bytes = change.Encode();

        Assert.Equal("0807100318AC02220109", Convert.ToHexString(bytes));
        Assert.Equal(bytes, ConfChange.Decode(bytes)!.Encode());
    }

    [Fact]
    public void A_change_of_several_steps_is_encoded_as_in_etcd()
    {
        var change = new ConfChangeV2
        {
            Transition = ConfChangeTransition.JointExplicit,
            Changes = [new(ConfChangeType.AddNode, new NodeId(1)), new(ConfChangeType.RemoveNode, new NodeId(2))],
            Context = new byte[] { 9 },
        };

        byte[] bytes = change.Encode();

        Assert.Equal("08021202100112040801" + "10021A0109", Convert.ToHexString(bytes));
        var decoded = ConfChangeV2.Decode(bytes)!;
        Assert.Equal(change.Changes, decoded.Changes);
        Assert.Equal(bytes, decoded.Encode());
    }

    [Fact]
    public void Leaving_the_joint_configuration_takes_no_bytes()
    {
        Assert.Empty(new ConfChangeV2().Encode());
        Assert.True(ConfChangeV2.Decode(default)!.IsLeaveJoint);
    }

    [Theory]
    [InlineData("08")]
    [InlineData("1205")]
    [InlineData("0805")]
    [InlineData("12020807")]
    [InlineData("0D00000000")]
    [InlineData("08FFFFFFFFFFFFFFFFFFFFFF01")]
    public void Bytes_that_are_no_change_are_refused(string hex)
    {
        Assert.Null(ConfChangeV2.Decode(Convert.FromHexString(hex)));
    }

    [Fact]
    public void No_bytes_whatever_do_more_than_be_refused()
    {
        var random = new Random(5);
        for (int run = 0; run < 5_000; run++)
        {
            byte[] bytes = new byte[random.Next(12)];
            random.NextBytes(bytes);

            _ = ConfChangeV2.Decode(bytes)?.Encode();
            _ = ConfChange.Decode(bytes)?.Encode();
        }
    }

    [Fact]
    public void Random_changes_keep_majorities_overlapping_or_are_refused()
    {
        var random = new Random(6);
        var config = ConfigChanger.Restore(new ConfState { Voters = [new NodeId(1)] });
        int changed = 0;
        for (int run = 0; run < 5_000; run++)
        {
            var steps = Enumerable.Range(0, random.Next(4))
                .Select(_ => new ConfChangeSingle((ConfChangeType)random.Next(4), new NodeId((ulong)random.Next(6)))).ToList();
            var change = new ConfChangeV2 { Transition = (ConfChangeTransition)random.Next(3), Changes = steps };
            ClusterConfig next;
            try
            {
                next = new ConfigChanger(config).Apply(change);
            }
            catch (RaftException refusal) when (refusal.Error == RaftError.InvalidConfChange)
            {
                continue;
            }
            changed++;
            // Into a joint configuration the old voters come along; without one, at most one voter changes.
            var (before, after) = (config.Voters.Incoming.Voters, next.Voters.Incoming.Voters);
            Assert.True(next.IsJoint || config.IsJoint || before.DifferenceCount(after) <= 1);
            if (next.IsJoint)
                Assert.Equal(0, next.Voters.Outgoing.Voters.DifferenceCount(before));
            Assert.True(ConfigChanger.Restore(next.ToConfState()).ToConfState().IsEquivalentTo(next.ToConfState()));
            config = next;
        }
        Assert.True(changed > 500);
    }
}
