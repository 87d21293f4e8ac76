using System.Numerics;

namespace KvStore.Server.Services;

/// <summary>Writes protobuf fields into a span of exactly the right size: for answers that are spliced from stored bytes.</summary>
internal ref struct WireWriter(Span<byte> destination)
{
    private readonly Span<byte> _destination = destination;
    private int _position;

    public static int VarintSize(ulong value) => value < 0x80 ? 1 : (70 - BitOperations.LeadingZeroCount(value)) / 7;

    /// <summary>Size of a varint field of a number below 16; nothing for its default.</summary>
    public static int Size(ulong value) => value == 0 ? 0 : 1 + VarintSize(value);

    /// <summary>Size of a length-delimited field of a number below 16, empty or not.</summary>
    public static int BytesSize(int length) => 1 + VarintSize((ulong)length) + length;

    public void Varint(int field, ulong value)
    {
        if (value == 0)
            return;
        Raw((ulong)field << 3);
        Raw(value);
    }

    public void Bytes(int field, ReadOnlySpan<byte> bytes)
    {
        Begin(field, bytes.Length);
        bytes.CopyTo(_destination[_position..]);
        _position += bytes.Length;
    }

    /// <summary>Starts a message of this size; its fields follow.</summary>
    public void Begin(int field, int size)
    {
        Raw((ulong)field << 3 | 2);
        Raw((ulong)size);
    }

    private void Raw(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            _destination[_position++] = (byte)(value | 0x80);
        _destination[_position++] = (byte)value;
    }
}
