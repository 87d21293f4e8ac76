using KvStore.Raft;
using KvStore.Storage.Disks.Simulated;
using KvStore.Storage.Wal;
using static KvStore.Storage.Tests.Wal.LogScript;

namespace KvStore.Storage.Tests.Wal;

public class WriteAheadLogTests
{
    private readonly SimulatedDisk _disk = new();

    [Fact]
    public void What_was_synced_is_there_after_a_power_loss()
    {
        using (var log = Create(_disk))
            log.Write(Entries(1, 1, 5), State(1, 3));

        _disk.PowerLoss(new SeededRandom(1));

        using var opened = Open(_disk);
        AssertSame(Entries(1, 1, 5), opened.All());
        Assert.Equal(State(1, 3), opened.HardState);
        Assert.Equal(Identity, opened.Identity);
        Assert.Equal((1UL, 5UL), (opened.FirstIndex, opened.LastIndex));
    }

    [Fact]
    public void Nothing_counts_before_it_is_synced()
    {
        using var log = Create(_disk);

        log.Append(Entries(1, 1, 5), State(1, 3));

        Assert.Equal(0UL, log.LastIndex);
        Assert.Empty(log.ReadEntries(1, 6, ulong.MaxValue));
        Assert.Equal(default, log.HardState);
    }

    [Fact]
    public void A_sync_is_one_write_and_one_fdatasync()
    {
        using var log = Create(_disk);
        for (ulong index = 1; index <= 10; index++)
            log.Append(Entries(1, index, index), State(1, index));
        var kinds = new List<DiskOperationKind>();
        _disk.Faults = operation =>
        {
            kinds.Add(operation.Kind);
            return DiskFault.None;
        };

        log.Sync();
        log.Sync();

        Assert.Equal([DiskOperationKind.Write, DiskOperationKind.Sync], kinds);
    }

    [Fact]
    public void A_later_entry_replaces_that_index_and_all_behind_it()
    {
        using (var log = Create(_disk))
        {
            log.Write(Entries(1, 1, 9), State(1, 2));
            log.Append(Entries(2, 8, 9), null);
            log.Append(Entries(3, 4, 6), null);
            log.Sync();
            AssertSame([.. Entries(1, 1, 3), .. Entries(3, 4, 6)], log.All());
        }

        using var opened = Open(_disk);

        AssertSame([.. Entries(1, 1, 3), .. Entries(3, 4, 6)], opened.All());
        Assert.Equal(6UL, opened.LastIndex);
    }

    [Fact]
    public void The_term_is_known_of_every_entry_and_of_the_one_before_the_first()
    {
        using var log = Create(_disk);
        log.Write(Entries(1, 1, 3)).Write(Entries(4, 4, 6));

        var terms = Enumerable.Range(0, 8).Select(index => log.TryGetTerm((ulong)index, out ulong term) ? term : 99);

        Assert.Equal([0UL, 1, 1, 1, 4, 4, 4, 99], terms);
    }

    [Fact]
    public void Reading_stops_at_the_size_limit_but_gives_at_least_one_entry()
    {
        using var log = Create(_disk);
        for (ulong index = 1; index <= 30; index += 3)
            log.Write(Entries(1, index, index + 2, bytes: 500));

        Assert.Equal("1/5", Indexes(log.ReadEntries(5, 30, 0)));
        Assert.Equal("1/5 1/6", Indexes(log.ReadEntries(5, 30, 1100)));
        Assert.Equal("1/5 1/6 1/7 1/8", Indexes(log.ReadEntries(5, 30, 2 * 1100)));
        AssertSame(Entries(1, 5, 29, bytes: 500), log.ReadEntries(5, 30, ulong.MaxValue));
        Assert.Empty(log.ReadEntries(31, 40, ulong.MaxValue));
    }

