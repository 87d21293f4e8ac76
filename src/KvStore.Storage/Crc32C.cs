using System.Buffers.Binary;
using System.Numerics;

namespace KvStore.Storage;

/// <summary>CRC-32C (Castagnoli), with the customary inversions, so that zeros do not check as zero.</summary>
public static class Crc32C
{
    public static uint Of(ReadOnlySpan<byte> bytes) => Append(0, bytes);

    /// <returns>The checksum of what <paramref name="crc"/> is the checksum of, followed by <paramref name="bytes"/>.</returns>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        uint state = ~crc;
        while (bytes.Length >= sizeof(ulong))
        {
            state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }
        foreach (byte value in bytes)
            state = BitOperations.Crc32C(state, value);
        return ~state;
    }
}
