using KvStore.Storage.Disks;
using KvStore.Storage.Values;

namespace KvStore.Storage.Tests.Values;

public sealed class FasterValueStoreTests : ValueStoreConformance
{
    // So little memory that most tests spill: 64 pages of 16 KiB, segments of 1 MiB.
    private static readonly ValueStoreOptions Small = new()
    {
        MemoryBytes = 1 << 20,
        PageBytes = 1 << 14,
        SegmentBytes = 1 << 20,
        IndexBuckets = 1 << 10,
        ReserveBytes = 2 << 20,
        ValuesBetweenIndexCheckpoints = 2_500,
    };

    [Fact]
    public void Every_damaged_byte_of_a_manifest_is_refused()
    {
        var store = Start();
        Fill(store, 1, 10, 10);
        var checkpoint = Complete(store);
        store.Dispose();
        string path = FileThatStartsWith("checkpoint-");
        byte[] bytes = File.ReadAllBytes(path);
        for (int i = 0; i < bytes.Length; i++)
        {
            byte[] damaged = [.. bytes];
            damaged[i] ^= (byte)(1 << i % 8);
            File.WriteAllBytes(path, damaged);

            var failure = Assert.Throws<InvalidDataException>(() => Open(checkpoint));
            Assert.Contains(path, failure.Message);
        }
        File.WriteAllBytes(path, bytes[..^1]);
        Assert.Throws<InvalidDataException>(() => Open(checkpoint));
        File.WriteAllBytes(path, bytes);
        AssertHolds(Crash(checkpoint), 1, 10, 10);
    }

    [Fact]
    public void A_damaged_record_of_a_checkpoint_is_never_read_as_something_else()
    {
        var store = Start();
        Fill(store, 1, 60, 40);
        store.Write(new Revision(61), Bytes(61, 20_000));
        var checkpoint = Complete(store);
        store.Dispose();
        string path = FileThatStartsWith("log-");
        byte[] bytes = File.ReadAllBytes(path);
        int refused = 0;
        for (int i = 64; i < bytes.Length; i += 3)
        {
            byte[] damaged = [.. bytes];
            damaged[i] ^= (byte)(1 << i % 8);
            File.WriteAllBytes(path, damaged);
            using var reader = store.ReadCheckpoint(checkpoint);
            try
            {
                int count = 0;
                for (int main = 1; reader.TryNext(out var value); main++, count++)
                {
                    // FASTER's own word before a record is under no checksum: it may make one disappear, never change it.
                    main = (int)reader.Revision.Main;
                    Assert.True(value.SequenceEqual(Bytes(main, main == 61 ? 20_000 : 40)));
                }
                Assert.InRange(count, 0, 61);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }
        Assert.True(refused > 1_000, $"{refused} were refused");
    }

    [Fact]
    public void A_checkpoint_of_a_store_without_values_can_be_opened()
    {
        var store = Start();
        var checkpoint = Complete(store);
        store.Dispose();

        store = Open(checkpoint);
        Fill(store, 1, 10, 10);
        var next = Complete(store);
        store.Dispose();

        AssertHolds(Crash(next), 1, 10, 10);
    }

    [Fact]
    public void A_manifest_of_a_newer_format_says_so()
    {
        var store = Start();
        var checkpoint = Complete(store);
        store.Dispose();
        string path = FileThatStartsWith("checkpoint-");
        byte[] bytes = File.ReadAllBytes(path);
        bytes[8] = 2;
        File.WriteAllBytes(path, bytes);

        Assert.Contains("version 2", Assert.Throws<InvalidDataException>(() => Open(checkpoint)).Message);
    }

    [Fact]
    public void A_damaged_index_is_refused_and_nothing_is_deleted()
    {
        var store = Start();
        Fill(store, 1, 1_000, 300);
        var older = Complete(store);
        Fill(store, 1_001, 5_000, 300); // Enough that the next one saves an index of its own.
        var newer = Complete(store);
        store.Dispose();
        string path = Path.Combine(Folder, "index-" + older.Value.ToString("N"));
        byte[] bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, [.. bytes[..5_000], (byte)(bytes[5_000] ^ 4), .. bytes[5_001..]]);

        Assert.Contains("damaged", Assert.Throws<InvalidDataException>(() => Open(older)).Message);
        File.WriteAllBytes(path, bytes[..5_000]);
        Assert.Contains("cut off", Assert.Throws<InvalidDataException>(() => Open(older)).Message);
        File.Delete(path);
        Assert.Contains("missing", Assert.Throws<InvalidDataException>(() => Open(older)).Message);

        AssertHolds(Crash(newer), 1, 6_000, 300);
    }

