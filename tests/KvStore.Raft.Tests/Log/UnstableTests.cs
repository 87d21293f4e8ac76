namespace KvStore.Raft.Tests.Log;

public sealed class UnstableTests
{
    [Fact]
    public void Entries_are_handed_out_once_and_stay_until_they_are_stable()
    {
        var unstable = With(offset: 5, (1, 5), (1, 6));

        Assert.Equal([5, 6], Indexes(unstable.NextEntries));
        unstable.AcceptInProgress();
        unstable.Append(Entry(1, 7));

        Assert.Equal([7], Indexes(unstable.NextEntries));
        Assert.Equal(3, unstable.Count);
        unstable.StableTo(new EntryId(1, 6));
        Assert.Equal(7ul, unstable.Offset);
        Assert.Equal([7], Indexes(unstable.NextEntries));
    }

    [Fact]
    public void A_claim_about_an_entry_that_was_replaced_does_not_count()
    {
        var unstable = With(offset: 5, (1, 5), (1, 6));
        unstable.AcceptInProgress();
        unstable.TruncateAndAppend([Entry(2, 6)]);

        unstable.StableTo(new EntryId(1, 6));

        Assert.Equal(5ul, unstable.Offset);
        Assert.Equal([6], Indexes(unstable.NextEntries));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    public void A_claim_about_an_index_that_is_not_there_does_not_count(ulong index)
    {
        var unstable = With(offset: 5, (1, 5), (1, 6));

        unstable.StableTo(new EntryId(1, index));

        Assert.Equal(2, unstable.Count);
    }

    [Fact]
    public void What_was_handed_out_never_changes_under_its_reader()
    {
        var unstable = With(offset: 5, (1, 5), (1, 6), (1, 7));
        var before = unstable.NextEntries;

        unstable.TruncateAndAppend([Entry(2, 6), Entry(2, 7)]);
        unstable.TruncateAndAppend([Entry(3, 5)]);
        for (ulong index = 6; index < 100; index++)
            unstable.Append(Entry(3, index));

        Assert.Equal([1ul, 1ul, 1ul], before.ToArray().Select(entry => entry.Term));
    }

    [Fact]
    public void Truncation_below_the_offset_starts_over_there()
    {
        var unstable = With(offset: 5, (1, 5), (1, 6));
        unstable.AcceptInProgress();

        unstable.TruncateAndAppend([Entry(2, 3)]);

        Assert.Equal(3ul, unstable.Offset);
        Assert.Equal([3], Indexes(unstable.NextEntries));
    }

    [Fact]
    public void A_gap_is_a_broken_invariant()
    {
        var unstable = With(offset: 5, (1, 5));

        Assert.Throws<InvariantException>(() => unstable.TruncateAndAppend([Entry(1, 7)]));
    }

    [Fact]
    public void A_snapshot_takes_the_place_of_everything_before_it()
    {
        var unstable = With(offset: 5, (1, 5));
        var snapshot = new Snapshot(new SnapshotMetadata(ConfState.Empty, 9, 2), default);

        unstable.Restore(snapshot);

        Assert.True(unstable.TryFirstIndex(out ulong first));
        Assert.True(unstable.TryLastIndex(out ulong last));
        Assert.True(unstable.TryTerm(9, out ulong term));
        Assert.Equal((10ul, 9ul, 2ul), (first, last, term));
        Assert.Same(snapshot, unstable.NextSnapshot);
        unstable.AcceptInProgress();
        Assert.Null(unstable.NextSnapshot);
        unstable.StableSnapshotTo(8);
        Assert.NotNull(unstable.Snapshot);
        unstable.StableSnapshotTo(9);
        Assert.Null(unstable.Snapshot);
    }

    [Fact]
    public void Any_sequence_of_changes_leaves_what_a_plain_list_would_hold()
    {
        var random = new Random(7);
        for (int run = 0; run < 50; run++)
        {
            var unstable = new Unstable(1);
            var model = new SortedDictionary<ulong, ulong>();
            ulong offset = 1;
            for (ulong term = 1; term < 60; term++)
            {
                ulong end = offset + (ulong)model.Count;
                if (random.Next(3) > 0 || model.Count == 0)
                {
                    ulong from = (ulong)random.NextInt64(Math.Max(1, (long)offset - 2), (long)end + 1);
                    var entries = Enumerable.Range(0, random.Next(1, 5)).Select(i => Entry(term, from + (ulong)i)).ToArray();
                    unstable.TruncateAndAppend(entries);
                    offset = Math.Min(offset, from);
                    foreach (ulong index in model.Keys.Where(index => index >= from).ToList())
                        model.Remove(index);
                    foreach (var entry in entries)
                        model[entry.Index] = entry.Term;
                }
                else
                {
                    ulong stable = model.Keys.ElementAt(random.Next(model.Count));
                    unstable.StableTo(new EntryId(model[stable], stable));
                    foreach (ulong index in model.Keys.Where(index => index <= stable).ToList())
                        model.Remove(index);
                    offset = stable + 1;
                }

                var held = unstable.Slice(unstable.Offset, unstable.Offset + (ulong)unstable.Count).ToArray();
                Assert.Equal(offset, unstable.Offset);
                Assert.Equal(model.Select(pair => new EntryId(pair.Value, pair.Key)), held.Select(entry => entry.Id));
            }
        }
    }

    private static Unstable With(ulong offset, params (ulong Term, ulong Index)[] entries)
    {
        var unstable = new Unstable(offset);
        foreach (var (term, index) in entries)
            unstable.Append(Entry(term, index));
        return unstable;
    }

    private static Entry Entry(ulong term, ulong index) => new(term, index, EntryType.Normal, default);

    private static IEnumerable<int> Indexes(ReadOnlyMemory<Entry> entries) =>
        entries.ToArray().Select(entry => (int)entry.Index);
}
