using KvStore.Storage.Values;

namespace KvStore.Storage.Tests.Values;

/// <summary>What every value store must do; run over each of them.</summary>
public abstract partial class ValueStoreConformance : IDisposable
{
    private readonly FaultyDisk _disk = new();
    private IValueStore? _store;

    private protected FaultyDisk Disk => _disk;

    private protected string Folder => Path.Combine(_disk.Root, "values");

    public static TheoryData<int> Sizes => [0, 1, 300, 5_000, 100_000];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, IsLongLane ? 100 : 2)];

    private protected static bool IsLongLane => Environment.GetEnvironmentVariable("KVSTORE_TEST_LANE") == "long";

    public void Dispose()
    {
        _store?.Dispose();
        _disk.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected abstract IValueStore Create();

    private protected abstract IValueStore Open(CheckpointId checkpoint);

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_value_of_any_size_is_read_as_it_was_written(int size)
    {
        var store = Start();

        for (int main = 1; main <= 20; main++)
            store.Write(new Revision(main), Bytes(main, size));

        using var reader = store.OpenReader();
        for (int main = 1; main <= 20; main++)
        {
            Assert.True(reader.TryRead(new Revision(main), out var value));
            Assert.Equal(Bytes(main, size), value.ToArray());
        }
    }

    [Fact]
    public void Revisions_of_one_transaction_are_kept_apart()
    {
        var store = Start();

        store.Write(new Revision(7, 0), [1]);
        store.Write(new Revision(7, 1), [2]);
        store.Write(new Revision(8, 0), [3]);

        Assert.Equal([1], Read(store, new Revision(7, 0)));
        Assert.Equal([2], Read(store, new Revision(7, 1)));
        Assert.Equal([3], Read(store, new Revision(8, 0)));
    }

    [Fact]
    public void A_revision_that_was_not_written_is_not_found()
    {
        var store = Start();
        store.Write(new Revision(2), [1]);

        Assert.Null(Read(store, new Revision(3)));
        Assert.Null(Read(store, new Revision(2, 1)));
    }

    [Fact]
    public void Writing_the_same_again_changes_nothing()
    {
        var store = Start();
        store.Write(new Revision(2), [1, 2, 3]);

        store.Write(new Revision(2), [1, 2, 3]);

        Assert.Equal([1, 2, 3], Read(store, new Revision(2)));
    }

    [Fact]
    public void Many_are_read_in_the_order_in_which_they_are_asked_for()
    {
        var store = Start();
        Fill(store, 1, 5_000, 300);
        Revision[] asked = [.. Shuffled(5_000, seed: 1).Take(500).Select(main => new Revision(main))];
        var seen = new List<Revision>();

        using var reader = store.OpenReader();
        reader.ReadMany(asked, (revision, value) =>
        {
            Assert.Equal(Bytes((int)revision.Main, 300), value.ToArray());
            seen.Add(revision);
        });

        Assert.Equal(asked, seen);
    }

    [Fact]
    public void A_missing_one_among_many_is_an_error()
    {
        var store = Start();
        Fill(store, 1, 10, 10);

        using var reader = store.OpenReader();
        var failure = Assert.Throws<InvalidDataException>(
            () => reader.ReadMany([new Revision(5), new Revision(11)], (_, _) => { }));

        Assert.Contains("11/0", failure.Message);
    }

    [Fact]
    public void A_reader_that_was_handed_back_reads_no_more()
    {
        var store = Start();
        var reader = store.OpenReader();
        reader.Dispose();

        Assert.Throws<ObjectDisposedException>(() => reader.TryRead(new Revision(1), out _));
    }

    [Fact]
    public void A_checkpoint_holds_all_that_was_written_before_it_began()
    {
        var store = Start();
        Fill(store, 1, 3_000, 300);
        var checkpoint = store.BeginCheckpoint();
        int next = 3_001;
        while (!checkpoint.IsComplete)
        {
            Fill(store, next, 10, 300); // The writer does not stop for it.
            next += 10;
            store.Refresh();
        }

        var reopened = Crash(checkpoint.Id);

        AssertHolds(reopened, 1, 3_000, 300);
    }

    [Fact]
    public void A_crash_goes_back_to_the_checkpoint_and_the_rest_can_be_written_again()
    {
        var store = Start();
        Fill(store, 1, 1_000, 300);
        var checkpoint = Complete(store);
        Fill(store, 1_001, 4_000, 300);

        var reopened = Crash(checkpoint);
        Fill(reopened, 1_001, 4_000, 300);

        AssertHolds(reopened, 1, 5_000, 300);
        AssertHolds(Crash(Complete(reopened)), 1, 5_000, 300);
    }

    [Fact]
    public void The_older_of_two_checkpoints_can_still_be_opened()
    {
        var store = Start();
        Fill(store, 1, 1_000, 300);
        var older = Complete(store);
        Fill(store, 1_001, 1_000, 300);
        var newer = Complete(store);
        store.KeepOnly([older, newer]);

        var reopened = Crash(older);
        AssertHolds(reopened, 1, 1_000, 300);
        Fill(reopened, 1_001, 500, 100);

        // What the newer one knew of the log is now written anew, so it must be gone.
        Assert.Throws<InvalidDataException>(() => Crash(newer));
    }

    [Fact]
    public void A_checkpoint_that_is_not_kept_is_gone()
    {
        var store = Start();
        Fill(store, 1, 100, 300);
        var older = Complete(store);
        Fill(store, 101, 100, 300);
        var newer = Complete(store);

        store.KeepOnly([newer]);

        Assert.Throws<InvalidDataException>(() => Crash(older));
        AssertHolds(Crash(newer), 1, 200, 300);
    }

    [Fact]
    public void A_checkpoint_after_none_is_kept_stands_by_itself()
    {
        var store = Start();
        Fill(store, 1, 1_000, 300);
        Complete(store);
        store.KeepOnly([]);
        Fill(store, 1_001, 1_000, 300);

        var reopened = Crash(Complete(store));

        AssertHolds(reopened, 1, 2_000, 300);
    }

    [Fact]
    public void A_scan_meets_every_value()
    {
        var store = Start();
        Fill(store, 1, 5_000, 300);
        store.Write(new Revision(5_001), Bytes(5_001, 100_000));
        var seen = new HashSet<Revision>();

        store.Scan((revision, value) =>
        {
            Assert.Equal(Bytes((int)revision.Main, revision.Main > 5_000 ? 100_000 : 300), value.ToArray());
            seen.Add(revision);
        });

        Assert.Equal(5_001, seen.Count);
    }

    [Fact]
    public void Compaction_drops_what_is_dead_and_keeps_what_is_live()
    {
        var store = Start();
        Fill(store, 1, 20_000, 300);
        store.Write(new Revision(20_001), Bytes(20_001, 100_000));
        Fill(store, 20_002, 10_000, 300);
        Complete(store); // So that FASTER has written all of it.
        long before = store.SizeBytes;

        long freed = CompactAll(store, revision => revision.Main % 4 == 1);

        Assert.InRange(store.SizeBytes, 1, before / 2);
        Assert.InRange(freed, before / 2, before);
        using var reader = store.OpenReader();
        for (int main = 1; main <= 30_001; main += 4)
        {
            Assert.True(reader.TryRead(new Revision(main), out var value));
            Assert.Equal(Bytes(main, main == 20_001 ? 100_000 : 300), value.ToArray());
        }
    }

    [Fact]
    public void A_compacted_store_is_opened_as_it_was()
    {
        var store = Start();
        Fill(store, 1, 20_000, 300);
        var before = Complete(store);
        CompactAll(store, revision => revision.Main % 10 == 0);
        var after = Complete(store);
        store.KeepOnly([before, after]);

        // With the older one kept its values are there still, dead ones too; with the newer one alone they need not be.
        AssertHolds(Crash(before), 1, 20_000, 300);
        store = Crash(before);
        CompactAll(store, revision => revision.Main % 10 == 0);
        after = Complete(store);
        store.KeepOnly([after]);
        store = Crash(after);
        for (int main = 10; main <= 20_000; main += 10)
            Assert.Equal(Bytes(main, 300), Read(store, new Revision(main)));
    }

    [Fact]
    public void A_store_without_its_checkpoint_is_refused()
    {
        var store = Start();
        Fill(store, 1, 10, 10);
        Complete(store);

        var failure = Assert.Throws<InvalidDataException>(() => Crash(new CheckpointId(Guid.NewGuid())));

        Assert.Contains("no such checkpoint", failure.Message);
    }

    [Fact]
    public void A_directory_with_something_else_in_it_is_refused()
    {
        Directory.CreateDirectory(Folder);
        File.WriteAllText(Path.Combine(Folder, "letter.txt"), "dear");

        var failure = Assert.Throws<InvalidDataException>(() => Create());

        Assert.Contains("letter.txt", failure.Message);
        Assert.True(File.Exists(Path.Combine(Folder, "letter.txt")));
    }

    [Fact]
    public void A_new_store_deletes_what_an_old_one_left()
    {
        var store = Start();
        Fill(store, 1, 5_000, 300);
        var checkpoint = Complete(store);

        var fresh = Create();

        Assert.Null(Read(fresh, new Revision(1)));
        Assert.Throws<InvalidDataException>(() => Open(checkpoint));
        fresh.Dispose();
    }

    [Fact]
    public void A_checkpoint_that_cannot_be_synced_fails_and_says_why()
    {
        var store = Start();
        Fill(store, 1, 1_000, 300);
        _disk.Fails = (operation, _) => operation == "sync";

        var checkpoint = store.BeginCheckpoint();
        var failure = Assert.Throws<IOException>(() => RunUntilComplete(store, checkpoint));

        Assert.Contains("Input/output error", failure.Message);
    }

    [Fact]
    public void After_a_checkpoint_that_could_not_be_named_the_next_one_succeeds()
    {
        var store = Start();
        Fill(store, 1, 1_000, 300);
        _disk.Fails = (operation, name) => operation is "open" or "rename" && !name.StartsWith("log-", StringComparison.Ordinal);
        Assert.Throws<IOException>(() => RunUntilComplete(store, store.BeginCheckpoint()));
        _disk.Fails = (_, _) => false;
        Fill(store, 1_001, 1_000, 300);

        var checkpoint = Complete(store);
        store.KeepOnly([checkpoint]);

        AssertHolds(Crash(checkpoint), 1, 2_000, 300);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Random_work_with_crashes_equals_a_dictionary(int seed)
    {
        var random = new Random(seed);
        var store = Start();
        var written = new SortedDictionary<long, int>();
        var live = new HashSet<long>();
        var kept = new List<(CheckpointId Id, long Last)>();
        long last = 0;
        for (int step = 0; step < 200; step++)
        {
            switch (random.Next(10))
            {
                case < 6:
                    for (int i = random.Next(1, 200); i > 0; i--)
                    {
                        // As after a crash the log brings the same values again, the size depends on the revision alone.
                        int size = SizeOf(++last, seed);
                        written[last] = size;
                        live.Add(last);
                        store.Write(new Revision(last), Bytes((int)last, size));
                    }
                    break;
                case 6:
                    var checkpoint = store.BeginCheckpoint();
                    long covered = last;
                    RunUntilComplete(store, checkpoint);
                    kept.Add((checkpoint.Id, covered));
                    if (kept.Count > 2)
                        kept.RemoveAt(0);
                    store.KeepOnly([.. kept.Select(one => one.Id)]);
                    break;
                case 7:
                    // Nothing comes alive again, in a crash neither: what is dead was said to be by an entry of the log.
                    live.RemoveWhere(main => main % 7 == step % 7);
                    store.Compact(1 << 20, (revision, _) => live.Contains(revision.Main));
                    break;
                case 8 when kept.Count > 0:
                    var from = kept[random.Next(kept.Count)];
                    kept.RemoveAll(one => one.Last > from.Last || (one.Last == from.Last && one.Id != from.Id));
                    store = Crash(from.Id);
                    for (long main = from.Last + 1; main <= last; main++)
                        store.Write(new Revision(main), Bytes((int)main, written[main]));
                    break;
                default:
                    store.Refresh();
                    foreach (long main in live.Order().Where(_ => random.Next(20) == 0).ToList())
                        Assert.Equal(Bytes((int)main, written[main]), Read(store, new Revision(main)));
                    break;
            }
        }
        foreach (long main in live)
            Assert.Equal(Bytes((int)main, written[main]), Read(store, new Revision(main)));
    }

    private protected static byte[] Bytes(int main, int size)
    {
        // Different for each revision, and cheap: tests write millions.
        byte[] bytes = new byte[size];
        uint seed = (uint)main * 2654435761;
        for (int i = 0; i < size; i++)
            bytes[i] = (byte)(seed >> i % 24);
        return bytes;
    }

    private protected static byte[]? Read(IValueStore store, Revision revision)
    {
        using var reader = store.OpenReader();
        return reader.TryRead(revision, out var value) ? value.ToArray() : null;
    }

    private protected static void Fill(IValueStore store, int from, int count, int size)
    {
        for (int main = from; main < from + count; main++)
            store.Write(new Revision(main), Bytes(main, size));
    }

    private protected static void AssertHolds(IValueStore store, int from, int count, int size)
    {
        using var reader = store.OpenReader();
        for (int main = from; main < from + count; main++)
        {
            Assert.True(reader.TryRead(new Revision(main), out var value), $"revision {main} is missing");
            Assert.True(value.SequenceEqual(Bytes(main, size)), $"revision {main} differs");
        }
    }

    private protected static CheckpointId Complete(IValueStore store)
    {
        var checkpoint = store.BeginCheckpoint();
        RunUntilComplete(store, checkpoint);
        return checkpoint.Id;
    }

    private protected static void RunUntilComplete(IValueStore store, ICheckpointInProgress checkpoint)
    {
        var deadline = DateTime.UtcNow.AddSeconds(60);
        while (!checkpoint.IsComplete)
        {
            Assert.True(DateTime.UtcNow < deadline, "the checkpoint does not end");
            store.Refresh();
            Thread.Yield();
        }
    }

    private protected static long CompactAll(IValueStore store, Func<Revision, bool> isLive)
    {
        long size = store.SizeBytes;
        long freed = 0;
        for (long examined = 0; examined < size;)
        {
            var step = store.Compact(1 << 20, (revision, _) => isLive(revision));
            if (step.ExaminedBytes == 0 && !step.HasNoRoom)
                break;
            if (step.HasNoRoom)
                store.KeepOnly([Complete(store)]); // As the member does.
            examined += step.ExaminedBytes;
            freed += step.FreedBytes;
        }
        return freed;
    }

    private protected IValueStore Start() => _store = Create();

    /// <summary>Leaves the store as a killed process would and opens it anew.</summary>
    private protected IValueStore Crash(CheckpointId checkpoint)
    {
        // A killed process writes no more: pages that wait to be written would come over those of the one after it.
        _store?.Dispose();
        return _store = Open(checkpoint);
    }

    private static IEnumerable<int> Shuffled(int count, int seed)
    {
        int[] mains = [.. Enumerable.Range(1, count)];
        new Random(seed).Shuffle(mains);
        return mains;
    }

    private static int SizeOf(long main, int seed)
    {
        int roll = (int)((main * 2654435761 + seed) % 100 + 100) % 100;
        return roll == 0 ? 50_000 : roll * 10;
    }
}
