using System.Buffers.Binary;
using KvStore.Raft;

namespace KvStore.Storage.Wal;

/// <summary>What stands at the start of a segment: all that replay needs when this is the first one left.</summary>
/// <remarks>
/// <code>
///   0  8  magic "KVSTOWAL"
///   8  4  version of the format
///  12  4  length of the head, marks and last checksum included, without padding
///  16  8  sequence of the segment, from 1
///  24  8  cluster id
///  32  8  member id
///  40 16  the last entry before this segment: term, index
///  56  8  sequence of the first batch in this segment
///  64  4  chain: the checksum of the last record before this segment
///  68 24  hard state
///  92  4  count of marks
///  96  4  checksum of bytes 0 to 96: a damaged length must not look like a file that was cut short
/// 100     marks, each length 4 and bytes (MarkCodec)
///      4  checksum of all the head before it
/// </code>
/// </remarks>
internal sealed record SegmentHead(
    ulong Sequence, WalIdentity Identity, EntryId LastEntry, ulong FirstBatch, uint Chain, HardState State,
    IReadOnlyList<CheckpointMark> Marks)
{
    public const int FixedBytes = 100;

    private const uint Version = 1;

    private static ReadOnlySpan<byte> Magic => "KVSTOWAL"u8;

    /// <param name="checksum">Seeds the checksums of the batches' headers in this segment.</param>
    public byte[] Encode(out uint checksum)
    {
        int length = FixedBytes + 4;
        foreach (var mark in Marks)
            length += 4 + MarkCodec.SizeOf(mark);
        byte[] bytes = new byte[WalFormat.Padded(length)];
        EncodeFixed(bytes, length);
        int offset = FixedBytes;
        foreach (var mark in Marks)
        {
            int size = MarkCodec.SizeOf(mark);
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(offset), size);
            MarkCodec.Write(bytes.AsSpan(offset + 4, size), mark);
            offset += 4 + size;
        }
        checksum = Crc32C.Append(0, bytes.AsSpan(0, offset));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(offset), checksum);
        return bytes;
    }

    /// <summary>The length of the head in a file whose first bytes these are; null when they end before that is known.</summary>
    /// <exception cref="WalException">They are no head that this version can read.</exception>
    public static int? LengthOf(ReadOnlySpan<byte> bytes, string path)
    {
        if (bytes.Length < FixedBytes)
            return null;
        if (!bytes.StartsWith(Magic))
            throw new WalException($"'{path}' is no segment of a write-ahead log (offset 0: wrong magic number)");
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (version != Version)
            throw new WalException($"'{path}' has format version {version}, this build reads version {Version}: "
                + "it was written by a newer build, or is damaged; use the build that wrote it");
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[96..]) != Crc32C.Append(0, bytes[..96]))
            throw new WalException($"'{path}' is damaged at offset 0: the checksum of the segment's head is wrong");
        return BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]);
    }

    /// <param name="bytes">The whole head, of the length that <see cref="LengthOf"/> says.</param>
    /// <param name="checksum">Seeds the checksums of the batches' headers in this segment.</param>
    public static SegmentHead Decode(ReadOnlySpan<byte> bytes, string path, out uint checksum)
    {
        checksum = BinaryPrimitives.ReadUInt32LittleEndian(bytes[^4..]);
        if (checksum != Crc32C.Append(0, bytes[..^4]))
            throw new WalException($"'{path}' is damaged at offset {FixedBytes}: the checksum of the segment's head is wrong");
        return new SegmentHead(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            new WalIdentity(
                BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..])),
            WalFormat.ReadEntryId(bytes[40..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[56..]),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[64..]),
            WalFormat.ReadHardState(bytes[68..]),
            DecodeMarks(bytes[FixedBytes..^4], BinaryPrimitives.ReadInt32LittleEndian(bytes[92..]), path));
    }

    private void EncodeFixed(Span<byte> bytes, int length)
    {
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[12..], length);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], Sequence);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[24..], Identity.ClusterId);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[32..], Identity.MemberId);
        WalFormat.WriteEntryId(bytes[40..], LastEntry);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[56..], FirstBatch);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[64..], Chain);
        WalFormat.WriteHardState(bytes[68..], State);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[92..], Marks.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[96..], Crc32C.Append(0, bytes[..96]));
    }

    private static CheckpointMark[] DecodeMarks(ReadOnlySpan<byte> bytes, int count, string path)
    {
        var marks = new CheckpointMark[count];
        for (int i = 0; i < count; i++)
        {
            int size = BinaryPrimitives.ReadInt32LittleEndian(bytes);
            marks[i] = MarkCodec.TryRead(bytes.Slice(4, size))
                ?? throw new WalException($"'{path}' has a mark in its head that this build cannot read");
            bytes = bytes[(4 + size)..];
        }
        return marks;
    }
}
