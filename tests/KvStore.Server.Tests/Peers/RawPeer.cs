using System.Net;
using System.Net.Sockets;
using System.Text;
using KvStore.Raft;
using KvStore.Server.Peers.Wire;

namespace KvStore.Server.Tests.Peers;

/// <summary>A connection to a member's peer port, made by hand, that may say anything.</summary>
internal sealed class RawPeer : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly NetworkStream _stream;

    private RawPeer(PeerNode node)
    {
        _socket.Connect(IPAddress.Loopback, node.Port);
        _stream = new NetworkStream(_socket);
    }

    public static RawPeer Connect(PeerNode node) => new(node);

    /// <summary>Has a stream, in the name of a member that the node need not know.</summary>
    public static async Task<RawPeer> OpenStreamAsync(PeerNode node, NodeId from)
    {
        var peer = new RawPeer(node);
        Assert.StartsWith("HTTP/1.1 101", await peer.CallAsync(node, from));
        return peer;
    }

    /// <summary>Asks for a stream.</summary>
    /// <returns>The answer up to the end of its headers; of a refusal, all of it.</returns>
    public async Task<string> CallAsync(
        PeerNode node, NodeId from, string protocol = "kvstore-raft/1", string cluster = "c1", string? to = null, string path = "/raft/stream")
    {
        await SendAsync($"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\nX-Etcd-Cluster-ID: {cluster}\r\n"
            + $"X-Server-From: {from}\r\nX-Raft-To: {to ?? node.Id.ToString()}\r\nX-PeerURLs: http://127.0.0.1:1\r\n\r\n");
        return await ReadAnswerAsync();
    }

    public ValueTask SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public ValueTask SendAsync(byte[] bytes) => _stream.WriteAsync(bytes);

    public async Task<string> ReadAnswerAsync()
    {
        var answer = new StringBuilder();
        byte[] one = new byte[1];
        while (!answer.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await _stream.ReadAsync(one).AsTask().WaitAsync(Patience) == 1)
            answer.Append((char)one[0]);
        string headers = answer.ToString();
        int at = headers.IndexOf("Content-Length: ", StringComparison.Ordinal);
        int length = at < 0 ? 0 : int.Parse(headers.AsSpan(at + 16, headers.IndexOf('\r', at) - at - 16));
        for (; length > 0 && await _stream.ReadAsync(one).AsTask().WaitAsync(Patience) == 1; length--)
            answer.Append((char)one[0]);
        return answer.ToString();
    }

    /// <summary>The next frame that says something else than that the node is alive; empty when the connection ends.</summary>
    public async Task<byte[]> ReadFrameAsync()
    {
        using var frames = new FrameReader(_stream, 512, 1 << 20);
        try
        {
            while (true)
            {
                byte[] frame = await frames.TakeAsync(CancellationToken.None).AsTask().WaitAsync(Patience);
                if (frame[0] != (byte)FrameKind.Alive)
                    return frame;
            }
        }
        catch (IOException)
        {
            return [];
        }
    }

    /// <summary>Why the node ended the stream.</summary>
    public async Task<string> ReadByeAsync()
    {
        byte[] frame = await ReadFrameAsync();
        Assert.NotEmpty(frame);
        Assert.Equal((byte)FrameKind.Bye, frame[0]);
        return Encoding.UTF8.GetString(frame.AsSpan(1));
    }

    public void Dispose()
    {
        _stream.Dispose();
        _socket.Dispose();
    }
}
