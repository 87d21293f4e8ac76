using System.Text;
using KvStore.Mvcc.Tests.Support;
using KvStore.Mvcc.Watches;
using KvStore.Protocol;
using static KvStore.Mvcc.Tests.Support.Build;

namespace KvStore.Mvcc.Tests.Watches;

public class HistoryTests
{
    private readonly TestMember _member = new();

    public HistoryTests()
    {
        _member.Put("a", "1").Put("b", "2");                                // 2, 3
        _member.Apply(Txn(Put("c", "3"), Delete("a"), Put("b", "4")));      // 4
        _member.Put("a", "5").Delete("b", "d");                             // 5, 6
    }

    [Fact]
    public void Changes_come_in_the_order_of_their_revisions()
    {
        var (progress, events) = Read(2, long.MaxValue);

        Assert.Equal("2/0 put a, 3/0 put b, 4/0 put c, 4/1 delete a, 4/2 put b, 5/0 put a, 6/0 delete b, 6/1 delete c", events);
        Assert.Equal(new HistoryProgress(7, false, -1), progress);
    }

    [Fact]
    public void What_is_read_equals_what_was_told_when_it_was_applied()
    {
        var result = _member.Apply(Txn(Put("x", "1"), Put("y", "2"), Delete("a")));
        var read = new List<StoredEvent>();

        _member.Machine.History.ReadEvents(7, 7, 1, long.MaxValue, read.Add);

        Assert.Equal(result.Events.Length, read.Count);
        foreach (var (told, found) in result.Events.Zip(read))
        {
            Assert.Equal((told.Revision, told.IsDelete, told.IsCreate), (found.Revision, found.IsDelete, found.IsCreate));
            Assert.Equal(told.KeyValue.ToArray(), found.KeyValue.ToArray());
            Assert.Equal(told.Key.ToArray(), found.Key.ToArray());
        }
    }

    [Fact]
    public void A_limit_of_revisions_or_bytes_ends_after_a_whole_revision()
    {
        Assert.Equal((4, "2/0 put a, 3/0 put b"), Short(Read(2, 99, maxRevisions: 2)));
        Assert.Equal((5, "4/0 put c, 4/1 delete a, 4/2 put b"), Short(Read(4, 99, maxBytes: 1)));
        Assert.Equal((5, "4/0 put c, 4/1 delete a, 4/2 put b"), Short(Read(4, 4)));
        Assert.Equal((7, ""), Short(Read(7, 99)));
        Assert.Equal((9, ""), Short(Read(9, 99)));
    }

    [Fact]
    public void From_the_compacted_revision_on_everything_is_told_and_before_it_nothing()
    {
        _member.Compact(4).Clean();

        var (refused, none) = Read(3, 99);
        Assert.Equal((new HistoryProgress(3, true, 4), ""), (refused, none));
        Assert.Equal(
            (7, "4/0 put c, 4/1 delete a, 4/2 put b, 5/0 put a, 6/0 delete b, 6/1 delete c"), Short(Read(4, 99)));

        _member.Compact(6).Clean();
        Assert.Equal((7, "6/0 delete b, 6/1 delete c"), Short(Read(6, 99)));
    }

    [Fact]
    public void A_key_that_a_transaction_makes_and_deletes_is_told_whole_at_the_compacted_revision()
    {
        _member.Apply(Txn(Txn(Put("n")), Txn(Delete("n")), Txn(Put("o")))); // 7
        _member.Put("o").Compact(7).Clean();

        Assert.Equal((9, "7/0 put n, 7/1 delete n, 7/2 put o, 8/0 put o"), Short(Read(7, 99)));
    }

    [Fact]
    public void The_previous_key_value_of_a_change_is_what_lived_right_before_it()
    {
        Assert.Equal("none", Previous("a", 2, 0));
        Assert.Equal("a=1 c2 m2 v1", Previous("a", 4, 1));
        Assert.Equal("none", Previous("a", 5, 0));
        Assert.Equal("b=4 c3 m4 v2", Previous("b", 6, 0));
        Assert.Equal("none", Previous("absent", 6, 0));
    }

    [Fact]
    public void What_the_same_transaction_wrote_is_no_previous_key_value()
    {
        _member.Apply(Txn(Txn(Put("n")), Txn(Delete("n")))); // 7

        Assert.Equal("none", Previous("n", 7, 1));
    }

    [Fact]
    public void A_previous_key_value_that_is_compacted_is_left_out_however_far_the_cleaning_is()
    {
        _member.Compact(4);
        Assert.Equal("none", Previous("b", 4, 2));
        Assert.Equal("b=4 c3 m4 v2", Previous("b", 6, 0));

        _member.Clean();
        Assert.Equal("none", Previous("b", 4, 2));
        Assert.Equal("b=4 c3 m4 v2", Previous("b", 6, 0));
    }

    [Fact]
    public void A_long_history_is_read_in_batches()
    {
        var member = new TestMember();
        for (int i = 0; i < 1000; i++)
            member.Put($"k{i % 7}", new string('v', i % 50));
        var read = new List<long>();

        var progress = member.Machine.History.ReadEvents(2, long.MaxValue, 5000, 1 << 20, change => read.Add(change.Revision.Main));

        Assert.Equal(1002, progress.NextRevision);
        Assert.Equal(Enumerable.Range(2, 1000).Select(revision => (long)revision), read);
    }

    private (HistoryProgress Progress, string Events) Read(
        long from, long to, int maxRevisions = 1000, long maxBytes = long.MaxValue)
    {
        var events = new List<string>();
        var progress = _member.Machine.History.ReadEvents(from, to, maxRevisions, maxBytes, change => events.Add(
            $"{change.Revision} {(change.IsDelete ? "delete" : "put")} {Encoding.UTF8.GetString(change.Key.Span)}"));
        return (progress, string.Join(", ", events));
    }

    private static (long Next, string Events) Short((HistoryProgress Progress, string Events) read)
    {
        Assert.False(read.Progress.IsCompacted);
        return (read.Progress.NextRevision, read.Events);
    }

    private string Previous(string key, long main, long sub) =>
        _member.Machine.History.TryReadPrevious(Encoding.UTF8.GetBytes(key), new(main, sub), out byte[] keyValue)
            ? Text(KeyValue.Parser.ParseFrom(keyValue))
            : "none";
}
