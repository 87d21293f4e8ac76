using KvStore.Storage.Disks;
using KvStore.Storage.Values;

namespace KvStore.Simulation.Members;

/// <summary>Values that find no room while the disk is full, as those do that spill.</summary>
internal sealed class SpillingValues(IValueStore values, IDisk disk, string directory) : IValueStore
{
    public long SizeBytes => values.SizeBytes;

    public bool IsReserveInUse => values.IsReserveInUse;

    public void Write(Revision revision, ReadOnlySpan<byte> value)
    {
        if (disk.FreeBytes(directory) < value.Length)
            throw new DiskFullException($"simulated disk is full: the value of {revision} cannot be spilled");
        values.Write(revision, value);
    }

    public IValueReader OpenReader() => values.OpenReader();

    public ICheckpointInProgress BeginCheckpoint() => values.BeginCheckpoint();

    public void Refresh() => values.Refresh();

    public void KeepOnly(IReadOnlyCollection<CheckpointId> checkpoints) => values.KeepOnly(checkpoints);

    public CompactionStep Compact(long budgetBytes, ValuePredicate isLive) => values.Compact(budgetBytes, isLive);

    public void Scan(ValueVisitor visitor) => values.Scan(visitor);

    public void Dispose() => values.Dispose();
}
