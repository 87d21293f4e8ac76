namespace KvStore.Raft.Tests.Log;

public sealed class RaftLogTests
{
    [Fact]
    public void An_append_counts_only_if_the_entry_before_it_is_here()
    {
        var log = Stored(1, 1, 2);

        Assert.False(log.TryAppend(new EntryId(1, 3), [Entry(3, 4)], 0, out _));
        Assert.False(log.TryAppend(new EntryId(2, 9), [Entry(3, 10)], 0, out _));
        Assert.True(log.TryAppend(new EntryId(2, 3), [Entry(3, 4)], 0, out ulong last));
        Assert.Equal(4ul, last);
        Assert.Equal(new EntryId(3, 4), log.LastEntry);
    }

    [Fact]
    public void An_append_commits_no_further_than_it_reaches()
    {
        var log = Stored(1, 1, 2);

        Assert.True(log.TryAppend(new EntryId(1, 1), [Entry(1, 2)], leaderCommit: 3, out ulong last));

        Assert.Equal(2ul, last);
        Assert.Equal(2ul, log.Committed);
    }

    [Fact]
    public void An_entry_that_is_committed_is_never_replaced()
    {
        var log = Stored(1, 1, 2);
        log.CommitTo(2);

        Assert.Throws<InvariantException>(() => log.Append([Entry(3, 2)]));
        Assert.Throws<InvariantException>(() => log.TryAppend(new EntryId(1, 1), [Entry(3, 2)], 0, out _));
    }

    [Fact]
    public void A_commit_index_never_goes_back_and_never_beyond_the_log()
    {
        var log = Stored(1, 1, 2);
        log.CommitTo(2);

        log.CommitTo(1);

        Assert.Equal(2ul, log.Committed);
        Assert.Throws<LogLostException>(() => log.CommitTo(4));
    }

    [Fact]
    public void The_hint_skips_terms_that_cannot_match()
    {
        // index 1 2 3 4 5 6 7 8 9
        var log = Stored(1, 3, 3, 4, 4, 5, 5, 5, 6);

        Assert.Equal(new EntryId(3, 3), log.LastNotAfterTerm(8, 3));
        Assert.Equal(new EntryId(6, 9), log.LastNotAfterTerm(9, 6));
        Assert.Equal(new EntryId(1, 1), log.LastNotAfterTerm(9, 2));
        // Beyond the log the term is unknown, so the logs may meet there.
        Assert.Equal(new EntryId(0, 12), log.LastNotAfterTerm(12, 2));
        // Before the log's first entry is the empty log, which is everybody's.
        Assert.Equal(new EntryId(0, 0), log.LastNotAfterTerm(0, 2));
    }

    [Fact]
    public void A_slice_joins_what_is_stored_and_what_is_not_yet()
    {
        var log = Stored(1, 1, 1);
        log.Append([Entry(2, 3), Entry(2, 4)]);

        Assert.Equal(RaftError.None, log.Slice(1, 5, RaftConfig.NoLimit, out var all));
        Assert.Equal(RaftError.None, log.Slice(1, 5, all.Span[0].EncodedSizeBytes * 3, out var three));
        Assert.Equal(RaftError.None, log.Slice(2, 5, 0, out var one));

        Assert.Equal([1ul, 1ul, 2ul, 2ul], all.ToArray().Select(entry => entry.Term));
        Assert.Equal([1ul, 2ul, 3ul], three.ToArray().Select(entry => entry.Index));
        Assert.Equal([2ul], one.ToArray().Select(entry => entry.Index));
    }

    [Fact]
    public void Compacted_entries_are_gone_but_the_last_one_is_still_matched()
    {
        var storage = new MemoryStorage();
        storage.Append([Entry(1, 1), Entry(2, 2), Entry(3, 3)]);
        storage.Compact(2);
        var log = new RaftLog(storage);

        Assert.True(log.Matches(new EntryId(2, 2)));
        Assert.Equal(RaftError.Compacted, log.Term(1, out _));
        Assert.Equal(RaftError.Unavailable, log.Term(4, out _));
        Assert.Equal(RaftError.Compacted, log.Slice(2, 4, 0, out _));
        Assert.Equal((2ul, 2ul), (log.Committed, log.Applied));
    }

    [Fact]
    public void Committed_entries_wait_for_the_ones_before_them_to_be_applied_when_they_are_large()
    {
        var storage = new MemoryStorage();
        storage.Append([Entry(1, 1), Entry(1, 2), Entry(1, 3)]);
        var log = new RaftLog(storage, maxApplyingBytes: Entry(1, 1).EncodedSizeBytes * 2);
        log.CommitTo(3);

        var first = log.NextCommittedEntries(allowUnstable: true);
        log.AcceptApplying(2, Raft.Entry.SizeOf(first.Span), allowUnstable: true);

        Assert.Equal(2, first.Length);
        Assert.False(log.HasNextCommittedEntries(allowUnstable: true));
        log.AppliedTo(2, Raft.Entry.SizeOf(first.Span));
        Assert.True(log.HasNextCommittedEntries(allowUnstable: true));
    }

    [Fact]
    public void Applied_goes_neither_back_nor_beyond_the_commit_index()
    {
        var log = Stored(1, 1, 1);
        log.CommitTo(2);
        log.AppliedTo(2, 0);

        Assert.Throws<InvariantException>(() => log.AppliedTo(1, 0));
        Assert.Throws<InvariantException>(() => log.AppliedTo(3, 0));
    }

    private static RaftLog Stored(params ulong[] terms)
    {
        var storage = new MemoryStorage();
        storage.Append([.. terms.Select((term, i) => Entry(term, (ulong)i + 1))]);
        return new RaftLog(storage);
    }

    private static Entry Entry(ulong term, ulong index) => new(term, index, EntryType.Normal, default);
}
