using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KvStore.Grpc.Tests.Support;

/// <summary>One HTTP/2 frame.</summary>
internal sealed record RawFrame(byte Type, byte Flags, uint StreamId, byte[] Payload)
{
    public const byte Data = 0x0;
    public const byte Headers = 0x1;
    public const byte ResetStream = 0x3;
    public const byte Settings = 0x4;
    public const byte Ping = 0x6;
    public const byte GoAway = 0x7;
    public const byte Continuation = 0x9;
    public const byte EndStream = 0x1;
    public const byte Ack = 0x1;
    public const byte EndHeaders = 0x4;
    public const byte Padded = 0x8;
    public const byte Priority = 0x20;

    public bool IsEnd => Type is Data or Headers && (Flags & EndStream) != 0;
}

/// <summary>An HTTP/2 connection frame by frame, for what no decent client or server does.</summary>
internal sealed class RawHttp2 : IDisposable
{
    private static readonly byte[] Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    private readonly Socket _socket;
    private readonly NetworkStream _stream;

    private RawHttp2(Socket socket)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
    }

    public static async Task<RawHttp2> ConnectAsync(IPEndPoint endpoint)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(endpoint);
        var connection = new RawHttp2(socket);
        await connection._stream.WriteAsync(Preface);
        await connection.SendAsync(RawFrame.Settings, 0, 0);
        return connection;
    }

    /// <summary>The server's side: takes one connection and reads the preface.</summary>
    public static async Task<RawHttp2> AcceptAsync(TcpListener listener)
    {
        var connection = new RawHttp2(await listener.AcceptSocketAsync().Soon());
        await connection._stream.ReadExactlyAsync(new byte[Preface.Length]).AsTask().Soon();
        await connection.SendAsync(RawFrame.Settings, 0, 0);
        return connection;
    }

    public async Task SendAsync(byte type, byte flags, uint streamId, params byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(5), streamId);
        payload.CopyTo(frame, 9);
        await _stream.WriteAsync(frame);
    }

    /// <summary>Opens a call's stream; its messages are for the caller to send.</summary>
    public Task OpenCallAsync(uint streamId, string path) =>
        SendAsync(RawFrame.Headers, RawFrame.EndHeaders, streamId, Request(path, Literal(0x01, "localhost")));

    /// <summary>The header block (HPACK) of a call.</summary>
    public static byte[] Request(string path, byte[] authority) =>
    [
        0x83, 0x86, // :method POST, :scheme http
        .. Literal(0x04, path),
        .. authority,
        0x0f, 31 - 15, // content-type, the static table's 31st, takes a second byte.
        0x10, .. "application/grpc"u8,
    ];

    /// <summary>A header with a name of the static table; 0x40 added to <paramref name="index"/> puts it in the dynamic one.</summary>
    public static byte[] Literal(byte index, string text) => [index, (byte)text.Length, .. Encoding.Latin1.GetBytes(text)];

    public Task SendMessageAsync(uint streamId, byte[] message, bool isLast) => SendAsync(
        RawFrame.Data, isLast ? RawFrame.EndStream : (byte)0, streamId, [0, 0, 0, 0, (byte)message.Length, .. message]);

    /// <summary>The next frame of one of the types; others are passed over, settings and pings acknowledged.</summary>
    /// <returns>Null when the connection has ended.</returns>
    public async Task<RawFrame?> ReadAsync(params byte[] types)
    {
        while (await ReadFrameAsync().Soon() is { } frame)
        {
            if (types.Contains(frame.Type) && !(frame.Type == RawFrame.Settings && frame.Flags == RawFrame.Ack))
                return frame;
            if (frame.Type is RawFrame.Settings or RawFrame.Ping && (frame.Flags & RawFrame.Ack) == 0)
                await SendAsync(frame.Type, RawFrame.Ack, 0, frame.Type == RawFrame.Ping ? frame.Payload : []);
        }

        return null;
    }

    /// <summary>Cuts the connection without a word (RST).</summary>
    public void Cut()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Close();
    }

    public void Dispose() => _stream.Dispose();

    private async Task<RawFrame?> ReadFrameAsync()
    {
        var header = new byte[9];
        try
        {
            if (await _stream.ReadAtLeastAsync(header, 9, throwOnEndOfStream: false) < 9)
                return null;
            var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(header) >> 8];
            await _stream.ReadExactlyAsync(payload);
            return new RawFrame(header[3], header[4], BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(5)), payload);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
