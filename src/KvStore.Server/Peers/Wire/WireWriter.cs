using System.Buffers.Binary;

namespace KvStore.Server.Peers.Wire;

/// <summary>Writes into memory that is known to be large enough.</summary>
internal ref struct WireWriter(Span<byte> target)
{
    private readonly Span<byte> _target = target;

    public int Length { get; private set; }

    public void WriteByte(byte value) => _target[Length++] = value;

    public void WriteUInt16(ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_target[Length..], value);
        Length += sizeof(ushort);
    }

    public void WriteUInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_target[Length..], value);
        Length += sizeof(ulong);
    }

    public void WriteVarint(ulong value) => Length += Varint.Write(_target[Length..], value);

    /// <summary>With their length in front.</summary>
    public void WriteBytes(ReadOnlySpan<byte> bytes)
    {
        WriteVarint((ulong)bytes.Length);
        bytes.CopyTo(_target[Length..]);
        Length += bytes.Length;
    }
}
