using System.Buffers.Binary;

namespace KvStore.Mvcc.Commands;

/// <summary>The data of a log entry: several commands, so that one entry carries all that waited.</summary>
/// <remarks>
/// <code>
/// +--------+---------+----------------------------------------------------------+--- ...
/// | format | count   | kind  request id   length   payload                      | next command
/// | u8 = 1 | varint  | u8    u64 (little) varint   the request's protobuf bytes |
/// +--------+---------+----------------------------------------------------------+--- ...
/// </code>
/// The log guards the bytes by its checksums. Reading copies nothing: payloads are slices of the entry.
/// </remarks>
public static class CommandBatch
{
    public const byte Format = 1;

    /// <summary>Most bytes that a command needs beyond its payload.</summary>
    public const int CommandOverheadBytes = 1 + 8 + MaxVarintBytes;

    private const int MaxVarintBytes = 5;

    public static byte[] Encode(ReadOnlySpan<Command> commands)
    {
        var data = new byte[EncodedSize(commands)];
        int position = 0;
        data[position++] = Format;
        position += WriteVarint(data.AsSpan(position), (uint)commands.Length);
        foreach (ref readonly var command in commands)
        {
            data[position++] = (byte)command.Kind;
            BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(position), command.RequestId);
            position += 8;
            position += WriteVarint(data.AsSpan(position), (uint)command.Payload.Length);
            command.Payload.Span.CopyTo(data.AsSpan(position));
            position += command.Payload.Length;
        }
        return data;
    }

    public static byte[] Encode(in Command command) => Encode(new ReadOnlySpan<Command>(in command));

    /// <exception cref="InvalidDataException">The bytes are no batch of a format that this version knows.</exception>
    public static Reader Read(ReadOnlyMemory<byte> data) => new(data);

    private static int EncodedSize(ReadOnlySpan<Command> commands)
    {
        int size = 1 + VarintSize((uint)commands.Length);
        foreach (ref readonly var command in commands)
            size = checked(size + 1 + 8 + VarintSize((uint)command.Payload.Length) + command.Payload.Length);
        return size;
    }

    private static int VarintSize(uint value) => value switch
    {
        < 1u << 7 => 1,
        < 1u << 14 => 2,
        < 1u << 21 => 3,
        < 1u << 28 => 4,
        _ => 5,
    };

    private static int WriteVarint(Span<byte> destination, uint value)
    {
        int count = 0;
        for (; value >= 0x80; value >>= 7)
            destination[count++] = (byte)(value | 0x80);
        destination[count++] = (byte)value;
        return count;
    }

    /// <summary>Goes through the commands of a batch, in order.</summary>
    public struct Reader
    {
        private readonly ReadOnlyMemory<byte> _data;
        private int _position;

        internal Reader(ReadOnlyMemory<byte> data)
        {
            _data = data;
            byte format = ReadByte();
            if (format != Format)
            {
                throw new InvalidDataException(
                    $"the log entry's format is {format}, this version reads {Format}: it was written by another version");
            }
            Remaining = checked((int)ReadVarint());
        }

        /// <summary>Commands not read yet.</summary>
        public int Remaining { get; private set; }

        /// <exception cref="InvalidDataException">The entry is shorter or longer than it says.</exception>
        public bool TryRead(out Command command)
        {
            if (Remaining == 0)
            {
                if (_position != _data.Length)
                    throw new InvalidDataException($"the log entry has {_data.Length - _position} bytes too many");
                command = default;
                return false;
            }
            var kind = (CommandKind)ReadByte();
            ulong requestId = BinaryPrimitives.ReadUInt64LittleEndian(Take(8).Span);
            command = new Command(kind, requestId, Take(ReadVarint()));
            Remaining--;
            return true;
        }

        private byte ReadByte() => Take(1).Span[0];

        private uint ReadVarint()
        {
            ulong value = 0;
            for (int shift = 0; shift < 7 * MaxVarintBytes; shift += 7)
            {
                byte next = ReadByte();
                value |= (ulong)(next & 0x7f) << shift;
                if (next >= 0x80)
                    continue;
                if (value > int.MaxValue)
                    break;
                return (uint)value;
            }
            throw new InvalidDataException("the log entry has a length that no entry can have");
        }

        private ReadOnlyMemory<byte> Take(uint length)
        {
            if (length > (uint)(_data.Length - _position))
            {
                throw new InvalidDataException(
                    $"the log entry ends early: {length} bytes wanted, {_data.Length - _position} left");
            }
            var taken = _data.Slice(_position, (int)length);
            _position += (int)length;
            return taken;
        }
    }
}
