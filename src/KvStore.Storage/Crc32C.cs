using System.Buffers.Binary;
using System.Numerics;

namespace KvStore.Storage;

/// <summary>CRC-32C (Castagnoli) over pieces: start with <see cref="Start"/>, add, then <see cref="Finish"/>.</summary>
public static class Crc32C
{
    public const uint Start = uint.MaxValue;

    public static uint Add(uint crc, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }
        foreach (byte value in bytes)
            crc = BitOperations.Crc32C(crc, value);
        return crc;
    }

    public static uint Add(uint crc, ulong value) => BitOperations.Crc32C(crc, value);

    public static uint Add(uint crc, byte value) => BitOperations.Crc32C(crc, value);

    public static uint Finish(uint crc) => ~crc;

    public static uint Of(ReadOnlySpan<byte> bytes) => Finish(Add(Start, bytes));
}
