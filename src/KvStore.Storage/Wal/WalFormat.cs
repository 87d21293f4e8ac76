using System.Buffers.Binary;
using System.Numerics;
using KvStore.Raft;

namespace KvStore.Storage.Wal;

/// <summary>The bytes of the write-ahead log. All numbers are little-endian, all checksums CRC-32C.</summary>
/// <remarks>
/// <code>
/// wal/0000000000000001.wal   segments, named by their sequence in hexadecimal; a run without gaps
/// wal/next.tmp               a segment made ahead, all zeros, or any leftover: its bytes mean nothing
///
/// segment   | head, padded to 4 KiB | batch, padded to 4 KiB | batch, padded | ... | zeros, filled ahead |
///
/// head, see SegmentHead: whose log, where in it, and the hard state and marks as of here, so that earlier segments can go
///
/// batch: what one write and one sync carried; only the last one in the log can be torn
///   0  4  magic (26 of its bits are set)
///   4  4  length of header and records, without padding
///   8  8  sequence, from 1, over all segments
///  16  4  how many of its 512-byte sectors hold a byte other than zero
///  20  4  chain: the checksum of the last record before it, over all segments
///  24  4  zero
///  28  4  checksum of bytes 0 to 28, seeded with the checksum of the segment's head
///  32     records
///
/// record
///   0  4  checksum of all that follows, seeded with the checksum of the record before: a chain from the first one on
///   4  4  length of the body
///   8  1  type
///   9     body
///           1 entry       term 8, index 8, type 1, data
///           2 hard state  term 8, vote 8, commit 8
///           3 mark        see MarkCodec: a checkpoint of what this log holds
///           4 restart     as a mark: the log begins anew behind it, what came before is void
/// </code>
/// <para>Why torn and damaged can be told apart: a segment is zeros and synced before it is used, and a sector is written whole
/// or not at all. A batch that was cut short by a power loss therefore lacks sectors: fewer of them are non-zero than its header
/// promises, or its header is zero itself. If all its sectors are there and a checksum fails, or if anything was written behind
/// it, then it was synced and is damaged.</para>
/// </remarks>
internal static class WalFormat
{
    public const int PageBytes = 4096;
    public const int SectorBytes = 512;
    public const int BatchHeaderBytes = 32;
    public const int RecordHeaderBytes = 9;
    public const int EntryFieldsBytes = 17;
    public const int HardStateBytes = 24;

    /// <summary>The most a record may hold. Far above every limit on requests; it keeps lengths within an int.</summary>
    public const int RecordLimitBytes = 512 << 20;

    public const string SegmentSuffix = ".wal";
    public const string SpareName = "next.tmp";

    private const uint BatchMagic = 0xF7DBBEEF;

    // No header has so few bits set, its magic alone has 26: these are flips in what was never written.
    private const int StrayBitsLimit = 8;

    public static int Padded(int length) => (length + PageBytes - 1) & -PageBytes;

    public static long Padded(long length) => (length + PageBytes - 1) & -PageBytes;

    public static string SegmentName(ulong sequence) => $"{sequence:x16}{SegmentSuffix}";

