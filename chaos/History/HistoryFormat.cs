using System.Buffers.Binary;
using System.Numerics;

namespace KvStore.Chaos.History;

/// <summary>How records lie in a history's file.</summary>
/// <remarks>
/// <code>
/// "KVCHAOS1"
/// block:  compressed length u32 | records u32 | CRC32C of the compressed bytes u32 | deflate( record: length varint,
/// HistoryRecord )
/// block:  ...
/// </code>
/// Numbers are little-endian. A block is whole in itself: what a killed run leaves is whole blocks and part of one.
/// </remarks>
internal static class HistoryFormat
{
    public const int HeaderBytes = 12;

    /// <summary>No block comes near: a length beyond it is not one.</summary>
    public const int BlockBytesLimit = 256 << 20;

    public static ReadOnlySpan<byte> Magic => "KVCHAOS1"u8;

    public static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte rest in bytes)
            crc = BitOperations.Crc32C(crc, rest);
        return ~crc;
    }
}
