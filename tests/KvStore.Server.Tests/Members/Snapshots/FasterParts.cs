using KvStore.Mvcc.Index;
using KvStore.Server.Members;
using KvStore.Storage.Disks;
using KvStore.Storage.Values;

namespace KvStore.Server.Tests.Members.Snapshots;

/// <summary>What members are stored in in production, with so little memory that it spills.</summary>
internal sealed class FasterParts : IMemberParts
{
    private static readonly ValueStoreOptions Small = new()
    {
        MemoryBytes = 1 << 18,
        PageBytes = 1 << 13,
        SegmentBytes = 1 << 16,
        IndexBuckets = 1 << 8,
        ReserveBytes = 0,
        ValuesBetweenIndexCheckpoints = 500,
    };

    public IValueStore CreateValues(IDisk disk, string directory) => FasterValueStore.Create(disk, directory, Small);

    public IValueStore OpenValues(IDisk disk, string directory, CheckpointId checkpoint) => FasterValueStore.Open(disk, directory, Small, checkpoint);

    public IKeyIndex CreateIndex() => new NativeKeyIndex();

    public void DoAll(params ReadOnlySpan<Action> work)
    {
        foreach (var part in work)
            part();
    }
}
