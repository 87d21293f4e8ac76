using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace KvStore.Crash.Tests.Wire;

/// <summary>A connection that says whatever the test wants.</summary>
internal sealed class RawConnection : IDisposable
{
    public const byte Data = 0, Headers = 1, Settings = 4, Ping = 6, GoAway = 7, WindowUpdate = 8, Continuation = 9;

    private const int FrameHeaderBytes = 9;

    private readonly NetworkStream _stream;

    public RawConnection(string url)
    {
        var address = new Uri(url);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(address.Host, address.Port);
        _stream = new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>What a client of HTTP/2 begins with: the preface and its settings, here none.</summary>
    public static byte[] Hello { get; } = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(Settings, 0, 0, [])];

    /// <param name="length">What the frame claims, if not the truth.</param>
    public static byte[] Frame(byte type, byte flags, int stream, byte[] payload, int? length = null)
    {
        var frame = new byte[FrameHeaderBytes + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, (length ?? payload.Length) << 8);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, FrameHeaderBytes);
        return frame;
    }

    /// <summary>The server may have hung up in the middle, which is an answer, too.</summary>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            await _stream.WriteAsync(bytes).AsTask().WaitAsync(Limits.Patience);
        }
        catch (IOException hungUp)
        {
            Assert.IsType<SocketException>(hungUp.InnerException);
        }
    }

    /// <summary>Ends this side's half, unless the server has ended it all.</summary>
    public void Finish()
    {
        try
        {
            _stream.Socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException hungUp)
        {
            Assert.Equal(SocketError.NotConnected, hungUp.SocketErrorCode);
        }
    }

    /// <summary>All that the server says until it hangs up.</summary>
    public async Task<byte[]> ReadToEndAsync()
    {
        using var answer = new MemoryStream();
        try
        {
            await _stream.CopyToAsync(answer).WaitAsync(Limits.Patience);
        }
        catch (IOException hungUp)
        {
            Assert.IsType<SocketException>(hungUp.InnerException);
        }
        return answer.ToArray();
    }

    public async Task<string> ReadTextAsync() => Encoding.ASCII.GetString(await ReadToEndAsync());

    /// <summary>What the server says up to this text, or to its end where the text does not come.</summary>
    public async Task<string> ReadUntilAsync(string text)
    {
        var answer = new StringBuilder();
        byte[] piece = new byte[1024];
        while (!answer.ToString().Contains(text, StringComparison.Ordinal))
        {
            int count = await _stream.ReadAsync(piece).AsTask().WaitAsync(Limits.Patience);
            if (count == 0)
                break;
            answer.Append(Encoding.ASCII.GetString(piece, 0, count));
        }
        return answer.ToString();
    }

    /// <summary>Reads on until the server gives up the connection.</summary>
    /// <returns>The error code of its last GOAWAY; null if there was none.</returns>
    public async Task<int?> ReadGoAwayAsync()
    {
        byte[] answer = await ReadToEndAsync();
        int? code = null;
        for (int at = 0; at + FrameHeaderBytes <= answer.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(answer.AsSpan(at)) >>> 8;
            if (answer[at + 3] == GoAway)
                code = BinaryPrimitives.ReadInt32BigEndian(answer.AsSpan(at + FrameHeaderBytes + 4));
            at += FrameHeaderBytes + length;
        }
        return code;
    }

    public void Dispose() => _stream.Dispose();
}
