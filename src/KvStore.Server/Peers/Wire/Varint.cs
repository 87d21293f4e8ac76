namespace KvStore.Server.Peers.Wire;

/// <summary>Numbers in groups of seven bits, lowest first, the highest bit of each byte but the last set.</summary>
internal static class Varint
{
    public const int MaxBytes = 10;

    /// <returns>The bytes written.</returns>
    public static int Write(Span<byte> target, ulong value)
    {
        int length = 0;
        while (value >= 0x80)
        {
            target[length++] = (byte)(value | 0x80);
            value >>= 7;
        }
        target[length++] = (byte)value;
        return length;
    }

    /// <returns>The bytes read; 0 if they are no number of 64 bits.</returns>
    public static int TryRead(ReadOnlySpan<byte> source, out ulong value)
    {
        value = 0;
        int most = Math.Min(source.Length, MaxBytes);
        for (int i = 0; i < most; i++)
        {
            byte part = source[i];
            value |= (ulong)(part & 0x7f) << (7 * i);
            if (part < 0x80)
                return i == MaxBytes - 1 && part > 1 ? 0 : i + 1;
        }
        return 0;
    }
}
