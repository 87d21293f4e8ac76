using KvStore.Storage.Disks.Simulated;
using KvStore.Storage.Values;

namespace KvStore.Storage.Tests.Values;

/// <summary>What a checkpoint that was called complete is worth when the power goes, at any operation of the disk.</summary>
public sealed class ValueStorePowerLossTests
{
    private const string Folder = "/data/values";

    private static readonly ValueStoreOptions Small = new()
    {
        MemoryBytes = 1 << 16,
        PageBytes = 1 << 12,
        SegmentBytes = 1 << 16,
        IndexBuckets = 64,
        ReserveBytes = 0,
        ValuesBetweenIndexCheckpoints = 700,
    };

    private const int WritesBesideACheckpoint = 400;

    private static bool IsLongLane => Environment.GetEnvironmentVariable("KVSTORE_TEST_LANE") == "long";

    private delegate IValueStore Opener(SimulatedDisk disk, CheckpointId? checkpoint);

    [Fact]
    public void Faster_holds_what_a_complete_checkpoint_held_after_power_is_lost_anywhere() =>
        LosePowerEverywhere(IsLongLane ? 400 : 80, (disk, checkpoint) => checkpoint is { } id
            ? FasterValueStore.Open(disk, Folder, Small, id)
            : FasterValueStore.Create(disk, Folder, Small));

    [Fact]
    public void Memory_holds_what_a_complete_checkpoint_held_after_power_is_lost_anywhere() =>
        LosePowerEverywhere(IsLongLane ? 60 : 10, (disk, checkpoint) => checkpoint is { } id
            ? MemoryValueStore.Open(disk, Folder, id)
            : MemoryValueStore.Create(disk, Folder));

    // The store runs on undisturbed; copies of its disk, taken before an operation, lose their power and are opened.
    private static void LosePowerEverywhere(int leastCases, Opener open)
    {
        var disk = new SimulatedDisk();
        var seen = new Lock();
        (CheckpointId Id, int Last)? complete = null;
        var cases = new List<(SimulatedDisk Disk, CheckpointId Id, int Last)>();
        disk.Faults = operation =>
        {
            lock (seen)
            {
                // Every operation in the long lane, every third else (a prime, so that all kinds come up).
                if (complete is { } one && operation.Kind != DiskOperationKind.Read && (IsLongLane || operation.Number % 3 == 0))
                    cases.Add((disk.Copy(), one.Id, one.Last));
            }
            return DiskFault.None;
        };
        using (var store = open(disk, null))
            Work(store, done => { lock (seen) complete = done; });
        disk.Faults = null;

        Assert.True(cases.Count >= leastCases, $"only {cases.Count} cases");
        ulong seed = 0;
        foreach (var (copy, id, last) in cases)
        {
            copy.PowerLoss(new SeededRandom(++seed));
            using var reopened = open(copy, id);
            AssertHolds(reopened, last, seed);
            if (seed % 20 != 0)
                continue;
            // And what is opened can go on: write, save, lose power again.
            for (int main = last + 1; main <= last + 100; main++)
                reopened.Write(new Revision(main), Bytes(main));
            var again = reopened.BeginCheckpoint();
            while (!again.IsComplete)
                reopened.Refresh();
            var third = copy.Copy();
            third.PowerLoss(new SeededRandom(seed));
            using var once = open(third, again.Id);
            AssertHolds(once, last + 100, seed);
        }
    }

    private static void Work(IValueStore store, Action<(CheckpointId Id, int Last)> completed)
    {
        int last = 0;
        CheckpointId? before = null;
        for (int round = 0; round < 12; round++)
        {
            for (int i = 0; i < 150; i++)
                store.Write(new Revision(++last), Bytes(last));
            var checkpoint = store.BeginCheckpoint();
            int covered = last;
            while (!checkpoint.IsComplete)
            {
                // Not for as long as it takes: each case is a copy of a disk with all that was written.
                if (last < covered + WritesBesideACheckpoint)
                    store.Write(new Revision(++last), Bytes(last));
                store.Refresh();
            }
            completed((checkpoint.Id, covered));
            // Every value of a multiple of three stays; the others go when they are older than 300 revisions.
            store.Compact(1 << 14, (revision, _) => revision.Main % 3 == 0 || revision.Main > covered - 300);
            store.KeepOnly(before is { } kept ? [kept, checkpoint.Id] : [checkpoint.Id]);
            before = checkpoint.Id;
        }
    }

    private static void AssertHolds(IValueStore store, int last, ulong seed)
    {
        using var reader = store.OpenReader();
        for (int main = 1; main <= last; main++)
        {
            if (main % 3 != 0 && main <= last - 300)
                continue;
            Assert.True(reader.TryRead(new Revision(main), out var value), $"revision {main} is missing, seed {seed}");
            Assert.True(value.SequenceEqual(Bytes(main)), $"revision {main} differs, seed {seed}");
        }
    }

    private static byte[] Bytes(int main)
    {
        byte[] bytes = new byte[main % 50 == 0 ? 3_000 : 100];
        bytes.AsSpan().Fill((byte)main);
        BitConverter.TryWriteBytes(bytes, main);
        return bytes;
    }
}
