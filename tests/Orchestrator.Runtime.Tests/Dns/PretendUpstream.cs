using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Orchestrator.Control.Dns;
using Orchestrator.Control.Tests.Dns;
using Orchestrator.Runtime.Dns;

namespace Orchestrator.Runtime.Tests.Dns;

/// <summary>Another server on the loopback, which answers as a test says.</summary>
internal sealed class PretendUpstream : IAsyncDisposable
{
    private readonly Socket _udp;
    private readonly Socket _tcp;
    private readonly Func<PretendUpstream, DnsQuery, bool, byte[]?> _answer;
    private readonly Task _running;
    private int _count;

    /// <param name="answer">From a question and whether it came over TCP to a packet; null for silence.</param>
    public PretendUpstream(Func<PretendUpstream, DnsQuery, bool, byte[]?> answer)
    {
        _answer = answer;
        // A port that is free for both.
        (_udp, _tcp) = DnsSockets.BindAsync(new IPEndPoint(IPAddress.Loopback, 0), network: null).GetAwaiter().GetResult();
        _running = Task.WhenAll(Task.Run(AnswerUdpAsync), Task.Run(AnswerTcpAsync));
    }

    public IPEndPoint EndPoint => (IPEndPoint)_udp.LocalEndPoint!;

    /// <summary>Questions so far.</summary>
    public int Count => Volatile.Read(ref _count);

    public static PretendUpstream Knowing(string address, uint ttl = 300) => new((_, query, _) => Address(query, address, ttl));

    public static byte[] Address(DnsQuery query, string address, uint ttl = 300, ushort flags = 0) => Dig.Response(
        query.Id, flags, query.QuestionName.ToString(), query.Type,
        [Dig.Record(query.QuestionName.ToString(), DnsType.A, ttl, IPAddress.Parse(address).GetAddressBytes())], []);

    public static byte[] Code(DnsQuery query, DnsCode code) =>
        Dig.Response(query.Id, (ushort)code, query.QuestionName.ToString(), query.Type, [], []);

    public async ValueTask DisposeAsync()
    {
        _udp.Dispose();
        _tcp.Dispose();
        await _running;
    }

    private async Task AnswerUdpAsync()
    {
        byte[] buffer = new byte[4096];
        try
        {
            while (true)
            {
                var received = await _udp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                if (Answer(buffer.AsSpan(0, received.ReceivedBytes), isStream: false) is { } answer)
                    await _udp.SendToAsync(answer, received.RemoteEndPoint);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task AnswerTcpAsync()
    {
        byte[] buffer = new byte[4096];
        try
        {
            while (true)
            {
                using var connection = await _tcp.AcceptAsync();
                await using var stream = new NetworkStream(connection);
                await stream.ReadExactlyAsync(buffer.AsMemory(0, 2));
                int length = BinaryPrimitives.ReadUInt16BigEndian(buffer);
                await stream.ReadExactlyAsync(buffer.AsMemory(0, length));
                if (Answer(buffer.AsSpan(0, length), isStream: true) is not { } answer)
                    continue;
                BinaryPrimitives.WriteUInt16BigEndian(buffer, (ushort)answer.Length);
                await stream.WriteAsync(buffer.AsMemory(0, 2));
                await stream.WriteAsync(answer);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private byte[]? Answer(ReadOnlySpan<byte> packet, bool isStream)
    {
        Interlocked.Increment(ref _count);
        var query = new DnsQuery();
        return query.Read(packet) == QueryFault.None ? _answer(this, query, isStream) : null;
    }
}
