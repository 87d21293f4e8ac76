using System.Buffers;
using System.IO.Pipelines;

namespace Orchestrator.Runtime.Streams;

/// <summary>One channel of <see cref="WebSocketChannels"/>.</summary>
internal sealed class WebSocketChannel : DuplexStream
{
    /// <summary>Unread bytes of one channel; beyond them the socket is not read.</summary>
    private const int BufferBytes = 1024 * 1024;

    private readonly WebSocketChannels _channels;
    private readonly int _channel;
    private readonly Pipe _inbound = new(new PipeOptions(
        pauseWriterThreshold: BufferBytes, resumeWriterThreshold: BufferBytes / 2, useSynchronizationContext: false));
    private int _hasEnded;
    private int _isWriteClosed;
    private volatile bool _isOver;

    public WebSocketChannel(WebSocketChannels channels, int channel)
    {
        _channels = channels;
        _channel = channel;
    }

    /// <summary>
    /// Where the protocol cannot end one direction alone, the end of what is written ends what is read too: nobody would
    /// ever hear that the other side is to stop.
    /// </summary>
    public bool EndsAsAWhole { get; init; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty || _isOver)
            return 0;
        ReadResult result = await _inbound.Reader.ReadAsync(cancellationToken);
        int count = (int)Math.Min(buffer.Length, result.Buffer.Length);
        ReadOnlySequence<byte> taken = result.Buffer.Slice(0, count);
        taken.CopyTo(buffer.Span);
        _inbound.Reader.AdvanceTo(taken.End);
        return count;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        buffer.IsEmpty ? ValueTask.CompletedTask : _channels.SendAsync(_channel, buffer, cancellationToken);

    public override async ValueTask CompleteWritesAsync(CancellationToken ct = default)
    {
        if (Interlocked.Exchange(ref _isWriteClosed, 1) != 0)
            return;
        if (EndsAsAWhole)
        {
            _isOver = true;
            _inbound.Reader.CancelPendingRead();
        }
        try
        {
            await _channels.SendEndAsync(_channel, ct);
        }
        catch (IOException)
        {
            // The other side is gone: it needs no end.
        }
    }

    /// <summary>Nobody here reads on: what still comes is dropped.</summary>
    public void StopReading()
    {
        _inbound.Reader.CancelPendingRead();
        _inbound.Reader.Complete();
    }

    /// <summary>Called by the receiving loop alone, as the next; waits while the buffer is full.</summary>
    internal async ValueTask ReceiveAsync(ReadOnlyMemory<byte> data)
    {
        if (_hasEnded == 0)
            await _inbound.Writer.WriteAsync(data, _channels.Closed);
    }

    internal void ReceiveEnd(IOException? failure)
    {
        if (Interlocked.Exchange(ref _hasEnded, 1) == 0)
            _inbound.Writer.Complete(failure);
    }
}
