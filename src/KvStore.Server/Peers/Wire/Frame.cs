using System.Buffers.Binary;
using KvStore.Storage;

namespace KvStore.Server.Peers.Wire;

/// <summary>How bytes are cut into pieces on a stream between two members, in both directions.</summary>
/// <remarks>
/// <code>
/// frame = length of the body u32 | CRC-32C of the body u32 | body         little-endian
/// body  = kind u8 ...      0 to 23: a raft message, see MessageCodec; from 0xF0: see FrameKind
/// </code>
/// </remarks>
internal static class Frame
{
    public const int HeaderBytes = 8;

    public static void WriteHeader(Span<byte> target, int length, uint crc)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)length);
        BinaryPrimitives.WriteUInt32LittleEndian(target[sizeof(uint)..], crc);
    }

    /// <summary>A whole frame that is written by itself.</summary>
    public static byte[] Make(FrameKind kind, ReadOnlySpan<byte> content)
    {
        byte[] frame = new byte[HeaderBytes + 1 + content.Length];
        frame[HeaderBytes] = (byte)kind;
        content.CopyTo(frame.AsSpan(HeaderBytes + 1));
        Seal(frame);
        return frame;
    }

    /// <summary>Fills in the header of a frame whose body is in its place.</summary>
    public static void Seal(Span<byte> frame) =>
        WriteHeader(frame, frame.Length - HeaderBytes, Crc32C.Of(frame[HeaderBytes..]));

    /// <exception cref="InvalidDataException">No frame has that length.</exception>
    public static (int Length, uint Crc) ReadHeader(ReadOnlySpan<byte> source, int limitBytes)
    {
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(source);
        if (length == 0 || length > limitBytes)
            throw new InvalidDataException($"A frame of {length} bytes is none: from 1 to {limitBytes} are allowed.");
        return ((int)length, BinaryPrimitives.ReadUInt32LittleEndian(source[sizeof(uint)..]));
    }

    /// <exception cref="InvalidDataException">The body is not what was sent.</exception>
    public static void Check(ReadOnlySpan<byte> body, uint crc)
    {
        uint actual = Crc32C.Of(body);
        if (actual != crc)
            throw new InvalidDataException($"A frame of {body.Length} bytes has the CRC {actual:x8}, not {crc:x8} as it says.");
    }
}
