using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Orchestrator.Control.Dns;
using Orchestrator.Control.Tests.Dns;

namespace Orchestrator.Runtime.Tests.Dns;

/// <summary>Asks a server over the network, as a pod would.</summary>
internal static class DnsClient
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task<string> AskAsync(IPEndPoint server, string name, DnsType type = DnsType.A) =>
        Dig.Text(await AskUdpAsync(server, Dig.Question(name, type, payloadSize: 1232)));

    public static async Task<DnsMessage> AskUdpAsync(IPEndPoint server, byte[] packet)
    {
        using var limit = new CancellationTokenSource(Patience);
        using var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(server, limit.Token);
        await socket.SendAsync(packet, limit.Token);
        byte[] buffer = new byte[65536];
        int length = await socket.ReceiveAsync(buffer, limit.Token);
        return DnsMessage.Decode(buffer.AsSpan(0, length))!;
    }

    /// <summary>Sends all questions over one connection at once, and reads as many answers.</summary>
    public static async Task<DnsMessage[]> AskTcpAsync(IPEndPoint server, params byte[][] packets)
    {
        using var limit = new CancellationTokenSource(Patience);
        using var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server, limit.Token);
        await using var stream = new NetworkStream(socket);
        byte[] length = new byte[2];
        foreach (byte[] packet in packets)
        {
            BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)packet.Length);
            await stream.WriteAsync(length, limit.Token);
            await stream.WriteAsync(packet, limit.Token);
        }
        var answers = new DnsMessage[packets.Length];
        for (int i = 0; i < answers.Length; i++)
        {
            await stream.ReadExactlyAsync(length, limit.Token);
            byte[] answer = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
            await stream.ReadExactlyAsync(answer, limit.Token);
            answers[i] = DnsMessage.Decode(answer)!;
        }
        return answers;
    }
}
