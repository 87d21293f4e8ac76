using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Orchestrator.Control.Dns;

namespace Orchestrator.Runtime.Dns;

/// <summary>Questions over UDP: one loop that answers what is known and allocates nothing for it.</summary>
internal sealed class UdpListener(Socket socket, QueryHandler handler, ILogger log)
{
    /// <summary>Longer questions are none.</summary>
    private const int QueryLimit = 4096;

    /// <summary>Room for answers that are put together later; those over UDP are short.</summary>
    private const int AnswerLength = 4096;

    public async Task RunAsync(CancellationToken ct)
    {
        var query = new DnsQuery();
        byte[] packet = new byte[QueryLimit];
        byte[] answer = new byte[ResponseWriter.BufferLength];
        var from = new SocketAddress(socket.AddressFamily);
        while (!ct.IsCancellationRequested)
        {
            try
            {
                int length = await socket.ReceiveFromAsync(packet, SocketFlags.None, from, CancellationToken.None);
                var reaction = handler.React(query, packet.AsSpan(0, length), isStream: false, answer);
                if (reaction.Pending is { } pending)
                    _ = CompleteAsync(query.Copy(), pending, Copy(from), ct);
                else if (reaction.Length > 0)
                    socket.SendTo(answer.AsSpan(0, reaction.Length), SocketFlags.None, from);
            }
            catch (SocketException e) when (!ct.IsCancellationRequested)
            {
                // Of one client: unreachable, or a firewall's doing. The socket itself has no such faults.
                log.LogDebug("an answer was not sent: {Fault}", e.Message);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task CompleteAsync(DnsQuery query, Resolution pending, SocketAddress to, CancellationToken ct)
    {
        byte[] answer = ArrayPool<byte>.Shared.Rent(AnswerLength);
        try
        {
            int length = await handler.CompleteAsync(query, pending, isStream: false, answer, ct);
            socket.SendTo(answer.AsSpan(0, length), SocketFlags.None, to);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            log.LogDebug("an answer was not sent: {Fault}", e.Message);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(answer);
        }
    }

    private static SocketAddress Copy(SocketAddress address)
    {
        var copy = new SocketAddress(address.Family, address.Size);
        address.Buffer.Span[..address.Size].CopyTo(copy.Buffer.Span);
        return copy;
    }
}