    [Fact]
    public void A_missing_or_short_part_of_the_log_is_refused()
    {
        var store = Start();
        Fill(store, 1, 10_000, 300);
        var checkpoint = Complete(store);
        store.Dispose();
        string path = Path.Combine(Folder, "log-00000001");
        byte[] bytes = File.ReadAllBytes(path);

        File.WriteAllBytes(path, bytes[..^512]);
        Assert.Contains("cut off", Assert.Throws<InvalidDataException>(() => Open(checkpoint)).Message);
        File.Delete(path);
        Assert.Contains("missing", Assert.Throws<InvalidDataException>(() => Open(checkpoint)).Message);

        File.WriteAllBytes(path, bytes);
        AssertHolds(Crash(checkpoint), 1, 10_000, 300);
    }

    [Fact]
    public void Every_flipped_bit_of_a_record_is_found_when_it_is_read()
    {
        var store = Start();
        Fill(store, 1, 500, 300);
        var checkpoint = Complete(store);
        store.Dispose();
        string path = FileThatStartsWith("log-");
        byte[] bytes = File.ReadAllBytes(path);
        int at = bytes.AsSpan().IndexOf(Bytes(150, 300));
        Assert.True(at > 0);
        int noticed = 0;
        // From the key on: the header before it is FASTER's, a chain of addresses, and leads to another record or to none.
        for (int offset = at - 25; offset < at + 300; offset += offset < at + 8 ? 1 : 61)
        {
            for (int bit = 0; bit < 8; bit += IsLongLane ? 1 : 7)
            {
                byte[] damaged = [.. bytes];
                damaged[offset] ^= (byte)(1 << bit);
                File.WriteAllBytes(path, damaged);

                using var reopened = Open(checkpoint);
                using var reader = reopened.OpenReader();
                // With another key on it the record is not found, which whoever knows the revision takes for damage.
                Assert.Throws<InvalidDataException>(() => reader.ReadMany([new Revision(150)], (_, _) => { }));
                Assert.ThrowsAny<IOException>(() => ScanThatMayFail(reopened));
                noticed++;
            }
        }
        Assert.True(noticed > 60);
    }

    [Fact]
    public void Disk_space_comes_back_when_no_checkpoint_needs_it()
    {
        var store = Start();
        Fill(store, 1, 30_000, 300);
        var before = Complete(store);
        store.KeepOnly([before]);
        long used = LogFiles().Sum(file => file.Length);

        CompactAll(store, revision => revision.Main % 10 == 0);
        store.KeepOnly([before]);
        Assert.True(LogFiles().Sum(file => file.Length) >= used); // The checkpoint needs all of it.
        var after = Complete(store);
        store.KeepOnly([after]);

        Assert.InRange(LogFiles().Sum(file => file.Length), 1, used / 3);
        store = Crash(after);
        for (int main = 10; main <= 30_000; main += 10)
            Assert.Equal(Bytes(main, 300), Read(store, new Revision(main)));
    }

    [Fact]
    public void Space_does_not_grow_when_the_same_work_is_done_for_ever()
    {
        var store = Start();
        CheckpointId? last = null;
        for (int round = 0; round < 30; round++)
        {
            int first = round * 3_000 + 1;
            Fill(store, first, 3_000, 300);
            var checkpoint = Complete(store);
            CompactAll(store, revision => revision.Main >= first);
            store.KeepOnly(last is { } kept ? [kept, checkpoint] : [checkpoint]);
            last = checkpoint;
        }

        Assert.InRange(store.SizeBytes, 1, 3 << 20);
        Assert.InRange(LogFiles().Sum(file => file.Length), 1, 8 << 20);
        Assert.InRange(Directory.GetFiles(Folder).Length, 1, 16);
    }

