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
        ReserveBytes = 1 << 20,
        ValuesBetweenIndexCheckpoints = 2_500,
    };

    private protected override IValueStore Create() => FasterValueStore.Create(Disk, Folder, Small);

    private protected override IValueStore Open(CheckpointId checkpoint) => FasterValueStore.Open(Disk, Folder, Small, checkpoint);
}
