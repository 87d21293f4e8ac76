using KvStore.Storage.Disks;

namespace KvStore.Storage.Values;

/// <summary>The stored changes by revision: immutable values, written by the apply loop alone, read by anyone.</summary>
/// <remarks>
/// Never the source of truth: after a crash it holds what its last verified checkpoint held (and perhaps some later values), and
/// the log brings the rest. Writing a revision again with the same bytes is therefore normal during replay.
/// </remarks>
public interface IValueStore : IDisposable
{
    /// <summary>Stores a value. Apply loop only.</summary>
    /// <exception cref="DiskFullException">Memory had to spill and the disk is full.</exception>
    void Write(Revision revision, ReadOnlySpan<byte> value);

    /// <summary>A reader for one thread at a time; dispose it to hand it back.</summary>
    IValueReader OpenReader();

    /// <summary>Starts a checkpoint that holds every value written so far. Apply loop only; one at a time.</summary>
    /// <remarks>
    /// The apply loop must go on to call <see cref="Refresh"/> (or <see cref="Write"/>) until it is complete. Values are durable
    /// once it is; <see cref="CheckpointId"/> then opens the store again with at least these values.
    /// </remarks>
    ICheckpointInProgress BeginCheckpoint();

    /// <summary>Lets background work that needs the writer go on. Apply loop only; cheap.</summary>
    void Refresh();

    /// <summary>Forgets checkpoints other than these, and the files that only they needed. Any thread, one at a time.</summary>
    void KeepOnly(IReadOnlyCollection<CheckpointId> checkpoints);

    /// <summary>
    /// One small step of giving space back: examines up to <paramref name="budgetBytes"/> from the old end of the log, moves what
    /// <paramref name="isLive"/> says is still needed, and drops the rest. Apply loop only.
    /// </summary>
    /// <remarks>
    /// A whole pass has examined as much as <see cref="SizeBytes"/> was when it began; what it moved comes behind that.
    /// </remarks>
    CompactionStep Compact(long budgetBytes, ValuePredicate isLive);

    /// <summary>
    /// Calls <paramref name="visitor"/> with every stored value, in no promised order. Used to rebuild the key index.
    /// </summary>
    /// <remarks>A value may come more than once. Apply loop only: nothing may be written meanwhile.</remarks>
    /// <exception cref="InvalidDataException">A value fails its check.</exception>
    void Scan(ValueVisitor visitor);

    /// <summary>Reads what a checkpoint holds, from its files alone and in the order of writing, while the store goes on.</summary>
    /// <remarks>
    /// Any thread; it takes no lock and stays usable after the store is closed. The caller sees to it that
    /// <see cref="KeepOnly"/> keeps the checkpoint meanwhile; compaction does not touch what it reads.
    /// </remarks>
    /// <param name="position">0, or where another reader of this checkpoint stood.</param>
    /// <exception cref="InvalidDataException">There is no such checkpoint or position, or it is damaged.</exception>
    ICheckpointReader ReadCheckpoint(CheckpointId checkpoint, long position = 0);

    /// <summary>
    /// Bytes occupied by values, dead ones that compaction has not dropped yet and those only in memory included.
    /// </summary>
    long SizeBytes { get; }

    /// <summary>Readers that are lent out, where that is counted. Any thread may ask.</summary>
    int OpenReaders => 0;

    /// <summary>Whether the disk is full and the store lives on space that it had set aside. Any thread may ask.</summary>
    /// <remarks>
    /// Raise the alarm then and refuse new writes; <see cref="Write"/> fails once the space and memory are used up.
    /// </remarks>
    bool IsReserveInUse { get; }

    /// <summary>Sets the space aside again if the disk has room for it, and then tries again what could not be written.</summary>
    /// <remarks>Not beside <see cref="KeepOnly"/>.</remarks>
    /// <returns>Whether it is set aside: false while the disk is full.</returns>
    bool TryRestoreReserve() => !IsReserveInUse;
}

/// <param name="ExaminedBytes">How far the step came; 0 when nothing is left that could be examined now.</param>
/// <param name="FreedBytes">Of these, what was not live; the files go when no kept checkpoint needs them (KeepOnly).</param>
/// <param name="HasNoRoom">
/// The step ended early: what it would have moved next could fill the disk up. Take checkpoints and let go of the old ones, then
/// there is room for as much as was moved.
/// </param>
public readonly record struct CompactionStep(long ExaminedBytes, long FreedBytes, bool HasNoRoom = false);

public delegate bool ValuePredicate(Revision revision, ReadOnlySpan<byte> value);

public delegate void ValueVisitor(Revision revision, ReadOnlySpan<byte> value);

/// <summary>Names a checkpoint of a value store on its disk.</summary>
public readonly record struct CheckpointId(Guid Value);

/// <summary>A checkpoint on its way to the disk.</summary>
public interface ICheckpointInProgress
{
    CheckpointId Id { get; }

    /// <summary>Whether everything is on disk, synced and verified against its checksums. Any thread may ask.</summary>
    /// <exception cref="IOException">The checkpoint failed; the store goes on, the log must be kept.</exception>
    bool IsComplete { get; }
}

/// <summary>Reads values by revision; not thread-safe.</summary>
public interface IValueReader : IDisposable
{
    /// <param name="value">Valid until the next call on this reader.</param>
    bool TryRead(Revision revision, out ReadOnlySpan<byte> value);

    /// <summary>
    /// Reads many at once, overlapping the disk's work; calls back in the order of <paramref name="revisions"/>.
    /// </summary>
    /// <exception cref="InvalidDataException">A value is missing or fails its check.</exception>
    void ReadMany(ReadOnlySpan<Revision> revisions, ValueVisitor visitor);
}

/// <summary>Reads the values of a checkpoint one after the other; not thread-safe.</summary>
public interface ICheckpointReader : IDisposable
{
    /// <summary>Of the value read last. A revision may come more than once: the last one counts.</summary>
    Revision Revision { get; }

    /// <summary>Behind the value read last; another reader of the same checkpoint can go on from here.</summary>
    long Position { get; }

    /// <summary>About what all values of the checkpoint take, dead ones included.</summary>
    long SizeBytes { get; }

    /// <param name="value">Valid until the next call.</param>
    /// <exception cref="InvalidDataException">A value fails its check.</exception>
    bool TryNext(out ReadOnlySpan<byte> value);
}
