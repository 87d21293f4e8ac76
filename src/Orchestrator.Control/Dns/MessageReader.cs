using System.Buffers.Binary;

namespace Orchestrator.Control.Dns;

/// <summary>Reads a message from the front; what does not hold gives false and never more than one look at each byte.</summary>
internal ref struct MessageReader(ReadOnlySpan<byte> message, int position)
{
    private readonly ReadOnlySpan<byte> _message = message;

    public int Position { get; private set; } = position;

    public readonly bool IsAtEnd => Position == _message.Length;

    public bool TryReadUInt16(out ushort value)
    {
        value = 0;
        if (_message.Length - Position < 2)
            return false;
        value = BinaryPrimitives.ReadUInt16BigEndian(_message[Position..]);
        Position += 2;
        return true;
    }

    public bool TryReadUInt32(out uint value)
    {
        value = 0;
        if (_message.Length - Position < 4)
            return false;
        value = BinaryPrimitives.ReadUInt32BigEndian(_message[Position..]);
        Position += 4;
        return true;
    }

    public bool TryReadBytes(int count, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (_message.Length - Position < count)
            return false;
        bytes = _message.Slice(Position, count);
        Position += count;
        return true;
    }

    /// <summary>Reads a name and follows its pointers.</summary>
    /// <param name="into">At least <see cref="DnsWire.NameLimit"/> bytes.</param>
    /// <remarks>Each pointer must lead before the place from which the name was read last, so that no circle is walked twice.</remarks>
    public bool TryReadName(scoped Span<byte> into, out int length)
    {
        length = 0;
        int at = Position, limit = Position;
        bool hasJumped = false;
        while (at < _message.Length)
        {
            byte head = _message[at];
            if (head == 0)
            {
                if (length >= DnsWire.NameLimit)
                    return false;
                into[length++] = 0;
                if (!hasJumped)
                    Position = at + 1;
                return true;
            }
            if (head >= 0xc0)
            {
                if (at + 1 >= _message.Length)
                    return false;
                int target = (head & 0x3f) << 8 | _message[at + 1];
                if (target >= limit || target < DnsWire.HeaderLength)
                    return false;
                if (!hasJumped)
                    Position = at + 2;
                hasJumped = true;
                at = limit = target;
                continue;
            }
            if (head > DnsWire.LabelLimit || at + 1 + head > _message.Length || length + 1 + head >= DnsWire.NameLimit)
                return false;
            _message.Slice(at, head + 1).CopyTo(into[length..]);
            length += head + 1;
            at += head + 1;
        }
        return false;
    }

    /// <summary>Goes over a name without following it.</summary>
    public bool TrySkipName()
    {
        while (Position < _message.Length)
        {
            byte head = _message[Position];
            if (head >= 0xc0)
            {
                Position += 2;
                return Position <= _message.Length;
            }
            if (head > DnsWire.LabelLimit)
                return false;
            Position += head + 1;
            if (head == 0)
                return true;
        }
        return false;
    }
}
