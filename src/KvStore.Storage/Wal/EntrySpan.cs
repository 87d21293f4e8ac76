namespace KvStore.Storage.Wal;

/// <summary>A run of entries of one term that lie behind each other in one batch.</summary>
/// <param name="Segment">Null while the batch waits to be written; <paramref name="Offset"/> then counts from its start.</param>
/// <param name="Length">From the first record to the end of the last one; records of other types may stand between.</param>
/// <param name="Chain">The checksum of the record before the first one.</param>
internal readonly record struct EntrySpan(
    ulong First, ulong Last, ulong Term, Segment? Segment, long Offset, int Length, uint Chain);
