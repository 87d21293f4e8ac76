using KvStore.Mvcc.Index;
using KvStore.Server.Members;
using KvStore.Storage.Disks;
using KvStore.Storage.Values;

namespace KvStore.Server.Hosting;

/// <summary>FASTER for the values, native memory for the keys.</summary>
internal sealed class ProductionParts(long valueMemoryBytes) : IMemberParts
{
    private readonly ValueStoreOptions _options = new() { MemoryBytes = valueMemoryBytes };

    public IValueStore CreateValues(IDisk disk, string directory) => FasterValueStore.Create(disk, directory, _options);

    public IValueStore OpenValues(IDisk disk, string directory, CheckpointId checkpoint) =>
        FasterValueStore.Open(disk, directory, _options, checkpoint);

    public IKeyIndex CreateIndex() => new NativeKeyIndex();
}
