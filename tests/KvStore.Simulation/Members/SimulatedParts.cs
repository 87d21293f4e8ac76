using KvStore.Mvcc.Index;
using KvStore.Server.Members;
using KvStore.Storage.Disks;
using KvStore.Storage.Values;

namespace KvStore.Simulation.Members;

/// <summary>Values in memory that recover to a checkpoint, and one of the two key indexes.</summary>
internal sealed class SimulatedParts(bool isNativeIndex, ulong life = 0) : IMemberParts
{
    private readonly List<IKeyIndex> _indexes = [];

    public IValueStore CreateValues(IDisk disk, string directory) =>
        new SpillingValues(MemoryValueStore.Create(disk, directory, life), disk, directory);

    public IValueStore OpenValues(IDisk disk, string directory, CheckpointId checkpoint) =>
        new SpillingValues(MemoryValueStore.Open(disk, directory, checkpoint, life), disk, directory);

    public IKeyIndex CreateIndex()
    {
        IKeyIndex index = isNativeIndex ? new NativeKeyIndex() : new SortedKeyIndex();
        _indexes.Add(index);
        return index;
    }

    public void DoAll(params ReadOnlySpan<Action> work)
    {
        foreach (var piece in work)
            piece();
    }

    /// <summary>The process is gone, its native memory must go too.</summary>
    public void Free()
    {
        foreach (var index in _indexes)
            index.Dispose();
    }
}
