using System.Buffers.Binary;

namespace KvStore.Server.Bench.Http2;

internal enum FrameType : byte
{
    Data = 0,
    Headers = 1,
    Priority = 2,
    ResetStream = 3,
    Settings = 4,
    PushPromise = 5,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
}

/// <summary>
/// The bits of a frame's flags; <see cref="Acknowledge"/> and <see cref="EndStream"/> are one bit, told apart by the type.
/// </summary>
[Flags]
internal enum FrameFlags : byte
{
    None = 0,
    EndStream = 0x1,
    Acknowledge = 0x1,
    EndHeaders = 0x4,
    Padded = 0x8,
    Priority = 0x20,
}

/// <summary>The nine bytes before each frame (RFC 9113, §4.1): <c>length:24 type:8 flags:8 reserved:1 stream:31</c>.</summary>
internal readonly record struct FrameHeader(int Length, FrameType Type, FrameFlags Flags, int StreamId)
{
    public const int Size = 9;

    /// <summary>The largest payload that may be sent before the peer allows more, and the most that we accept.</summary>
    public const int DefaultPayloadLimit = 16_384;

    public bool Has(FrameFlags flag) => (Flags & flag) != 0;

    public static FrameHeader Read(ReadOnlySpan<byte> source) => new(
        (source[0] << 16) | (source[1] << 8) | source[2],
        (FrameType)source[3],
        (FrameFlags)source[4],
        (int)(BinaryPrimitives.ReadUInt32BigEndian(source[5..]) & int.MaxValue));

    public void Write(Span<byte> target)
    {
        target[0] = (byte)(Length >> 16);
        target[1] = (byte)(Length >> 8);
        target[2] = (byte)Length;
        target[3] = (byte)Type;
        target[4] = (byte)Flags;
        BinaryPrimitives.WriteInt32BigEndian(target[5..], StreamId);
    }

    /// <summary>
    /// What is left of a DATA or HEADERS payload without its padding and priority fields (RFC 9113, §6.1 and §6.2).
    /// </summary>
    public ReadOnlySpan<byte> Strip(ReadOnlySpan<byte> payload)
    {
        int start = 0, end = payload.Length;
        if (Has(FrameFlags.Padded))
        {
            if (payload.IsEmpty)
                throw new Http2Exception("a padded frame without the length of its padding");
            end -= payload[0];
            start = 1;
        }
        if (Type == FrameType.Headers && Has(FrameFlags.Priority))
            start += 5;
        if (start > end)
            throw new Http2Exception($"a {Type} frame of {payload.Length} bytes is shorter than its padding and priority");
        return payload[start..end];
    }
}
