using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace KvStore.Storage.Values.Faster;

internal enum RecordKind : byte
{
    /// <summary>The bytes of a value.</summary>
    Whole = 1,

    /// <summary>The number of bytes of a value whose pieces stand before it in the log.</summary>
    Head = 2,

    /// <summary>A part of a long value.</summary>
    Piece = 3,
}

/// <summary>What we store as a value in FASTER's log, so that damage is found when a record is read back.</summary>
/// <remarks>
/// <code>
/// 0          4      5
/// | crc32c   | kind | bytes ... |        crc over main, sub and piece (8 + 8 bytes), kind and bytes
/// </code>
/// A record must fit on a page of the log, so a longer value is written as pieces 1, 2, ... and then its head, without another
/// record between them: a prefix of the log that has the head has the pieces.
/// </remarks>
internal static class StoredRecord
{
    public const int HeaderBytes = 5;

    /// <summary>FASTER's own part of a record: its header word, the key, the length of the value.</summary>
    public const int FasterHeaderBytes = 8 + RevisionKey.SizeBytes + sizeof(int);

    public static int SizeInLog(int length) => (FasterHeaderBytes + HeaderBytes + length + 7) & ~7;

    public static void WriteHeader(Span<byte> record, RevisionKey key, RecordKind kind)
    {
        record[4] = (byte)kind;
        BinaryPrimitives.WriteUInt32LittleEndian(record, Checksum(key, record[4..]));
    }

    public static bool TryParse(ReadOnlySpan<byte> record, RevisionKey key, out RecordKind kind, out ReadOnlySpan<byte> bytes)
    {
        kind = default;
        bytes = default;
        if (record.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(record) != Checksum(key, record[4..]))
            return false;
        kind = (RecordKind)record[4];
        bytes = record[HeaderBytes..];
        return kind switch
        {
            RecordKind.Whole => key.Piece == 0,
            RecordKind.Head => key.Piece == 0 && bytes.Length == sizeof(int),
            RecordKind.Piece => key.Piece > 0,
            _ => false,
        };
    }

    private static uint Checksum(RevisionKey key, ReadOnlySpan<byte> kindAndBytes)
    {
        uint crc = Crc32C.Of(MemoryMarshal.AsBytes(new ReadOnlySpan<RevisionKey>(in key)));
        return Crc32C.Append(crc, kindAndBytes);
    }
}
