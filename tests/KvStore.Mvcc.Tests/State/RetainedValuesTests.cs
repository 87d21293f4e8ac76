using KvStore.Mvcc.Index;
using KvStore.Mvcc.State;
using KvStore.Mvcc.Tests.Index;
using KvStore.Mvcc.Tests.Model;
using KvStore.Mvcc.Tests.Support;

namespace KvStore.Mvcc.Tests.State;

public class RetainedValuesTests
{
    [Fact]
    public void What_can_be_read_is_needed_and_what_was_compacted_is_not()
    {
        var member = new TestMember();
        for (int i = 0; i < 1_000; i++)
            member.Put($"k{i % 10}", "value"); // Revisions 2 to 1001.
        member.Delete("k3").Compact(990); // And 1002.
        CleanIndex(member);

        var retained = Of(member);

        Assert.All(Enumerable.Range(990, 13), main => Assert.True(IsNeeded(retained, member, main)));
        // Of the ten keys the last changes at or before 990.
        Assert.All(Enumerable.Range(981, 9), main => Assert.True(IsNeeded(retained, member, main)));
        Assert.InRange(Enumerable.Range(2, 979).Count(main => IsNeeded(retained, member, main)), 0, 5);
    }

    [Fact]
    public void Tombstones_are_always_needed()
    {
        var member = new TestMember().Put("a").Delete("a").Put("b").Compact(4);
        CleanIndex(member);

        var retained = Of(member);

        Assert.Equal((false, true), (IsNeeded(retained, member, 2), IsNeeded(retained, member, 3)));
    }

    [Fact]
    public void Without_a_compaction_all_is_needed()
    {
        var member = new TestMember().Put("a").Put("a").Put("a");

        var retained = Of(member);

        Assert.All(Enumerable.Range(2, 3), main => Assert.True(IsNeeded(retained, member, main)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_store_that_keeps_only_what_is_needed_tells_the_same(int seed)
    {
        var member = new TestMember();
        var requests = new RandomRequests(seed);
        for (int i = 0; i < 400; i++)
            member.Apply(requests.NextChange(member.Revision));
        CleanIndex(member);
        string all = member.All();
        uint hash = member.Machine.HashEverything();

        var retained = Of(member);
        member.Values.Compact(member.Values.SizeBytes, retained.MayBeNeeded);

        Assert.Equal((all, hash), (member.All(), member.Machine.HashEverything()));
        // And the index can still be made from the values.
        Assert.Equal((all, hash), (member.Restart().All(), member.Restart().Machine.HashEverything()));
    }

    private static void CleanIndex(TestMember member)
    {
        while (!member.Machine.Store.CompactStep(100))
        {
        }
    }

    private static RetainedValues Of(TestMember member)
    {
        using var file = new MemoryFile();
        IndexFile.Write(file, member.Machine.Store.Index, member.Revision);
        var retained = new RetainedValues(file, member.Machine.Store.CompactRevision);
        // In steps, as it is sent.
        for (long offset = 0; offset <= file.Length; offset += 100)
            retained.ReadTo(offset);
        retained.ReadTo(long.MaxValue);
        return retained;
    }

    private static bool IsNeeded(RetainedValues retained, TestMember member, long main)
    {
        using var reader = member.Values.OpenReader();
        Assert.True(reader.TryRead(new Storage.Values.Revision(main), out var value));
        return retained.MayBeNeeded(new Storage.Values.Revision(main), value);
    }
}
