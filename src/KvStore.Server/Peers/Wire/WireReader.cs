using System.Buffers.Binary;

namespace KvStore.Server.Peers.Wire;

/// <summary>Reads foreign bytes: whatever they are, it gives what was asked for or an <see cref="InvalidDataException"/>.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> source)
{
    private ReadOnlySpan<byte> _rest = source;

    public readonly int Remaining => _rest.Length;

    public byte ReadByte() => Take(1)[0];

    public ushort ReadUInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

    public ulong ReadVarint()
    {
        int length = Varint.TryRead(_rest, out ulong value);
        if (length == 0)
            throw new InvalidDataException("A number in the message is cut off or too large.");
        _rest = _rest[length..];
        return value;
    }

    /// <summary>With their length in front.</summary>
    public ReadOnlySpan<byte> ReadBytes()
    {
        ulong length = ReadVarint();
        if (length > (ulong)_rest.Length)
            throw new InvalidDataException($"{length} bytes are announced where {_rest.Length} are left of the message.");
        return Take((int)length);
    }

    /// <summary>All that is left, without taking it.</summary>
    public readonly ReadOnlySpan<byte> Rest() => _rest;

    private ReadOnlySpan<byte> Take(int count)
    {
        if (_rest.Length < count)
            throw new InvalidDataException($"The message is cut off: {count} bytes are needed where {_rest.Length} are left.");
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
