using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KvStore.Grpc.Benchmark;

/// <summary>One HTTP/2 connection that keeps a number of calls open, with frames made in advance: a cheap load.</summary>
internal sealed class Http2Load : IDisposable
{
    private const byte Data = 0x0;
    private const byte Headers = 0x1;
    private const byte ResetStream = 0x3;
    private const byte Settings = 0x4;
    private const byte Ping = 0x6;
    private const byte GoAway = 0x7;
    private const byte WindowUpdate = 0x8;
    private const byte EndStream = 0x1;
    private const byte Ack = 0x1;
    private const byte EndHeaders = 0x4;
    private const int FrameHeaderSize = 9;

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _received = new byte[256 * 1024];
    private readonly byte[] _firstRequest;
    private readonly byte[] _nextRequest;
    private readonly MemoryStream _output = new();
    private int _receivedCount;
    private uint _nextStreamId = 1;

    public Http2Load(int port, string path, ReadOnlySpan<byte> message)
    {
        _firstRequest = Request(FirstHeaders(path), message);
        _nextRequest = Request(NextHeaders, message);
        _socket.Connect(IPAddress.Loopback, port);
        _output.Write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        WriteFrame(Settings, 0, 0, []);
        // As much as there is, once: no window updates in the measured part.
        WriteFrame(WindowUpdate, 0, 0, [0x7f, 0xff, 0x00, 0x00]);
    }

    /// <summary>Makes <paramref name="count"/> calls, <paramref name="concurrency"/> at a time, to their ends.</summary>
    public void Run(int count, int concurrency)
    {
        var started = 0;
        for (; started < Math.Min(count, concurrency); started++)
            AddRequest();
        Flush();
        for (var finished = 0; finished < count;)
        {
            var ended = ReadEndedCalls();
            finished += ended;
            for (; ended > 0 && started < count; ended--, started++)
                AddRequest();
            Flush();
        }
    }

    public void Dispose() => _socket.Dispose();

    // The headers of the first call enter HPACK's dynamic table, those of the next ones point there.
    private static byte[] FirstHeaders(string path)
    {
        var block = new MemoryStream();
        block.WriteByte(0x83); // :method POST
        block.WriteByte(0x86); // :scheme http
        Literal(0x44, path);
        Literal(0x41, "localhost");
        Literal(0x5f, "application/grpc");
        Literal(0x40, "te", "trailers");
        Literal(0x7a, "grpc-benchmark");
        return block.ToArray();

        void Literal(byte prefix, params ReadOnlySpan<string> texts)
        {
            block.WriteByte(prefix);
            foreach (var text in texts)
            {
                block.WriteByte((byte)text.Length);
                block.Write(Encoding.ASCII.GetBytes(text));
            }
        }
    }

    private static byte[] NextHeaders => [0x83, 0x86, 0x80 | 66, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62];

    private static byte[] Request(byte[] headerBlock, ReadOnlySpan<byte> message)
    {
        var request = new byte[FrameHeaderSize + headerBlock.Length + FrameHeaderSize + 5 + message.Length];
        WriteHeader(request, headerBlock.Length, Headers, EndHeaders, 0);
        headerBlock.CopyTo(request, FrameHeaderSize);
        var data = request.AsSpan(FrameHeaderSize + headerBlock.Length);
        WriteHeader(data, 5 + message.Length, Data, EndStream, 0);
        BinaryPrimitives.WriteInt32BigEndian(data[(FrameHeaderSize + 1)..], message.Length);
        message.CopyTo(data[(FrameHeaderSize + 5)..]);
        return request;
    }

    private void AddRequest()
    {
        var request = _nextStreamId == 1 ? _firstRequest : _nextRequest;
        var headersLength = (request[0] << 16) | (request[1] << 8) | request[2];
        BinaryPrimitives.WriteUInt32BigEndian(request.AsSpan(5), _nextStreamId);
        BinaryPrimitives.WriteUInt32BigEndian(request.AsSpan(FrameHeaderSize + headersLength + 5), _nextStreamId);
        _output.Write(request);
        _nextStreamId += 2;
    }

    private void Flush()
    {
        if (_output.Length == 0)
            return;
        _socket.Send(_output.GetBuffer().AsSpan(0, (int)_output.Length));
        _output.SetLength(0);
    }

    private int ReadEndedCalls()
    {
        var count = _socket.Receive(_received.AsSpan(_receivedCount));
        if (count == 0)
            throw new IOException("the server has closed the connection");
        _receivedCount += count;
        var ended = 0;
        var rest = _received.AsSpan(0, _receivedCount);
        while (rest.Length >= FrameHeaderSize)
        {
            var length = (rest[0] << 16) | (rest[1] << 8) | rest[2];
            if (rest.Length < FrameHeaderSize + length)
                break;
            ended += Receive(rest[3], rest[4], rest.Slice(FrameHeaderSize, length));
            rest = rest[(FrameHeaderSize + length)..];
        }

        rest.CopyTo(_received);
        _receivedCount = rest.Length;
        return ended;
    }

    private int Receive(byte type, byte flags, ReadOnlySpan<byte> payload)
    {
        switch (type)
        {
            case Headers or Data:
                return (flags & EndStream) != 0 ? 1 : 0;
            case Settings when (flags & Ack) == 0:
                WriteFrame(Settings, Ack, 0, []);
                return 0;
            case Ping when (flags & Ack) == 0:
                WriteFrame(Ping, Ack, 0, payload);
                return 0;
            case ResetStream or GoAway:
                throw new IOException($"the server ended a call or the connection: {Convert.ToHexString(payload)}");
            default:
                return 0;
        }
    }

    private void WriteFrame(byte type, byte flags, uint streamId, ReadOnlySpan<byte> payload)
    {
        Span<byte> header = stackalloc byte[FrameHeaderSize];
        WriteHeader(header, payload.Length, type, flags, streamId);
        _output.Write(header);
        _output.Write(payload);
    }

    private static void WriteHeader(Span<byte> header, int length, byte type, byte flags, uint streamId)
    {
        BinaryPrimitives.WriteInt32BigEndian(header, length << 8);
        header[3] = type;
        header[4] = flags;
        BinaryPrimitives.WriteUInt32BigEndian(header[5..], streamId);
    }
}
