using System.Buffers;

namespace Orchestrator.Runtime.Streams;

/// <summary>Joins two connections into one.</summary>
public static class DuplexCopy
{
    private const int BufferBytes = 32 * 1024;

    /// <summary>
    /// Copies both ways until both directions have ended, passing each end on. Once the server has ended its direction, a
    /// failure of the client's is its way to hang up and no error.
    /// </summary>
    public static async Task RunAsync(DuplexStream client, DuplexStream server, CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        Task up = CopyAsync(client, server, stop.Token);
        Task down = CopyAsync(server, client, stop.Token);
        Task first = await Task.WhenAny(up, down);
        if (!first.IsCompletedSuccessfully)
            await stop.CancelAsync();
        await Task.WhenAll(up, down).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        if (first == down && down.IsCompletedSuccessfully)
            return;
        await first;
        await down;
    }

    /// <summary>Copies until the source ends, and passes the end on.</summary>
    public static async Task CopyAsync(Stream source, DuplexStream target, CancellationToken ct)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            int count;
            while ((count = await source.ReadAsync(buffer, ct)) > 0)
                await target.WriteAsync(buffer.AsMemory(0, count), ct);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        await target.CompleteWritesAsync(ct);
    }
}
