using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace KvStore.Mvcc.Index;

/// <summary>The first 8 bytes of a key as a number that orders as they do: most comparisons end there.</summary>
/// <remarks>A shorter key counts as if zeros followed, so that equal heads decide nothing.</remarks>
internal static unsafe class KeyHead
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Of(ReadOnlySpan<byte> key)
    {
        if (key.Length >= sizeof(ulong))
            return BinaryPrimitives.ReadUInt64BigEndian(key);
        ulong head = 0;
        for (int i = 0; i < key.Length; i++)
            head |= (ulong)key[i] << (56 - 8 * i);
        return head;
    }

    /// <summary>Reads 8 bytes in any case, and throws away what does not belong to the key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Of(byte* key, int length)
    {
        ulong head = BinaryPrimitives.ReadUInt64BigEndian(new ReadOnlySpan<byte>(key, sizeof(ulong)));
        return length >= sizeof(ulong) ? head : head & ~(ulong.MaxValue >> (8 * length));
    }
}
