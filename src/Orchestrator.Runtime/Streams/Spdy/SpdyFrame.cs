using System.Buffers.Binary;

namespace Orchestrator.Runtime.Streams.Spdy;

/// <summary>The numbers of SPDY/3.1's frames, and those frames that need no header block.</summary>
/// <remarks>
/// <code>
/// control  | 1 | version 3 (15 bits) | type (16)  | flags (8) | length (24) | payload
/// data     | 0 | stream id (31 bits)              | flags (8) | length (24) | payload
/// </code>
/// </remarks>
internal static class SpdyFrame
{
    public const int HeaderBytes = 8;
    public const int Version = 3;
    public const int LengthLimit = 0xFFFFFF;

    public const int SynStream = 1;
    public const int SynReply = 2;
    public const int RstStream = 3;
    public const int Settings = 4;
    public const int Ping = 6;
    public const int GoAway = 7;
    public const int Headers = 8;
    public const int WindowUpdate = 9;

    public const byte Fin = 1;
    public const byte Unidirectional = 2;

    public const int InitialWindowSetting = 7;
    public const int InitialWindowBytes = 64 * 1024;

    public static byte[] Reset(int streamId, SpdyResetStatus status) => Pair(RstStream, streamId, (int)status);

    public static byte[] Window(int streamId, int deltaBytes) => Pair(WindowUpdate, streamId, deltaBytes);

    public static byte[] Leaving(int lastStreamId, int status) => Pair(GoAway, lastStreamId, status);

    public static byte[] Pinging(uint id)
    {
        var frame = new byte[HeaderBytes + 4];
        WriteControlHeader(frame, Ping, flags: 0, payloadBytes: 4);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(HeaderBytes), id);
        return frame;
    }

    public static byte[] InitialWindow(int windowBytes)
    {
        var frame = new byte[HeaderBytes + 12];
        WriteControlHeader(frame, Settings, flags: 0, payloadBytes: 12);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(HeaderBytes), 1);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(HeaderBytes + 4), InitialWindowSetting);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(HeaderBytes + 8), windowBytes);
        return frame;
    }

    public static void WriteControlHeader(Span<byte> frame, int type, byte flags, int payloadBytes)
    {
        BinaryPrimitives.WriteUInt16BigEndian(frame, 0x8000 | Version);
        BinaryPrimitives.WriteUInt16BigEndian(frame[2..], (ushort)type);
        BinaryPrimitives.WriteInt32BigEndian(frame[4..], (flags << 24) | payloadBytes);
    }

    public static void WriteDataHeader(Span<byte> frame, int streamId, byte flags, int payloadBytes)
    {
        BinaryPrimitives.WriteInt32BigEndian(frame, streamId);
        BinaryPrimitives.WriteInt32BigEndian(frame[4..], (flags << 24) | payloadBytes);
    }

    private static byte[] Pair(int type, int first, int second)
    {
        var frame = new byte[HeaderBytes + 8];
        WriteControlHeader(frame, type, flags: 0, payloadBytes: 8);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(HeaderBytes), first);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(HeaderBytes + 4), second);
        return frame;
    }
}
