using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Index;
using KvStore.Raft;
using KvStore.Storage.Disks;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Store;

/// <summary>The key space: where each key's changes are (index), what they are (values), and which of them may be seen.</summary>
/// <remarks>
/// The apply loop is the only writer. Readers on any thread take <see cref="CurrentRevision"/> and then read at it: a command's
/// changes stand at a revision that is published when all of them are in place, so they are seen all or not at all.
/// A reader must look at <see cref="CompactRevision"/> again after it has read: nothing at or after it was removed meanwhile.
/// </remarks>
public sealed class MvccStore
{
    /// <summary>An empty store's revision; the first write is at 2.</summary>
    public const long FirstRevision = 1;

    /// <summary>The <see cref="CompactRevision"/> of a store that was never compacted.</summary>
    public const long NeverCompacted = -1;

    /// <summary>Most changes that one revision may hold: they are numbered, and held together until they are visible.</summary>
    public const int ChangesPerRevisionLimit = int.MaxValue;

    private readonly Func<DiskFullException, bool>? _waitForSpace;
    private readonly ValueReclaim _reclaim;
    private long _currentRevision;
    private long _compactRevision;
    private long _indexCompactedRevision;
    private long _indexCompactTarget = NeverCompacted;

    /// <param name="waitForSpace">Asked when a value cannot be stored because the disk is full: returns true when it should be
    /// tried again, after waiting for space. Without it, or when it returns false, the fault goes to the apply loop's owner,
    /// which must stop: a command is half applied then.</param>
    public MvccStore(
        IKeyIndex index,
        IValueStore values,
        long currentRevision = FirstRevision,
        long compactRevision = NeverCompacted,
        Func<DiskFullException, bool>? waitForSpace = null)
    {
        Invariant.Holds(currentRevision >= FirstRevision);
        Invariant.Holds(compactRevision >= NeverCompacted && compactRevision <= currentRevision);
        Index = index;
        Values = values;
        _currentRevision = currentRevision;
        _compactRevision = compactRevision;
        // The index may have been saved, or rebuilt, in the middle of its cleaning: that starts again.
        _indexCompactedRevision = NeverCompacted;
        _waitForSpace = waitForSpace;
        _reclaim = new ValueReclaim(this);
    }

    public IKeyIndex Index { get; }

    public IValueStore Values { get; }

    /// <summary>The published revision: everything up to it can be read. Any thread.</summary>
    public long CurrentRevision => Volatile.Read(ref _currentRevision);

    /// <summary>Reads below it are refused; -1 when never compacted. Any thread.</summary>
    public long CompactRevision => Volatile.Read(ref _compactRevision);

    /// <summary>The compaction that has left the index as well: what a physical compaction waits for. Any thread.</summary>
    public long IndexCompactedRevision => Volatile.Read(ref _indexCompactedRevision);

    public bool IsIndexCompactionPending => IndexCompactedRevision < CompactRevision;

    internal void Publish(long revision)
    {
        Invariant.Holds(revision == _currentRevision + 1);
        Volatile.Write(ref _currentRevision, revision);
    }

    /// <summary>Makes everything before the revision unreadable; space is freed later, in steps.</summary>
    /// <exception cref="EtcdException">Compacted already, or not yet reached.</exception>
    internal void Compact(long revision)
    {
        if (revision <= _compactRevision)
            throw new EtcdException(EtcdError.Compacted);
        if (revision > _currentRevision)
            throw new EtcdException(EtcdError.FutureRevision);
        Volatile.Write(ref _compactRevision, revision);
    }

    /// <summary>Cleans the index of what compaction made unreadable, about <paramref name="keyBudget"/> keys at a time.
    /// Apply loop only.</summary>
    /// <returns>Whether nothing is left to do.</returns>
    public bool CompactStep(int keyBudget)
    {
        // A pass that has begun is finished before a later compaction starts its own.
        if (_indexCompactTarget == NeverCompacted)
        {
            if (!IsIndexCompactionPending)
                return true;
            _indexCompactTarget = _compactRevision;
        }
        if (!Index.Compact(_indexCompactTarget, keyBudget))
            return false;
        Volatile.Write(ref _indexCompactedRevision, _indexCompactTarget);
        _indexCompactTarget = NeverCompacted;
        return !IsIndexCompactionPending;
    }

    /// <summary>Values whose space was given back since this store was opened. Any thread.</summary>
    public long ReclaimedValues => _reclaim.DroppedCount;

    /// <summary>Gives the space of compacted values back, in small steps. Apply loop only.</summary>
    public CompactionStep ReclaimStep(long budgetBytes) => _reclaim.Step(budgetBytes);

    /// <summary>Stores a value; on a full disk waits for space as long as the owner says so.</summary>
    internal void WriteValue(Revision revision, ReadOnlySpan<byte> value)
    {
        while (true)
        {
            try
            {
                Values.Write(revision, value);
                return;
            }
            catch (DiskFullException full)
            {
                // Not asked in an exception filter: that would swallow what ends the waiting.
                if (_waitForSpace?.Invoke(full) != true)
                    throw;
                // Space was made: the same write is tried again, so the command is never left half applied.
            }
        }
    }
}
