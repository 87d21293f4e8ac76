using System.Numerics;

namespace KvStore.Storage.Values;

/// <summary>
/// How much a value store takes and when it does its work. Sizes are powers of two, rounded down if they are not.
/// </summary>
public sealed record ValueStoreOptions
{
    /// <summary>
    /// Memory for the newest values; older ones are read from the disk (from its cache, as long as the system has it).
    /// </summary>
    public long MemoryBytes { get; init; } = 64L << 20;

    /// <summary>What is written to the disk at once. Smaller when memory is less than 16 pages.</summary>
    public int PageBytes { get; init; } = 1 << 20;

    /// <summary>Size of a log file; disk space is given back in these steps. Not more than memory.</summary>
    public long SegmentBytes { get; init; } = 64L << 20;

    /// <summary>
    /// Buckets of 64 bytes of the hash index, 7 values each before they overflow. Fixed when the store is created: growing it
    /// later would stall the writer for its whole length.
    /// </summary>
    public int IndexBuckets { get; init; } = 1 << 17;

    /// <summary>
    /// Disk space held back in a file of zeros, given up when the disk is full, so that the store can go on until its owner has
    /// refused new writes and made room. Zero for none; by default enough for one checkpoint: the half of memory that may not be
    /// written yet, and the index.
    /// </summary>
    public long? ReserveBytes { get; init; }

    /// <summary>
    /// After so many values at the latest a checkpoint saves the index again; recovery replays every value since the last saved
    /// index. A small index is saved sooner: see <see cref="ValuesUntilIndexIsDue"/>.
    /// </summary>
    public long ValuesBetweenIndexCheckpoints { get; init; } = 500_000;

    /// <summary>What the first read of a value from the disk asks for; a longer value takes a second read.</summary>
    public int InitialReadBytes { get; init; } = 308;

    /// <summary>Saving the index again costs at most 64 bytes for each value that was written since.</summary>
    internal long ValuesUntilIndexIsDue(long indexBytes) => Math.Min(ValuesBetweenIndexCheckpoints, Math.Max(50_000, indexBytes / 64));

    internal long ReserveBytesOrDefault => ReserveBytes ?? (1L << MemoryBits - 1) + 2 * IndexBytes;

    /// <summary>What a checkpoint that saves the index writes for it, values in overflow buckets left out.</summary>
    internal long IndexBytes => 64L * IndexBucketsRounded;

    internal int MemoryBits => Math.Clamp(BitOperations.Log2((ulong)Math.Max(1, MemoryBytes)), 16, 40);

    internal int PageBits => Math.Clamp(BitOperations.Log2((uint)Math.Max(1, PageBytes)), 12, Math.Min(28, MemoryBits - 4));

    internal int SegmentBits =>
        Math.Max(PageBits, Math.Min(BitOperations.Log2((ulong)Math.Max(1, SegmentBytes)), Math.Min(MemoryBits, 30)));

    internal int IndexBucketsRounded => 1 << Math.Clamp(BitOperations.Log2((uint)Math.Max(1, IndexBuckets)), 6, 30);
}
