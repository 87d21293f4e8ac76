namespace KvStore.Raft.Tests.Tracking;

public sealed class ProgressTests
{
    [Fact]
    public void A_probe_is_followed_by_nothing_until_it_is_answered()
    {
        var member = Member(next: 5);

        member.SentEntries(1, 10);

        Assert.True(member.IsPaused);
        Assert.Equal(5ul, member.Next);
        Assert.True(member.MaybeUpdate(5));
        Assert.False(member.IsPaused);
    }

    [Fact]
    public void Replication_runs_ahead_until_the_window_is_full_and_goes_on_when_it_is_freed()
    {
        var member = Member(next: 5);
        member.BecomeReplicate();

        member.SentEntries(2, 10);
        member.SentEntries(1, 10);

        Assert.Equal((4ul, 2, true), (member.Next, member.InflightCount, member.IsPaused));
        Assert.True(member.MaybeUpdate(2));
        member.FreeInflightsUpTo(2);
        Assert.Equal((1, false), (member.InflightCount, member.IsPaused));
    }

    [Theory]
    [InlineData(ProgressState.Replicate, 3, 3, false, 7)] // Acknowledged long since.
    [InlineData(ProgressState.Replicate, 5, 3, true, 4)] // Back to the match.
    [InlineData(ProgressState.Probe, 5, 3, false, 7)] // Not the probe that is under way.
    [InlineData(ProgressState.Probe, 6, 3, true, 4)]
    [InlineData(ProgressState.Probe, 6, 9, true, 6)] // Never further than was asked.
    [InlineData(ProgressState.Probe, 6, 0, true, 4)] // Never below the match.
    public void A_refusal_counts_if_it_answers_what_is_under_way(
        ProgressState state, ulong rejected, ulong hint, bool counts, ulong next)
    {
        var member = Member(next: 7);
        member.MaybeUpdate(3);
        if (state == ProgressState.Replicate)
        {
            member.BecomeReplicate();
            member.SentEntries(3, 0);
        }

        Assert.Equal(counts, member.MaybeDecreaseTo(rejected, hint));

        Assert.Equal(next, member.Next);
    }

    [Fact]
    public void What_a_member_has_taken_is_what_it_acknowledged_or_will_have_by_what_is_on_its_way()
    {
        var member = Member(next: 7);
        member.MaybeUpdate(3);
        Assert.Equal(6ul, member.Taken);

        member.BecomeReplicate();
        member.SentEntries(3, 0);
        Assert.Equal(3ul, member.Taken);

        member.BecomeSnapshot(50);
        Assert.Equal(50ul, member.Taken);
        member.BecomeProbe();
        Assert.Equal(50ul, member.Taken);
    }

    [Fact]
    public void The_commit_index_is_sent_again_only_if_it_can_tell_something_new()
    {
        var member = Member(next: 5);
        member.BecomeReplicate();
        member.SentEntries(4, 0);

        Assert.True(member.CanBumpCommit(2));
        member.SentCommit(2);
        Assert.False(member.CanBumpCommit(2));
        Assert.True(member.CanBumpCommit(9));
        member.SentCommit(9);
        // The member has been told that all it is sent is committed.
        Assert.False(member.CanBumpCommit(12));
    }

    [Fact]
    public void After_a_snapshot_probing_starts_behind_it_unless_it_failed()
    {
        var arrived = Member(next: 5);
        arrived.BecomeSnapshot(20);
        var failed = Member(next: 5);
        failed.BecomeSnapshot(20);

        arrived.BecomeProbe();
        failed.ForgetPendingSnapshot();
        failed.BecomeProbe();

        Assert.Equal((21ul, 1ul), (arrived.Next, failed.Next));
    }

    [Fact]
    public void The_window_is_a_ring_that_grows_and_frees_in_order()
    {
        var window = new Inflights(maxMessages: 100, maxBytes: 0);
        ulong added = 0;
        ulong freed = 0;
        var random = new Random(3);
        for (int step = 0; step < 5_000; step++)
        {
            if (!window.IsFull && random.Next(2) == 0)
                window.Add(++added, 1);
            else
                window.FreeUpTo(freed = (ulong)random.NextInt64((long)freed, (long)added + 1));
            Assert.Equal((int)(added - freed), window.Count);
        }
        Assert.True(added > 1_000);
    }

    private static Progress Member(ulong next) => new(new NodeId(2), next, maxInflightMessages: 2, maxInflightBytes: 0);
}
