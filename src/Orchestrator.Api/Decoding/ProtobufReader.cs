using System.Buffers.Binary;

namespace Orchestrator.Api.Decoding;

/// <summary>Reads the fields of one protobuf message in the order of its bytes.</summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message)
{
    private readonly ReadOnlySpan<byte> _message = message;
    private int _position;

    public const int Varint = 0;
    public const int Fixed64 = 1;
    public const int Delimited = 2;
    private const int StartGroup = 3;
    private const int EndGroup = 4;
    private const int Fixed32 = 5;

    private const int GroupDepthLimit = 64;

    public readonly bool IsAtEnd => _position == _message.Length;

    public (int Number, int WireType) ReadTag()
    {
        ulong tag = ReadVarint();
        ulong number = tag >> 3;
        int wireType = (int)(tag & 7);
        if (number is 0 or > 536_870_911)
            throw new ProtobufFault($"proto: illegal tag {number} (wire type {wireType})");
        return ((int)number, wireType);
    }

    public ulong ReadVarint()
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            if (shift >= 64)
                throw ProtobufFault.Overflow();
            if (IsAtEnd)
                throw ProtobufFault.UnexpectedEnd();
            byte next = _message[_position++];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
    }

    public ReadOnlySpan<byte> ReadBytes()
    {
        ulong length = ReadVarint();
        if (length > (ulong)(_message.Length - _position))
            throw ProtobufFault.UnexpectedEnd();
        var bytes = _message.Slice(_position, (int)length);
        _position += (int)length;
        return bytes;
    }

    public double ReadDouble()
    {
        if (_message.Length - _position < 8)
            throw ProtobufFault.UnexpectedEnd();
        double value = BinaryPrimitives.ReadDoubleLittleEndian(_message[_position..]);
        _position += 8;
        return value;
    }

    /// <summary>Steps over the value of a field that is not known.</summary>
    public void Skip(int wireType) => Skip(wireType, 0);

    private void Skip(int wireType, int depth)
    {
        switch (wireType)
        {
            case Varint:
                ReadVarint();
                break;
            case Fixed64:
                ReadDouble();
                break;
            case Delimited:
                ReadBytes();
                break;
            case StartGroup when depth < GroupDepthLimit:
                while (ReadTag() is var (_, inner) && inner != EndGroup)
                    Skip(inner, depth + 1);
                break;
            case Fixed32:
                if (_message.Length - _position < 4)
                    throw ProtobufFault.UnexpectedEnd();
                _position += 4;
                break;
            default:
                throw new ProtobufFault($"proto: illegal wireType {wireType}");
        }
    }
}