    [Fact]
    public void Marks_come_back_and_the_last_two_survive_their_segments()
    {
        using (var log = Create(_disk))
        {
            log.Write(Entries(1, 1, 5), State(1, 5));
            for (ulong index = 2; index <= 5; index++)
                log.AppendMark(Mark(1, index, (byte)index, 77));
            log.Sync();
            for (ulong index = 6; index <= 25; index++)
                log.Write(Entries(1, index, index), State(1, index));
            Assert.Equal(1UL, log.FirstIndex);
            log.ReleaseBefore(6);
            Assert.Equal(1UL, log.FirstIndex);
            log.Checkpoint(10).ReleaseBefore(11);
        }

        using var opened = Open(_disk);

        Assert.True(opened.FirstIndex > 6);
        Assert.Equal([5UL, 10UL], opened.Marks.Select(mark => mark.Applied.Index));
        Assert.Equal([5, 77], opened.Marks[0].Checkpoint.ToArray());
        Assert.True(opened.Marks[0].ConfState.IsEquivalentTo(Mark(1, 5).ConfState));
        Assert.Equal(State(1, 25), opened.HardState);
    }

    [Fact]
    public void A_restart_voids_what_came_before_and_the_log_goes_on_behind_it()
    {
        using (var log = Create(_disk))
        {
            log.Write(Entries(1, 1, 9), State(1, 4));
            log.AppendMark(Mark(1, 3));
            log.AppendRestart(Mark(5, 90, 9));
            log.Append(Entries(5, 91, 92), State(5, 91));
            log.Sync();
        }

        using var opened = Open(_disk);

        AssertSame(Entries(5, 91, 92), opened.All());
        Assert.Equal([90UL], opened.Marks.Select(mark => mark.Applied.Index));
        Assert.True(opened.TryGetTerm(90, out ulong term) && term == 5);
        Assert.Empty(opened.ReadEntries(9, 10, ulong.MaxValue));
    }

    [Fact]
    public void A_restart_within_the_log_voids_what_stands_behind_it_too()
    {
        using (var log = Create(_disk))
        {
            log.Write(Entries(1, 1, 9), State(1, 4));
            log.AppendRestart(Mark(5, 7, 9));
            log.Sync();
            Assert.Equal((8UL, 7UL), (log.FirstIndex, log.LastIndex));
            log.Write(Entries(6, 8, 8));
        }

        using var opened = Open(_disk);

        AssertSame(Entries(6, 8, 8), opened.All());
        Assert.True(opened.TryGetTerm(7, out ulong term) && term == 5);
    }

    [Fact]
    public void Releasing_deletes_whole_segments_and_keeps_what_is_needed()
    {
        using var log = Create(_disk);
        for (ulong index = 1; index <= 30; index++)
            log.Write(Entries(1, index, index), State(1, index));
        int before = _disk.List(LogDirectory).Count;

        log.Checkpoint(19).ReleaseBefore(20);

        Assert.True(_disk.List(LogDirectory).Count < before - 3);
        Assert.InRange(log.FirstIndex, 15UL, 20UL);
        AssertSame(Entries(1, log.FirstIndex, 30), log.All());
        Assert.True(log.TryGetTerm(log.FirstIndex - 1, out _));
        using var opened = Open(_disk);
        AssertSame(Entries(1, log.FirstIndex, 30), opened.All());
        Assert.Equal(State(1, 30), opened.HardState);
    }

    [Fact]
    public void A_log_whose_first_segment_replaces_entries_of_a_released_one_opens()
    {
        using (var log = Create(_disk))
        {
            log.Write(Entries(1, 1, 30), State(1, 5));
            log.Write(Entries(1, 31, 31, bytes: 9000));
            log.Write(Entries(2, 10, 40, bytes: 50), State(2, 39));
            log.Checkpoint(34).ReleaseBefore(35);
            Assert.Equal(10UL, log.FirstIndex);
        }

        using var opened = Open(_disk);

        Assert.Equal((10UL, 40UL), (opened.FirstIndex, opened.LastIndex));
        Assert.False(opened.TryGetTerm(9, out _));
    }

