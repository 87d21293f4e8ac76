using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Tests.Support;
using KvStore.Protocol;

namespace KvStore.Mvcc.Tests.Compaction;

public class CompactionTests
{
    // Revision:                                                2             3             4             5
    private readonly TestMember _member = new TestMember().Put("a", "1").Put("a", "2").Delete("a").Put("b", "3");

    [Fact]
    public void A_compaction_is_answered_with_the_current_revision()
    {
        var response = _member.Answer<CompactionResponse>(new CompactionRequest { Revision = 3 });

        Assert.Equal(5, response.Header.Revision);
        Assert.Equal(3, _member.Machine.Store.CompactRevision);
    }

    [Fact]
    public void What_is_compacted_cannot_be_compacted_again_and_the_future_not_yet()
    {
        _member.Compact(3);

        Assert.Same(EtcdError.Compacted, _member.Refusal(new CompactionRequest { Revision = 3 }));
        Assert.Same(EtcdError.Compacted, _member.Refusal(new CompactionRequest { Revision = 2 }));
        Assert.Same(EtcdError.Compacted, _member.Refusal(new CompactionRequest { Revision = -1 }));
        Assert.Same(EtcdError.FutureRevision, _member.Refusal(new CompactionRequest { Revision = 6 }));
        _member.Compact(5);
    }

    [Fact]
    public void Revision_0_can_be_compacted_once_on_a_store_never_compacted()
    {
        Assert.Same(EtcdError.Compacted, _member.Refusal(new CompactionRequest { Revision = -1 }));
        _member.Compact(0);

        Assert.Same(EtcdError.Compacted, _member.Refusal(new CompactionRequest { Revision = 0 }));
        Assert.Equal("a=1 c2 m2 v1", _member.Get("a", revision: 2));
    }

    [Fact]
    public void The_live_values_of_the_compacted_revision_stay()
    {
        _member.Compact(3).Clean();

        Assert.Equal("a=2 c2 m3 v2", _member.Get("a", revision: 3));
        Assert.False(_member.Values.Contains(new(2)));
        Assert.True(_member.Values.Contains(new(3)));
    }

    [Fact]
    public void A_tombstone_at_the_compacted_revision_stays_until_the_next_compaction()
    {
        _member.Compact(4).Clean();
        Assert.True(_member.Values.Contains(new(4)));
        Assert.False(_member.Values.Contains(new(3)));

        _member.Compact(5).Clean();
        Assert.False(_member.Values.Contains(new(4)));
        Assert.Equal("b=3 c5 m5 v1", _member.All());
    }

    [Fact]
    public void The_index_is_cleaned_in_steps_and_says_how_far_it_came()
    {
        var store = _member.Machine.Store;
        _member.Compact(4);
        Assert.True(store.IsIndexCompactionPending);

        Assert.False(store.CompactStep(1));
        _member.Compact(5);
        while (!store.CompactStep(1))
            Assert.True(store.IsIndexCompactionPending);

        Assert.Equal(5, store.IndexCompactedRevision);
        Assert.Equal(1, store.Index.KeyCount);
        Assert.True(store.CompactStep(1));
    }

    [Fact]
    public void A_tombstone_outlives_the_puts_that_it_ended()
    {
        // The put is moved behind the tombstone while it lives.
        var member = new TestMember().Put("x").Compact(2);
        member.Machine.Store.CompactStep(100);
        member.Put("a", "1").Compact(3);
        member.Machine.Store.CompactStep(100);
        member.Delete("a").Put("y");
        member.Machine.Store.ReclaimStep(1); // x, to the end.
        member.Machine.Store.ReclaimStep(1); // a's put, to the end.
        member.Compact(5);
        member.Machine.Store.CompactStep(100);

        for (int step = 0; step < 20; step++)
        {
            member.Machine.Store.ReclaimStep(1);
            Assert.Equal("x= c2 m2 v1, y= c5 m5 v1", member.Restart().All());
        }

        Assert.Equal(2, member.Values.Count);
    }
}
