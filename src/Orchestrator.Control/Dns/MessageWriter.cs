using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Orchestrator.Control.Dns;

/// <summary>Writes a message; names are compressed against those that stand in it.</summary>
/// <remarks>A record that does not fit leaves no trace.</remarks>
internal ref struct MessageWriter
{
    /// <summary>So many places of names are remembered for compression; further names are written in full.</summary>
    private const int SuffixLimit = 64;

    private readonly Span<byte> _message;
    private readonly int _limit;
    private SuffixOffsets _suffixes;
    private int _suffixCount;

    /// <param name="message">Room for the whole message.</param>
    /// <param name="limit">The most that <see cref="TryWriteRecord"/> fills.</param>
    public MessageWriter(Span<byte> message, int limit)
    {
        _message = message;
        _limit = Math.Min(limit, message.Length);
        Position = DnsWire.HeaderLength;
    }

    public int Position { get; private set; }

    public readonly void WriteHeader(
        ushort id, ushort flags, int questionCount, int answerCount, int authorityCount, int additionalCount)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_message, id);
        BinaryPrimitives.WriteUInt16BigEndian(_message[2..], flags);
        BinaryPrimitives.WriteUInt16BigEndian(_message[4..], (ushort)questionCount);
        BinaryPrimitives.WriteUInt16BigEndian(_message[6..], (ushort)answerCount);
        BinaryPrimitives.WriteUInt16BigEndian(_message[8..], (ushort)authorityCount);
        BinaryPrimitives.WriteUInt16BigEndian(_message[10..], (ushort)additionalCount);
    }

    /// <summary>The question comes first and always fits: name, type and class.</summary>
    public void WriteQuestion(ReadOnlySpan<byte> question)
    {
        question.CopyTo(_message[Position..]);
        for (int start = Position; _message[start] != 0; start += _message[start] + 1)
            Remember(start);
        Position += question.Length;
    }

    /// <summary>The end of a message with EDNS: its OPT record, also beyond the limit.</summary>
    /// <param name="options">With their codes and lengths.</param>
    public void WriteOpt(ushort payloadSize, uint ttl, scoped ReadOnlySpan<byte> options)
    {
        _message[Position] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(_message[(Position + 1)..], (ushort)DnsType.Opt);
        BinaryPrimitives.WriteUInt16BigEndian(_message[(Position + 3)..], payloadSize);
        BinaryPrimitives.WriteUInt32BigEndian(_message[(Position + 5)..], ttl);
        BinaryPrimitives.WriteUInt16BigEndian(_message[(Position + 9)..], (ushort)options.Length);
        options.CopyTo(_message[(Position + 11)..]);
        Position += 11 + options.Length;
    }

    /// <returns>Whether it fitted.</returns>
    public bool TryWriteRecord(ReadOnlySpan<byte> owner, DnsType type, uint ttlSeconds, ReadOnlySpan<byte> data)
    {
        int start = Position, suffixCount = _suffixCount;
        // As long as it can get.
        if (_limit - Position >= owner.Length + 10 + data.Length || FitsCompressed(owner, data))
        {
            WriteName(owner, isCompressed: true);
            int head = Position;
            Position += 10;
            WriteData(type, data);
            if (Position <= _limit)
            {
                BinaryPrimitives.WriteUInt16BigEndian(_message[head..], (ushort)type);
                BinaryPrimitives.WriteUInt16BigEndian(_message[(head + 2)..], DnsWire.InternetClass);
                BinaryPrimitives.WriteUInt32BigEndian(_message[(head + 4)..], ttlSeconds);
                BinaryPrimitives.WriteUInt16BigEndian(_message[(head + 8)..], (ushort)(Position - head - 10));
                return true;
            }
        }
        Position = start;
        _suffixCount = suffixCount;
        return false;
    }

    // Near the limit: whether the buffer, which is larger, takes it uncompressed, so that it can be tried.
    private readonly bool FitsCompressed(ReadOnlySpan<byte> owner, ReadOnlySpan<byte> data) =>
        _limit - Position >= 12 && _message.Length - Position >= owner.Length + 10 + data.Length;

    private void WriteData(DnsType type, ReadOnlySpan<byte> data)
    {
        if (RecordLayout.Of(type) is not { } layout)
        {
            Write(data);
            return;
        }
        Write(data[..layout.PrefixLength]);
        int at = layout.PrefixLength;
        for (int i = 0; i < layout.NameCount; i++)
        {
            int length = NameLength(data[at..]);
            WriteName(data.Slice(at, length), layout.IsCompressed);
            at += length;
        }
        Write(data[at..]);
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_message[Position..]);
        Position += bytes.Length;
    }

    private void WriteName(ReadOnlySpan<byte> name, bool isCompressed)
    {
        int at = 0;
        while (name[at] != 0)
        {
            if (isCompressed && FindSuffix(name[at..]) is { } offset)
            {
                BinaryPrimitives.WriteUInt16BigEndian(_message[Position..], (ushort)(0xc000 | offset));
                Position += 2;
                return;
            }
            Remember(Position);
            Write(name.Slice(at, name[at] + 1));
            at += name[at] + 1;
        }
        _message[Position++] = 0;
    }

    private void Remember(int offset)
    {
        // A pointer has 14 bits.
        if (_suffixCount < SuffixLimit && offset < 0x4000)
            _suffixes[_suffixCount++] = (ushort)offset;
    }

    private readonly ushort? FindSuffix(ReadOnlySpan<byte> suffix)
    {
        for (int i = 0; i < _suffixCount; i++)
        {
            if (IsAt(_suffixes[i], suffix))
                return _suffixes[i];
        }
        return null;
    }

    /// <summary>Whether the name that stands at an offset, pointers followed, is this one.</summary>
    private readonly bool IsAt(int offset, ReadOnlySpan<byte> name)
    {
        int at = 0;
        while (true)
        {
            byte head = _message[offset];
            if (head >= 0xc0)
            {
                offset = (head & 0x3f) << 8 | _message[offset + 1];
                continue;
            }
            if (head != name[at])
                return false;
            if (head == 0)
                return true;
            // Whatever the case: so answers bear that in which was asked.
            if (!DnsWire.EqualsFolded(_message.Slice(offset + 1, head), name.Slice(at + 1, head)))
                return false;
            offset += head + 1;
            at += head + 1;
        }
    }

    private static int NameLength(ReadOnlySpan<byte> name)
    {
        int length = 0;
        while (name[length] != 0)
            length += name[length] + 1;
        return length + 1;
    }

    [InlineArray(SuffixLimit)]
    private struct SuffixOffsets
    {
        private ushort _first;
    }
}
