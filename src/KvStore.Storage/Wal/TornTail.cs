using KvStore.Storage.Disks;

namespace KvStore.Storage.Wal;

/// <summary>What a write left behind the last whole record when it was cut short, and how it is taken away.</summary>
/// <param name="BatchOffset">Where the torn batch starts.</param>
/// <param name="WholeBatch">The header that makes a whole batch of the records before the tear; null when there are none.</param>
/// <param name="DirtyEnd">Behind here the segment is zeros.</param>
internal sealed record TornTail(long BatchOffset, BatchHeader? WholeBatch, long DirtyEnd)
{
    private const int ZeroBytes = 64 << 10;

    /// <summary>Where the next batch goes.</summary>
    public long Position => BatchOffset + WalFormat.Padded(WholeBatch?.Length ?? 0);

    /// <summary>Cuts it off, durably. A crash on the way leaves what is recognized as the same torn tail again.</summary>
    public void Cut(Segment segment)
    {
        // First what follows the records, under the old header, which promises more and so remains the proof; then the header.
        long end = BatchOffset + (WholeBatch?.Length ?? WalFormat.SectorBytes);
        ZeroFill(segment.File, end, Math.Min(DirtyEnd, segment.File.Length));
        segment.File.Sync();
        Span<byte> header = stackalloc byte[WholeBatch is null ? WalFormat.SectorBytes : WalFormat.BatchHeaderBytes];
        header.Clear();
        if (WholeBatch is { } batch)
            WalFormat.WriteBatchHeader(header, batch, segment.HeadChecksum);
        segment.File.Write(BatchOffset, header[..(int)Math.Min(header.Length, segment.File.Length - BatchOffset)]);
        segment.File.Sync();
    }

    private static void ZeroFill(IFile file, long start, long end)
    {
        byte[] zeros = new byte[(int)Math.Clamp(end - start, 0, ZeroBytes)];
        for (long offset = start; offset < end; offset += zeros.Length)
            file.Write(offset, zeros.AsSpan(0, (int)Math.Min(zeros.Length, end - offset)));
    }
}
