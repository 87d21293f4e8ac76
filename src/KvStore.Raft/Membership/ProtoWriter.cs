namespace KvStore.Raft;

/// <summary>Writes the two protobuf wire types that membership changes need; zeros are left out.</summary>
internal sealed class ProtoWriter
{
    private readonly List<byte> _bytes = [];

    public void Varint(int field, ulong value)
    {
        if (value == 0)
            return;
        Raw((ulong)field << 3);
        Raw(value);
    }

    public void Bytes(int field, ReadOnlySpan<byte> value, bool keepEmpty = false)
    {
        if (value.IsEmpty && !keepEmpty)
            return;
        Raw(((ulong)field << 3) | 2);
        Raw((ulong)value.Length);
        foreach (byte b in value)
            _bytes.Add(b);
    }

    public byte[] ToArray() => [.. _bytes];

    private void Raw(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            _bytes.Add((byte)(value | 0x80));
        _bytes.Add((byte)value);
    }
}
