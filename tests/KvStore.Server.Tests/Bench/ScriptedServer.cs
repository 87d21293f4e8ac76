using System.Net;
using System.Net.Sockets;
using KvStore.Server.Bench.Http2;

namespace KvStore.Server.Tests.Bench;

/// <summary>A server that sends the frames that a test tells it to, and hands out those that it gets.</summary>
internal sealed class ScriptedServer : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    private readonly Socket _socket;

    public ScriptedServer()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        Client = ClientConnection.Connect((IPEndPoint)listener.LocalEndPoint!);
        _socket = listener.Accept();
        _socket.ReceiveTimeout = (int)_patience.TotalMilliseconds;
        Preface = System.Text.Encoding.ASCII.GetString(ReadBytes(24));
    }

    public ClientConnection Client { get; }

    public string Preface { get; }

    /// <summary>Greets with these settings and takes the client's greeting off the wire, so that calls may be made.</summary>
    public ScriptedServer Greeted(string settings = "")
    {
        Send(FrameType.Settings, 0, 0, settings);
        Assert.Equal("Settings 0 000200000000000404000000", ReadFrame());
        Assert.Equal("WindowUpdate 0 03FF0001", ReadFrame());
        Assert.Equal("Settings 1", ReadFrame()[..10]);
        return this;
    }

    /// <summary>A call whose headers have come, and its message too unless the test gives one to look at.</summary>
    public RecordingStream Opened(byte[]? message = null, bool endsRequest = true)
    {
        var call = new RecordingStream();
        Client.Open(call, "/a/B", message ?? [9], endsRequest);
        Client.Flush();
        Assert.StartsWith("Headers 4", ReadFrame());
        if (message is null)
            Assert.EndsWith("09", ReadFrame());
        return call;
    }

    /// <summary>Sends a frame and lets the client handle it.</summary>
    public void Send(FrameType type, byte flags, int streamId, string payload)
    {
        byte[] bytes = Convert.FromHexString(payload);
        byte[] frame = new byte[FrameHeader.Size + bytes.Length];
        new FrameHeader(bytes.Length, type, (FrameFlags)flags, streamId).Write(frame);
        bytes.CopyTo(frame, FrameHeader.Size);
        SendBytes(frame);
    }

    public void SendBytes(params byte[] bytes)
    {
        _socket.Send(bytes);
        Deliver();
    }

    public void HangUp()
    {
        _socket.Dispose();
        Deliver();
    }

    /// <summary>The client's next frame: type, flags and payload; long payloads as their length.</summary>
    public string ReadFrame()
    {
        var header = FrameHeader.Read(ReadBytes(FrameHeader.Size));
        byte[] payload = ReadBytes(header.Length);
        string content = payload.Length <= 16 ? Convert.ToHexString(payload) : $"({payload.Length} bytes)";
        return $"{header.Type} {(byte)header.Flags} {content}".TrimEnd();
    }

    /// <summary>Nothing more has come from the client.</summary>
    public bool IsQuiet() => _socket.Available == 0;

    public void Dispose()
    {
        Client.Dispose();
        _socket.Dispose();
    }

    private void Deliver()
    {
        Assert.True(Client.Socket.Poll(_patience, SelectMode.SelectRead));
        Client.Receive(now: 1);
        Client.Flush();
    }

    private byte[] ReadBytes(int length)
    {
        byte[] bytes = new byte[length];
        for (int read = 0; read < length;)
        {
            int count = _socket.Receive(bytes.AsSpan(read));
            Assert.NotEqual(0, count);
            read += count;
        }
        return bytes;
    }
}
