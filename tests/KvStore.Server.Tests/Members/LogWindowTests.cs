using KvStore.Raft;
using KvStore.Server.Members;

namespace KvStore.Server.Tests.Members;

public class LogWindowTests
{
    private readonly LogWindow _window = new(new HardState(3, new NodeId(1), 5), ConfState.Empty, new EntryId(2, 4), [Entry(5, 3), Entry(6, 3)]);

    [Fact]
    public void It_holds_what_follows_the_entry_before_it()
    {
        Assert.Equal((5UL, 6UL), (_window.FirstIndex, _window.LastIndex));
        Assert.Equal([5, 6], Indexes(5, 7));
    }

    [Fact]
    public void The_term_of_the_entry_before_the_first_is_known()
    {
        Assert.Equal((RaftError.None, 2UL), Term(4));
        Assert.Equal((RaftError.None, 3UL), Term(5));
        Assert.Equal(RaftError.Compacted, Term(3).Error);
        Assert.Equal(RaftError.Unavailable, Term(7).Error);
    }

    [Fact]
    public void What_is_gone_and_what_is_not_yet_there_are_told_apart()
    {
        Assert.Equal(RaftError.Compacted, _window.Entries(4, 6, ulong.MaxValue, out _));
        Assert.Equal(RaftError.Unavailable, _window.Entries(5, 8, ulong.MaxValue, out _));
    }

    [Fact]
    public void Appended_entries_replace_those_from_their_index_on()
    {
        _window.Append([Entry(7, 3), Entry(8, 3)]);
        _window.Append([Entry(6, 4)]);

        Assert.Equal(6UL, _window.LastIndex);
        Assert.Equal((RaftError.None, 4UL), Term(6));
    }

    [Fact]
    public void A_slice_that_was_handed_out_stays_as_it_was_when_entries_are_replaced()
    {
        _window.Entries(5, 7, ulong.MaxValue, out var slice);

        _window.Append([Entry(6, 4)]);

        Assert.Equal([3UL, 3UL], slice.ToArray().Select(entry => entry.Term));
    }

    [Fact]
    public void Compacting_forgets_entries_but_keeps_the_term_of_the_last_one()
    {
        _window.Append([Entry(7, 4)]);

        _window.Compact(6);

        Assert.Equal((7UL, 7UL), (_window.FirstIndex, _window.LastIndex));
        Assert.Equal((RaftError.None, 3UL), Term(6));
        Assert.Equal([7], Indexes(7, 8));
    }

    [Fact]
    public void Compacting_everything_leaves_an_empty_window_that_goes_on()
    {
        _window.Compact(6);
        _window.Append([Entry(7, 3)]);

        Assert.Equal([7], Indexes(7, 8));
    }

    [Fact]
    public void Compacting_again_to_less_changes_nothing()
    {
        _window.Compact(6);
        _window.Compact(5);

        Assert.Equal(7UL, _window.FirstIndex);
    }

    [Fact]
    public void A_window_that_appends_and_compacts_for_long_holds_what_it_should()
    {
        for (ulong index = 7; index < 20_000; index++)
        {
            _window.Append([Entry(index, 3)]);
            if (index % 10 == 0)
                _window.Compact(index - 5);
        }

        Assert.Equal((19_986UL, 19_999UL), (_window.FirstIndex, _window.LastIndex));
        Assert.Equal(Enumerable.Range(19_986, 14), Indexes(19_986, 20_000));
    }

    [Fact]
    public void What_a_member_is_about_to_need_is_kept_beyond_the_count_but_not_beyond_the_size()
    {
        for (ulong index = 7; index <= 20; index++)
            _window.Append([Entry(index, 3) with { Data = new byte[10] }]);

        _window.CompactBeyond(keptEntries: 2, keptBytes: 1000, limit: 18, taken: 10);
        Assert.Equal(11UL, _window.FirstIndex);
        _window.CompactBeyond(keptEntries: 2, keptBytes: 1000, limit: 18, taken: ulong.MaxValue);
        Assert.Equal(17UL, _window.FirstIndex);
        _window.CompactBeyond(keptEntries: 2, keptBytes: 5, limit: 18, taken: 17);
        Assert.Equal(19UL, _window.FirstIndex);
    }

    [Fact]
    public void A_gap_is_a_bug() => Assert.Throws<InvariantException>(() => _window.Append([Entry(8, 3)]));

    private static Entry Entry(ulong index, ulong term) => new(term, index, EntryType.Normal, default);

    private IEnumerable<int> Indexes(ulong lo, ulong hi)
    {
        Assert.Equal(RaftError.None, _window.Entries(lo, hi, ulong.MaxValue, out var entries));
        return entries.ToArray().Select(entry => (int)entry.Index);
    }

    private (RaftError Error, ulong Term) Term(ulong index) => (_window.Term(index, out ulong term), term);
}