    [Fact]
    public async Task Readers_find_every_value_beside_writes_checkpoints_and_compaction()
    {
        var store = Start();
        Fill(store, 1, 5_000, 300);
        long last = 5_000;
        bool isOver = false;
        long reads = 0;
        // Revisions that 8 divides live for ever.
        var readers = Enumerable.Range(1, 2).Select(seed => Task.Factory.StartNew(() =>
        {
            var random = new Random(seed);
            while (!Volatile.Read(ref isOver))
            {
                using var reader = store.OpenReader();
                for (int i = 0; i < 100; i++)
                {
                    int main = random.Next(1, (int)(Volatile.Read(ref last) / 8) + 1) * 8;
                    Assert.True(reader.TryRead(new Revision(main), out var value), $"revision {main} is missing");
                    Assert.True(value.SequenceEqual(Bytes(main, 300)));
                    Interlocked.Increment(ref reads);
                }
            }
        }, TaskCreationOptions.LongRunning)).ToArray();

        ICheckpointInProgress? checkpoint = null;
        var kept = new Queue<CheckpointId>();
        int end = IsLongLane ? 500_000 : 20_000;
        while (last < end && readers.All(reader => !reader.IsCompleted))
        {
            for (int i = 0; i < 200; i++)
            {
                store.Write(new Revision(last + 1), Bytes((int)last + 1, 300));
                Volatile.Write(ref last, last + 1);
            }
            store.Compact(100_000, (revision, _) => revision.Main % 8 == 0 || revision.Main > last - 5_000);
            if (checkpoint is null || !checkpoint.IsComplete)
            {
                store.Refresh();
                checkpoint ??= store.BeginCheckpoint();
                continue;
            }
            kept.Enqueue(checkpoint.Id);
            if (kept.Count > 2)
                kept.Dequeue();
            store.KeepOnly([.. kept]);
            checkpoint = null;
        }
        Volatile.Write(ref isOver, true);

        await Task.WhenAll(readers);
        Assert.True(reads > 1_000, $"only {reads} reads");
    }

    [Fact]
    public void A_full_disk_takes_the_reserve_then_refuses_and_goes_on_when_there_is_room()
    {
        Disk.Capacity = 4 << 20;
        var store = Start();
        Assert.False(store.IsReserveInUse);
        int written = 0;
        bool hadReserve = false;

        var failure = Assert.Throws<DiskFullException>(void () =>
        {
            while (true)
            {
                Fill(store, written + 1, 1, 300);
                written++;
                hadReserve |= store.IsReserveInUse;
            }
        });

        Assert.Contains("disk is full", failure.Message);
        Assert.True(hadReserve);
        Assert.InRange(written, 10_000, 20_000);
        AssertHolds(store, 1, written, 300); // Nothing is lost, and reads go on.
        Assert.Throws<DiskFullException>(() => Fill(store, written + 1, 1, 300));
        Assert.Throws<DiskFullException>(() => store.BeginCheckpoint());

        Disk.Capacity = 20 << 20;
        Fill(store, written + 1, 5_000, 300);
        var checkpoint = Complete(store);
        store.KeepOnly([checkpoint]);
        Assert.False(store.IsReserveInUse);
        AssertHolds(Crash(checkpoint), 1, written + 5_000, 300);
    }

    [Fact]
    public void The_reserve_is_set_aside_again_as_soon_as_there_is_room_without_a_checkpoint()
    {
        Disk.Capacity = 4 << 20;
        var store = Start();
        int written = 0;
        while (!store.IsReserveInUse)
            Fill(store, ++written, 1, 300);

        Assert.False(store.TryRestoreReserve());
        Assert.True(store.IsReserveInUse);

        Disk.Capacity = 20 << 20;
        Assert.True(store.TryRestoreReserve());
        Assert.False(store.IsReserveInUse);
        AssertHolds(store, 1, written, 300);
    }