    [Fact]
    public void An_entry_larger_than_a_segment_is_logged_in_a_segment_of_its_own_size()
    {
        using (var log = Create(_disk))
        {
            log.Write(Entries(1, 1, 2)).Write(Entries(1, 3, 3, bytes: 100_000)).Write(Entries(1, 4, 5));
            AssertSame([.. Entries(1, 1, 2), Entry(1, 3, 100_000), .. Entries(1, 4, 5)], log.All());
        }

        using var opened = Open(_disk);

        AssertSame([.. Entries(1, 1, 2), Entry(1, 3, 100_000), .. Entries(1, 4, 5)], opened.All());
    }

    [Fact]
    public void One_large_append_is_split_into_batches_over_segments()
    {
        using (var log = Create(_disk))
            log.Write(Entries(1, 1, 500, bytes: 100), State(1, 500));

        using var opened = Open(_disk);

        AssertSame(Entries(1, 1, 500, bytes: 100), opened.All());
        Assert.Equal(State(1, 500), opened.HardState);
        Assert.True(_disk.List(LogDirectory).Count > 4);
    }

    [Fact]
    public void The_log_goes_on_where_it_ended_through_many_openings()
    {
        Create(_disk).Dispose();
        for (ulong index = 1; index <= 40; index++)
            using (var log = Open(_disk))
                log.Write(Entries(index, index, index), State(index, index));

        using var opened = Open(_disk);

        Assert.Equal(40UL, opened.LastIndex);
        Assert.Equal(string.Join(' ', Enumerable.Range(1, 40).Select(i => $"{i}/{i}")), Indexes(opened.All()));
    }

    [Fact]
    public void A_reader_keeps_a_released_segment_until_it_is_done()
    {
        using var log = Create(_disk);
        for (ulong index = 1; index <= 30; index++)
            log.Write(Entries(1, index, index), State(1, index));
        log.Checkpoint(24);
        bool isReleasing = false;
        IReadOnlyList<Entry>? read = null;
        _disk.Faults = operation =>
        {
            if (operation.Kind == DiskOperationKind.Read && !isReleasing)
            {
                isReleasing = true;
                log.ReleaseBefore(25);
            }
            return DiskFault.None;
        };

        read = log.ReadEntries(1, 10, ulong.MaxValue);

        AssertSame(Entries(1, 1, 9), read);
        Assert.True(log.FirstIndex > 9);
    }

    [Fact]
    public void Creating_where_a_log_is_and_opening_where_none_is_are_refused()
    {
        Create(_disk).Dispose();

        Assert.Contains("already", Assert.Throws<WalException>(() => Create(_disk)).Message);
        Assert.True(WriteAheadLog.Exists(_disk, LogDirectory));
        _disk.CreateDirectory("/empty");
        Assert.False(WriteAheadLog.Exists(_disk, "/empty"));
        Assert.Contains("no write-ahead log", Assert.Throws<WalException>(() => WriteAheadLog.Open(_disk, "/empty")).Message);
    }

    [Fact]
    public void A_committed_entry_is_never_replaced()
    {
        using var log = Create(_disk);
        log.Write(Entries(1, 1, 5), State(1, 3));

        Assert.Throws<InvariantException>(() => log.Append(Entries(2, 3, 3), null));
        Assert.Throws<InvariantException>(() => log.Append(Entries(2, 7, 7), null));
        Assert.Throws<InvariantException>(() => log.Append([], State(1, 6)));
    }

    [Fact]
    public void What_no_checkpoint_holds_is_never_released()
    {
        using var log = Create(_disk);
        log.Write(Entries(1, 1, 5), State(1, 3)).Checkpoint(2);

        log.ReleaseBefore(3);

        Assert.Throws<InvariantException>(() => log.ReleaseBefore(4));
    }
}