    public static void WriteBatchHeader(Span<byte> target, in BatchHeader header, uint headChecksum)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, BatchMagic);
        BinaryPrimitives.WriteInt32LittleEndian(target[4..], header.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], header.Sequence);
        BinaryPrimitives.WriteInt32LittleEndian(target[16..], header.SectorCount);
        BinaryPrimitives.WriteUInt32LittleEndian(target[20..], header.Chain);
        BinaryPrimitives.WriteUInt32LittleEndian(target[24..], 0);
        BinaryPrimitives.WriteUInt32LittleEndian(target[28..], Crc32C.Append(headChecksum, target[..28]));
    }

    /// <returns>False when this is no header of a batch in the segment with that head.</returns>
    public static bool TryReadBatchHeader(ReadOnlySpan<byte> source, uint headChecksum, out BatchHeader header)
    {
        header = default;
        if (source.Length < BatchHeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(source) != BatchMagic)
            return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(source[28..]) != Crc32C.Append(headChecksum, source[..28]))
            return false;
        header = new BatchHeader(
            BinaryPrimitives.ReadInt32LittleEndian(source[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[20..]));
        return header.Length >= BatchHeaderBytes;
    }

    /// <summary>Writes the frame around a body that is already in its place behind it.</summary>
    /// <returns>The record's checksum, the seed of the next one.</returns>
    public static uint FinishRecord(Span<byte> record, RecordType type, uint chain)
    {
        BinaryPrimitives.WriteInt32LittleEndian(record[4..], record.Length - RecordHeaderBytes);
        record[8] = (byte)type;
        uint checksum = Crc32C.Append(chain, record[4..]);
        BinaryPrimitives.WriteUInt32LittleEndian(record, checksum);
        return checksum;
    }

    /// <summary>
    /// Reads the record at <paramref name="offset"/> and moves behind it; both stay when it is not whole or fails its check.
    /// </summary>
    public static bool TryReadRecord(
        ReadOnlySpan<byte> bytes, ref int offset, ref uint chain, out RecordType type, out ReadOnlySpan<byte> body)
    {
        type = default;
        body = default;
        if (bytes.Length - offset < RecordHeaderBytes)
            return false;
        int length = BinaryPrimitives.ReadInt32LittleEndian(bytes[(offset + 4)..]);
        if (length < 0 || length > bytes.Length - offset - RecordHeaderBytes)
            return false;
        var record = bytes.Slice(offset, RecordHeaderBytes + length);
        uint checksum = Crc32C.Append(chain, record[4..]);
        if (checksum != BinaryPrimitives.ReadUInt32LittleEndian(record))
            return false;
        type = (RecordType)record[8];
        body = record[RecordHeaderBytes..];
        offset += record.Length;
        chain = checksum;
        return true;
    }

    public static void WriteEntryFields(Span<byte> target, in Entry entry)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(target, entry.Term);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], entry.Index);
        target[16] = (byte)entry.Type;
    }

    public static EntryId ReadEntryId(ReadOnlySpan<byte> source) =>
        new(BinaryPrimitives.ReadUInt64LittleEndian(source), BinaryPrimitives.ReadUInt64LittleEndian(source[8..]));

    public static void WriteEntryId(Span<byte> target, EntryId id)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(target, id.Term);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], id.Index);
    }

    public static void WriteHardState(Span<byte> target, HardState state)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(target, state.Term);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], state.Vote.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], state.Commit);
    }

    public static HardState ReadHardState(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(source),
        new NodeId(BinaryPrimitives.ReadUInt64LittleEndian(source[8..])),
        BinaryPrimitives.ReadUInt64LittleEndian(source[16..]));

    /// <summary>How many sectors of a batch hold a byte other than zero. What stands behind the batch does not count.</summary>
    public static int CountSectors(ReadOnlySpan<byte> batch)
    {
        int count = 0;
        for (int start = 0; start < batch.Length; start += SectorBytes)
            if (batch.Slice(start, Math.Min(SectorBytes, batch.Length - start)).ContainsAnyExcept((byte)0))
                count++;
        return count;
    }

    /// <summary>
    /// Whether the first sector of a page was never written (but for a few flipped bits), so that no batch starts here.
    /// </summary>
    public static bool IsUnwritten(ReadOnlySpan<byte> sector)
    {
        int first = sector.IndexOfAnyExcept((byte)0);
        if (first < 0)
            return true;
        int bits = 0;
        foreach (byte value in sector[first..])
            bits += BitOperations.PopCount(value);
        return bits <= StrayBitsLimit;
    }
}

internal enum RecordType : byte
{
    Entry = 1,
    HardState = 2,
    Mark = 3,
    Restart = 4,
}

/// <param name="Length">Of header and records, without padding.</param>
/// <param name="SectorCount">Of sectors that hold a byte other than zero.</param>
internal readonly record struct BatchHeader(int Length, ulong Sequence, int SectorCount, uint Chain);
