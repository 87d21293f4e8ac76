namespace KvStore.Raft.Tests.Log;

public sealed class MemoryStorageTests
{
    [Fact]
    public void An_append_replaces_what_is_at_or_after_its_first_entry()
    {
        var storage = With((1, 1), (1, 2), (1, 3));
        storage.Entries(1, 4, RaftConfig.NoLimit, out var before);

        storage.Append([new Entry(2, 2, EntryType.Normal, default)]);

        Assert.Equal(2ul, storage.LastIndex);
        Assert.Equal(RaftError.None, storage.Term(2, out ulong term));
        Assert.Equal(2ul, term);
        Assert.Equal([1ul, 1ul, 1ul], before.ToArray().Select(entry => entry.Term));
    }

    [Fact]
    public void Entries_that_a_snapshot_covers_are_not_taken_again()
    {
        var storage = With((1, 1), (1, 2), (1, 3));
        storage.Compact(2);

        storage.Append([new Entry(1, 1, EntryType.Normal, default), new Entry(1, 2, EntryType.Normal, default)]);
        storage.Append([new Entry(1, 2, EntryType.Normal, default), new Entry(4, 3, EntryType.Normal, default)]);

        Assert.Equal((3ul, 3ul), (storage.FirstIndex, storage.LastIndex));
        storage.Term(3, out ulong term);
        Assert.Equal(4ul, term);
    }

    [Fact]
    public void What_is_out_of_range_is_refused()
    {
        var storage = With((1, 1), (1, 2), (1, 3));
        storage.CreateSnapshot(2, new ConfState { Voters = [new NodeId(1)] }, default, out var snapshot);
        storage.Compact(2);

        Assert.Equal(RaftError.Compacted, storage.Entries(2, 3, 0, out _));
        Assert.Equal(RaftError.Unavailable, storage.Entries(3, 5, 0, out _));
        Assert.Equal(RaftError.Compacted, storage.Compact(2));
        Assert.Equal(RaftError.SnapshotOutOfDate, storage.ApplySnapshot(snapshot));
        Assert.Equal(RaftError.SnapshotOutOfDate, storage.CreateSnapshot(1, null, default, out _));
        Assert.Throws<InvariantException>(() => storage.Append([new Entry(1, 9, EntryType.Normal, default)]));
    }

    private static MemoryStorage With(params (ulong Term, ulong Index)[] entries)
    {
        var storage = new MemoryStorage();
        storage.Append([.. entries.Select(entry => new Entry(entry.Term, entry.Index, EntryType.Normal, default))]);
        return storage;
    }
}
