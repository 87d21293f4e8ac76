using System.Text;

namespace Orchestrator.Api;

/// <summary>One protobuf message in the making. Fields are written in the order of the calls.</summary>
internal sealed class ProtobufBuilder
{
    private const int VarintType = 0;
    private const int LengthType = 2;

    private byte[] _bytes = new byte[64];
    private int _length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public ProtobufBuilder Text(int field, string value)
    {
        int length = Encoding.UTF8.GetByteCount(value);
        Varint((ulong)((field << 3) | LengthType));
        Varint((ulong)length);
        Encoding.UTF8.GetBytes(value, Room(length));
        _length += length;
        return this;
    }

    public ProtobufBuilder Boolean(int field, bool value)
    {
        Varint((ulong)((field << 3) | VarintType));
        Varint(value ? 1ul : 0);
        return this;
    }

    public ProtobufBuilder Message(int field, ProtobufBuilder value)
    {
        Varint((ulong)((field << 3) | LengthType));
        Varint((ulong)value._length);
        value.Written.CopyTo(Room(value._length));
        _length += value._length;
        return this;
    }

    private void Varint(ulong value)
    {
        var room = Room(10);
        int count = 0;
        for (; value >= 0x80; value >>= 7)
            room[count++] = (byte)(value | 0x80);
        room[count++] = (byte)value;
        _length += count;
    }

    private Span<byte> Room(int count)
    {
        if (_bytes.Length < _length + count)
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + count));
        return _bytes.AsSpan(_length);
    }
}
