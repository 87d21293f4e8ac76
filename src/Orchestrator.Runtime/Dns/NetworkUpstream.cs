using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Orchestrator.Control.Dns;

namespace Orchestrator.Runtime.Dns;

/// <summary>A server at an address. Each question has a socket of its own, so that nobody can guess port and number of it.</summary>
internal sealed class NetworkUpstream(IPEndPoint address, ulong loopToken, TimeProvider time) : IUpstream
{
    public async Task<DnsMessage?> AskAsync(DnsQuery query, TimeSpan timeout, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(timeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        DnsMessage? answer = null;
        try
        {
            answer = await AskOverUdpAsync(query, hasEdns: true, both.Token);
            // So old a server that it knows no EDNS.
            if (answer is { Code: DnsCode.FormatError, HasEdns: false })
                answer = await AskOverUdpAsync(query, hasEdns: false, both.Token);
            if (answer is { IsTruncated: true })
                answer = await AskOverTcpAsync(query, both.Token) ?? answer;
            return answer;
        }
        catch (Exception e) when (e is SocketException or IOException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            // Half an answer is better than none: it says that it is half.
            return answer;
        }
    }

    public override string ToString() => address.ToString();

    private async Task<DnsMessage?> AskOverUdpAsync(DnsQuery query, bool hasEdns, CancellationToken ct)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(address, ct);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(4096);
        try
        {
            ushort id = NewId();
            int length = ForwardedQuestion.Write(id, query, hasEdns, loopToken, buffer);
            await socket.SendAsync(buffer.AsMemory(0, length), ct);
            while (true)
            {
                length = await socket.ReceiveAsync(buffer, ct);
                // Whatever else comes was sent by somebody who guesses.
                if (DnsMessage.Decode(buffer.AsSpan(0, length)) is { } message && ForwardedQuestion.IsAnswered(message, id, query))
                    return message;
                if (IsBareRefusal(buffer.AsSpan(0, length), id))
                    return new DnsMessage { Id = id, Flags = DnsWire.ResponseFlag, Code = DnsCode.FormatError };
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>FORMERR from a server that understood so little that it repeats no question.</summary>
    private static bool IsBareRefusal(ReadOnlySpan<byte> packet, ushort id) =>
        packet.Length == DnsWire.HeaderLength && BinaryPrimitives.ReadUInt16BigEndian(packet) == id
        && (BinaryPrimitives.ReadUInt16BigEndian(packet[2..]) & (DnsWire.ResponseFlag | DnsWire.CodeMask)) == (DnsWire.ResponseFlag | (int)DnsCode.FormatError);

    private async Task<DnsMessage?> AskOverTcpAsync(DnsQuery query, CancellationToken ct)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(address, ct);
        await using var stream = new NetworkStream(socket);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(2 + ushort.MaxValue);
        try
        {
            ushort id = NewId();
            int length = ForwardedQuestion.Write(id, query, hasEdns: true, loopToken, buffer.AsSpan(2));
            BinaryPrimitives.WriteUInt16BigEndian(buffer, (ushort)length);
            await stream.WriteAsync(buffer.AsMemory(0, 2 + length), ct);
            await stream.ReadExactlyAsync(buffer.AsMemory(0, 2), ct);
            length = BinaryPrimitives.ReadUInt16BigEndian(buffer);
            await stream.ReadExactlyAsync(buffer.AsMemory(2, length), ct);
            return DnsMessage.Decode(buffer.AsSpan(2, length)) is { } message && ForwardedQuestion.IsAnswered(message, id, query) ? message : null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static ushort NewId() => (ushort)RandomNumberGenerator.GetInt32(ushort.MaxValue + 1);
}