    [Fact]
    public void What_could_not_be_written_is_written_once_there_is_room_even_if_nothing_else_happens()
    {
        using var store = FasterValueStore.Create(Disk, Folder, Small with { ReserveBytes = 0 });
        Complete(store);
        Disk.Capacity = 0;
        Fill(store, 1, 1_000, 300);
        store.BeginCheckpoint();
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                store.Refresh();
                return !store.TryRestoreReserve();
            },
            TimeSpan.FromMinutes(1)));

        Disk.Capacity = 20 << 20;

        Assert.True(SpinWait.SpinUntil(store.TryRestoreReserve, TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public void Compaction_makes_room_on_a_full_disk_out_of_the_reserve()
    {
        Disk.Capacity = 8 << 20;
        var store = Start();
        int written = 0;
        while (!store.IsReserveInUse)
            Fill(store, ++written, 1, 300);

        // What the member does on the alarm: it drops history, takes a checkpoint, and lets the old one go.
        CompactAll(store, revision => revision.Main % 20 == 0);
        store.KeepOnly([Complete(store)]);

        Assert.False(store.IsReserveInUse);
        Fill(store, 50_001, 3_000, 300);
        AssertHolds(store, 50_001, 3_000, 300);
    }

    [Fact]
    public void Compaction_does_not_fill_the_disk_up_by_what_it_moves()
    {
        Disk.Capacity = 8 << 20;
        var store = Start();
        int written = 0;
        while (!store.IsReserveInUse)
            Fill(store, ++written, 1, 300);

        var step = new CompactionStep();
        while (!step.HasNoRoom)
            step = store.Compact(1 << 16, (_, _) => true);

        // There is room left for what frees space, and for a checkpoint; and the step is taken up again where it ended.
        Fill(store, written + 1, 100, 300);
        store.KeepOnly([Complete(store)]);
        Assert.False(store.Compact(1 << 16, (revision, _) => revision.Main > written).HasNoRoom);
        AssertHolds(store, written + 1, 100, 300);
    }

    [Fact]
    public void A_checkpoint_that_meets_a_full_disk_ends_when_there_is_room()
    {
        using var store = FasterValueStore.Create(Disk, Folder, Small with { ReserveBytes = 0 });
        Complete(store); // It saves the index, and the next one the log alone.
        Disk.Capacity = 0;
        Fill(store, 1, 1_000, 300); // All of it stays in memory.
        var checkpoint = store.BeginCheckpoint();
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                store.Refresh();
                return store.IsReserveInUse;
            },
            TimeSpan.FromMinutes(1)));
        Assert.False(checkpoint.IsComplete);

        Disk.Capacity = 20 << 20;
        RunUntilComplete(store, checkpoint);

        AssertHolds(Crash(checkpoint.Id), 1, 1_000, 300);
    }

    [Fact]
    public void An_error_of_a_write_reaches_the_writer_and_is_over_when_the_disk_is_well_again()
    {
        var store = Start();
        Disk.Fails = (operation, name) => operation == "write" && name.StartsWith("log-", StringComparison.Ordinal);
        int written = 0;

        var failure = Assert.Throws<IOException>(void () =>
        {
            while (true)
                Fill(store, ++written, 1, 300);
        });

        Assert.Contains("Input/output error", failure.Message);
        Disk.Fails = (_, _) => false;
        Fill(store, written, 5_000, 300);
        AssertHolds(store, 1, written + 4_999, 300);
    }

    [Fact]
    public void An_error_of_a_read_reaches_the_reader_and_the_next_read_is_well()
    {
        var store = Start();
        Fill(store, 1, 20_000, 300);
        using var reader = store.OpenReader();
        Assert.True(reader.TryRead(new Revision(1), out _));
        Disk.Fails = (operation, name) => operation == "read" && name.StartsWith("log-", StringComparison.Ordinal);

        var failure = Assert.Throws<IOException>(() => reader.TryRead(new Revision(1), out _));

        Assert.Contains("Input/output error", failure.Message);
        Assert.Throws<IOException>(() => reader.ReadMany([new Revision(20_000), new Revision(2)], (_, _) => { }));
        Assert.Throws<IOException>(() => store.Scan((_, _) => { }));
        Assert.Throws<IOException>(() => store.Compact(1 << 20, (_, _) => true));
        Disk.Fails = (_, _) => false;
        Assert.True(reader.TryRead(new Revision(1), out var value));
        Assert.Equal(Bytes(1, 300), value.ToArray());
        store.Compact(1 << 20, (_, _) => true);
        AssertHolds(store, 1, 20_000, 300);
    }

    [Fact]
    public void An_error_while_a_checkpoint_is_opened_is_told()
    {
        var store = Start();
        Fill(store, 1, 20_000, 300);
        var checkpoint = Complete(store);
        store.Dispose();
        Disk.Fails = (operation, name) => operation == "read" && name.StartsWith("log-", StringComparison.Ordinal);

        Assert.Throws<IOException>(() => Open(checkpoint));

        Disk.Fails = (_, _) => false;
        AssertHolds(Crash(checkpoint), 1, 20_000, 300);
    }

    [Fact]
    public void After_a_failed_sync_nothing_is_written_any_more()
    {
        var store = Start();
        Fill(store, 1, 1_000, 300);
        Disk.Fails = (operation, name) => operation == "sync" && name.StartsWith("log-", StringComparison.Ordinal);
        Assert.Throws<IOException>(() => RunUntilComplete(store, store.BeginCheckpoint()));

        Disk.Fails = (_, _) => false;

        Assert.Contains("must stop", Assert.Throws<IOException>(() => store.BeginCheckpoint()).Message);
        Assert.Contains("must stop", Assert.Throws<IOException>(() => Fill(store, 1_001, 1, 300)).Message);
    }

    [Fact]
    public void An_index_that_cannot_be_written_fails_the_checkpoint_and_the_next_one_saves_it_again()
    {
        var store = Start();
        Fill(store, 1, 1_000, 300);
        Disk.Fails = (operation, name) => operation == "write" && name.StartsWith("index-", StringComparison.Ordinal);
        Assert.Throws<IOException>(() => RunUntilComplete(store, store.BeginCheckpoint()));

        Disk.Fails = (_, _) => false;
        var checkpoint = Complete(store);
        store.KeepOnly([checkpoint]);

        Assert.Single(Directory.GetFiles(Folder, "index-*"));
        AssertHolds(Crash(checkpoint), 1, 1_000, 300);
    }

    [Fact]
    public async Task A_store_that_is_closed_while_its_index_is_saved_waits_for_the_write_that_reads_its_memory()
    {
        var store = Start();
        Fill(store, 1, 1_000, 300);
        using ManualResetEventSlim isWriting = new(), mayGoOn = new();
        bool isWritten = false;
        Disk.Fails = (operation, name) =>
        {
            if (operation != "write" || !name.StartsWith("index-", StringComparison.Ordinal))
                return false;
            isWriting.Set();
            mayGoOn.Wait();
            return !(isWritten = true);
        };
        store.BeginCheckpoint();
        while (!isWriting.IsSet)
            store.Refresh();

        var closing = Task.Run(store.Dispose);
        // It cannot be over before the write is; a store that does not wait has some time here to show it.
        await Task.WhenAny(closing, Task.Run(() => SpinWait.SpinUntil(() => closing.IsCompleted, TimeSpan.FromMilliseconds(100))));
        Assert.False(closing.IsCompleted);

        mayGoOn.Set();
        await closing;
        Assert.True(isWritten);
    }

    [Fact]
    public void The_index_is_saved_once_and_then_only_after_many_values()
    {
        var store = Start();
        for (int round = 0; round < 10; round++)
        {
            Fill(store, round * 1_000 + 1, 1_000, 100);
            Complete(store);
        }

        // At 1,000 because it is the first, and then whenever 2,500 have been written since.
        Assert.Equal(4, Directory.GetFiles(Folder, "index-*").Length);
    }

    [Fact]
    public void A_store_may_be_opened_with_more_or_less_memory()
    {
        var store = Start();
        Fill(store, 1, 10_000, 300);
        var checkpoint = Complete(store);
        store.Dispose();

        using (var larger = FasterValueStore.Open(Disk, Folder, new ValueStoreOptions { ReserveBytes = 0 }, checkpoint))
        {
            Fill(larger, 10_001, 10_000, 300);
            checkpoint = Complete(larger);
        }
        using var smaller = FasterValueStore.Open(Disk, Folder, Small with { MemoryBytes = 1 << 18 }, checkpoint);

        AssertHolds(smaller, 1, 20_000, 300);
    }

    [Fact]
    public void A_value_larger_than_memory_is_kept_in_pieces()
    {
        var store = Start();
        byte[] value = Bytes(1, 5_000_000);

        store.Write(new Revision(1), value);
        Fill(store, 2, 100, 300);

        Assert.Equal(value, Read(store, new Revision(1)));
        store = Crash(Complete(store));
        Assert.Equal(value, Read(store, new Revision(1)));
        CompactAll(store, revision => revision.Main == 1);
        Assert.Equal(value, Read(store, new Revision(1)));
    }

    private static void ScanThatMayFail(IValueStore store)
    {
        try
        {
            int seen = 0;
            store.Scan((_, _) => seen++);
            Assert.True(seen < 500); // The damaged record took others with it, and then the count tells.
            throw new EndOfStreamException();
        }
        catch (InvalidDataException failure)
        {
            throw new IOException(failure.Message, failure);
        }
    }

    private protected override IValueStore Create() => FasterValueStore.Create(Disk, Folder, Small);

    private protected override IValueStore Open(CheckpointId checkpoint) =>
        FasterValueStore.Open(Disk, Folder, Small, checkpoint);

    private FileInfo[] LogFiles() => new DirectoryInfo(Folder).GetFiles("log-*");

    private string FileThatStartsWith(string prefix) => Directory.GetFiles(Folder, prefix + "*").Single();
}
