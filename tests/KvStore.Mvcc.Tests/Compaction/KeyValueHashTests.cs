using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Tests.Support;

namespace KvStore.Mvcc.Tests.Compaction;

public class KeyValueHashTests
{
    [Fact]
    public void Members_with_the_same_changes_have_the_same_hash_at_each_revision()
    {
        var one = Filled();
        var other = Filled();

        for (long revision = 0; revision <= one.Revision; revision++)
            Assert.Equal(one.Machine.Hash.Compute(revision), other.Machine.Hash.Compute(revision));
    }

    [Fact]
    public void A_hash_says_its_revision_and_that_of_the_compaction()
    {
        var member = Filled();

        var before = member.Machine.Hash.Compute(0);
        member.Compact(4);
        var after = member.Machine.Hash.Compute(5);

        Assert.Equal((7, -1, 7), (before.HashRevision, before.CompactRevision, before.CurrentRevision));
        Assert.Equal((5, 4, 7), (after.HashRevision, after.CompactRevision, after.CurrentRevision));
    }

    [Fact]
    public void The_hash_does_not_depend_on_how_far_the_index_is_cleaned()
    {
        for (long revision = 2; revision <= 7; revision++)
        {
            var cleaned = Filled().Compact(revision).Clean();
            var uncleaned = Filled().Compact(revision);

            Assert.Equal(cleaned.Machine.Hash.Compute(0), uncleaned.Machine.Hash.Compute(0));
            Assert.Equal(cleaned.Machine.Hash.Compute(0), cleaned.Restart().Machine.Hash.Compute(0));
        }
    }

    [Fact]
    public void One_changed_byte_changes_the_hash()
    {
        var member = Filled();
        uint before = member.Machine.Hash.Compute(0).Hash;
        byte[] damaged;
        using (var reader = member.Values.OpenReader())
            damaged = reader.TryRead(new(5), out var value) ? value.ToArray() : [];
        damaged[^2] ^= 1;

        member.Values.Write(new(5), damaged);

        Assert.NotEqual(before, member.Machine.Hash.Compute(0).Hash);
    }

    [Fact]
    public void Compacted_and_future_revisions_are_refused()
    {
        var member = Filled().Compact(4);

        Assert.Same(EtcdError.Compacted, Assert.Throws<EtcdException>(() => member.Machine.Hash.Compute(3)).Error);
        Assert.Same(EtcdError.FutureRevision, Assert.Throws<EtcdException>(() => member.Machine.Hash.Compute(8)).Error);
    }

    [Fact]
    public void Many_keys_are_hashed_in_pieces()
    {
        var member = new TestMember();
        for (int i = 0; i < 5_000; i++)
            member.Put($"{i * 7919 % 5_000:d5}", $"{i}");
        uint before = member.Machine.Hash.Compute(0).Hash;
        member.Put("99999");

        Assert.Equal(before, member.Machine.Hash.Compute(5_001).Hash);
        Assert.NotEqual(before, member.Machine.Hash.Compute(0).Hash);
    }

    // Revision:                                               2             3             4             5         6             7
    private static TestMember Filled() => new TestMember().Put("b", "1").Put("a", "2").Put("b", "3").Put("c").Delete("b").Put("b", "4");
}
