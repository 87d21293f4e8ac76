using KvStore.Storage.Disks;

namespace KvStore.Storage.Wal;

/// <summary>
/// The end of a log that was opened: the last batch of its last segment, and what a write that was cut short left behind.
/// </summary>
/// <param name="BatchOffset">Where the last batch starts; without one, where the first will.</param>
/// <param name="Batch">Its header; of a torn batch one that makes its whole records a batch. Null without one.</param>
/// <param name="DirtyEnd">Behind here the segment is zeros; 0 when it is zeros right behind the batch.</param>
internal sealed record LogTail(long BatchOffset, BatchHeader? Batch, long DirtyEnd)
{
    private const int ZeroBytes = 64 << 10;

    /// <summary>Where the next batch goes.</summary>
    public long Position => BatchOffset + WalFormat.Padded(Batch?.Length ?? 0);

    /// <summary>
    /// Makes what was read durable and cuts off what was not whole. A crash on the way leaves the same tail again.
    /// </summary>
    /// <remarks>
    /// What was read need not be on the disk: the process may have died before its sync, or its sync may have failed, after
    /// which the cache takes the bytes for clean. Only writing the last batch again and syncing makes sure; those before it were
    /// synced.
    /// </remarks>
    public void MakeDurable(Segment segment)
    {
        if (Batch is null && DirtyEnd == 0)
            return;
        // First what follows, under the old header, which promises more and so remains the proof of the tear; then the header.
        CutOff(segment.File);
        byte[] bytes = new byte[(int)Math.Min(Batch?.Length ?? WalFormat.SectorBytes, segment.File.Length - BatchOffset)];
        if (Batch is { } batch)
        {
            segment.File.Read(BatchOffset, bytes);
            WalFormat.WriteBatchHeader(bytes, batch, segment.HeadChecksum);
        }
        segment.File.Write(BatchOffset, bytes);
        segment.File.Sync();
    }

    private void CutOff(IFile file)
    {
        long start = BatchOffset + (Batch?.Length ?? WalFormat.SectorBytes);
        long end = Math.Min(DirtyEnd, file.Length);
        if (start >= end)
            return;
        byte[] zeros = new byte[(int)Math.Min(end - start, ZeroBytes)];
        for (long offset = start; offset < end; offset += zeros.Length)
            file.Write(offset, zeros.AsSpan(0, (int)Math.Min(zeros.Length, end - offset)));
        file.Sync();
    }
}
