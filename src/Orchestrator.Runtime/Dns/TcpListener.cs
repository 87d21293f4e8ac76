using System.Buffers;
using System.Buffers.Binary;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Orchestrator.Control.Dns;

namespace Orchestrator.Runtime.Dns;

/// <summary>Questions over TCP: long answers. One question of a connection is answered before the next is read.</summary>
internal sealed class TcpListener(Socket socket, QueryHandler handler, ClusterDnsOptions options)
{
    private readonly Lock _lock = new();
    private readonly HashSet<Task> _connections = [];

    public async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                var connection = await socket.AcceptAsync(ct);
                if (!TryServe(connection, ct))
                    connection.Dispose();
            }
            catch (SocketException e) when (!ct.IsCancellationRequested)
            {
                // Too many files, or a client that went before it was accepted.
                options.Log.LogWarning("a connection was not accepted: {Fault}", e.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(100), options.Time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                break;
            }
        }
        Task[] left;
        lock (_lock)
            left = [.. _connections];
        await Task.WhenAll(left);
    }

    private bool TryServe(Socket connection, CancellationToken ct)
    {
        lock (_lock)
        {
            if (_connections.Count >= options.ConnectionLimit)
                return false;
            Task serving = Task.Run(() => ServeAsync(connection, ct), CancellationToken.None);
            _connections.Add(serving);
            _ = serving.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
        return true;
    }

    private void Forget(Task serving)
    {
        lock (_lock)
            _connections.Remove(serving);
    }

    private async Task ServeAsync(Socket connection, CancellationToken ct)
    {
        try
        {
            connection.NoDelay = true;
            await using var stream = new NetworkStream(connection, ownsSocket: true);
            byte[] length = new byte[2];
            bool goesOn = true;
            while (goesOn)
            {
                using var limit = new CancellationTokenSource(options.ConnectionIdleLimit, options.Time);
                using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
                await stream.ReadExactlyAsync(length, both.Token);
                goesOn = await AnswerAsync(stream, BinaryPrimitives.ReadUInt16BigEndian(length), both.Token);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // The client's end, its silence, or ours.
        }
    }

    /// <returns>Whether to read on: not after what is no question.</returns>
    private async Task<bool> AnswerAsync(NetworkStream stream, int length, CancellationToken ct)
    {
        byte[] packet = ArrayPool<byte>.Shared.Rent(length);
        byte[] answer = ArrayPool<byte>.Shared.Rent(2 + ResponseWriter.BufferLength);
        try
        {
            await stream.ReadExactlyAsync(packet.AsMemory(0, length), ct);
            var query = new DnsQuery();
            var body = answer.AsMemory(2, ResponseWriter.BufferLength);
            var reaction = handler.React(query, packet.AsSpan(0, length), isStream: true, body.Span);
            int written = reaction.Pending is { } pending
                ? await handler.CompleteAsync(query, pending, isStream: true, body, ct)
                : reaction.Length;
            if (written == 0)
                return false;
            BinaryPrimitives.WriteUInt16BigEndian(answer, (ushort)written);
            await stream.WriteAsync(answer.AsMemory(0, 2 + written), ct);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(packet);
            ArrayPool<byte>.Shared.Return(answer);
        }
    }
}
