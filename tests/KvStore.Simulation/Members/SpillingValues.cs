using KvStore.Storage.Disks;
using KvStore.Storage.Values;

namespace KvStore.Simulation.Members;

/// <summary>Values that find no room while the disk is full, as those do that spill.</summary>
internal sealed class SpillingValues(IValueStore values, IDisk disk, string directory) : IValueStore
{
    /// <summary>A checkpoint takes so many times more calls: there must be time for something to happen meanwhile.</summary>
    private const int CheckpointSlowness = 4;

    /// <summary>And so it is where space is given back: all of a small store would be looked at in one step.</summary>
    private const long CompactionBytes = 500;

    private readonly CompactionRule _rule = new(values);
    private int _refreshes;

    public bool IsReserveInUse => values.IsReserveInUse;

    public long SizeBytes => values.SizeBytes;

    public bool TryRestoreReserve() => values.TryRestoreReserve();

    public void Write(Revision revision, ReadOnlySpan<byte> value)
    {
        if (disk.FreeBytes(directory) < value.Length)
            throw new DiskFullException($"simulated disk is full: the value of {revision} cannot be spilled");
        values.Write(revision, value);
    }

    public IValueReader OpenReader() => values.OpenReader();

    public ICheckpointInProgress BeginCheckpoint() => values.BeginCheckpoint();

    public void Refresh()
    {
        if (++_refreshes % CheckpointSlowness == 0)
            values.Refresh();
    }

    public void KeepOnly(IReadOnlyCollection<CheckpointId> checkpoints) => values.KeepOnly(checkpoints);

    public CompactionStep Compact(long budgetBytes, ValuePredicate isLive) => _rule.Compact(Math.Min(budgetBytes, CompactionBytes), isLive);

    public void Scan(ValueVisitor visitor) => values.Scan(visitor);

    public ICheckpointReader ReadCheckpoint(CheckpointId checkpoint, long position = 0) => values.ReadCheckpoint(checkpoint, position);

    public void Dispose() => values.Dispose();
}
