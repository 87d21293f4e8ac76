using System.Buffers;
using System.IO.Pipelines;

namespace Orchestrator.Runtime.Streams.Spdy;

/// <summary>One stream of a SPDY connection.</summary>
/// <remarks>
/// One reader and one writer may use it side by side. Disposing it before both directions have ended resets it: the peer
/// learns that nobody is there any more. An end of the connection is an <see cref="IOException"/> to reader and writer.
/// </remarks>
public sealed class SpdyStream : DuplexStream
{
    private readonly SpdyConnection _connection;
    private readonly Pipe _inbound;
    private readonly TaskCompletionSource _replied = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _aborted = new();
    private volatile IOException? _failure;
    private long _unreportedBytes;
    private int _isLocalClosed;
    private int _isRemoteClosed;
    private int _isDisposed;
    private volatile bool _hasEnded;
    private volatile bool _isReset;

    internal SpdyStream(SpdyConnection connection, int id, IReadOnlyDictionary<string, string> headers, int bufferBytes, int windowBytes)
    {
        _connection = connection;
        Id = id;
        Headers = headers;
        SendWindow = new SpdySendWindow(windowBytes);
        _inbound = new Pipe(new PipeOptions(
            pauseWriterThreshold: bufferBytes, resumeWriterThreshold: bufferBytes / 2, useSynchronizationContext: false));
    }

    public int Id { get; }

    /// <summary>The headers that it was opened with; names are compared without case.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; }

    /// <summary>Ends when the stream was reset or its connection closed: whatever works for it can stop.</summary>
    public CancellationToken Aborted => _aborted.Token;

    internal SpdySendWindow SendWindow { get; }

    internal Task Replied => _replied.Task;

    internal ref long UnreportedBytes => ref _unreportedBytes;

    /// <summary>Accepts a stream that the peer has opened.</summary>
    public ValueTask ReplyAsync(CancellationToken ct = default) => _connection.WriteReplyAsync(this, ct);

    /// <summary>Ends both directions at once; what is under way is dropped.</summary>
    public void Reset(SpdyResetStatus status)
    {
        if (_failure is not null || _isLocalClosed + _isRemoteClosed == 2)
            return;
        _connection.Answer(SpdyFrame.Reset(Id, status));
        _isReset = true;
        Fail(new IOException($"stream {Id} was reset by this side"));
        _inbound.Reader.CancelPendingRead();
        _connection.Forget(this);
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
            return 0;
        if (_isReset)
            ThrowIfFailed();
        ReadResult result = await _inbound.Reader.ReadAsync(cancellationToken);
        if (result.Buffer.IsEmpty)
        {
            _inbound.Reader.AdvanceTo(result.Buffer.End);
            if (!_hasEnded)
                ThrowIfFailed(); // What came before the connection's end has been read; a reset drops it.
            return 0;
        }
        int count = (int)Math.Min(buffer.Length, result.Buffer.Length);
        ReadOnlySequence<byte> taken = result.Buffer.Slice(0, count);
        taken.CopyTo(buffer.Span);
        _inbound.Reader.AdvanceTo(taken.End);
        _connection.Consumed(this, count);
        return count;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ThrowIfFailed();
        if (_isLocalClosed != 0)
            throw new InvalidOperationException($"stream {Id} is closed for writing");
        return _connection.WriteDataAsync(this, buffer, cancellationToken);
    }

    public override async ValueTask CompleteWritesAsync(CancellationToken ct = default)
    {
        if (_failure is not null || Interlocked.Exchange(ref _isLocalClosed, 1) != 0)
            return;
        try
        {
            await _connection.WriteEndAsync(this, ct);
        }
        catch (IOException)
        {
            // The peer is gone: it needs no end.
        }
        ForgetIfClosed();
    }

    /// <summary>Nobody here reads on: what still comes is dropped, and the peer is not told.</summary>
    public void StopReading()
    {
        _inbound.Reader.CancelPendingRead();
        _inbound.Reader.Complete();
    }

    internal void ThrowIfFailed()
    {
        if (_failure is { } failure)
            throw new IOException(failure.Message, failure);
    }

    internal void AcceptReply() => _replied.TrySetResult();

    /// <summary>The peer reads only: a stream opened as unidirectional.</summary>
    internal void CloseLocal() => Interlocked.Exchange(ref _isLocalClosed, 1);

    /// <summary>Called by the connection's reading loop alone, as the next three are; waits while the buffer is full.</summary>
    internal async ValueTask ReceiveAsync(ReadOnlySequence<byte> data, CancellationToken ct)
    {
        if (_isRemoteClosed != 0 || _failure is not null)
        {
            _connection.Consumed(null, (int)data.Length);
            return;
        }
        foreach (ReadOnlyMemory<byte> part in data)
            _inbound.Writer.Write(part.Span);
        FlushResult flushed = await _inbound.Writer.FlushAsync(ct);
        if (flushed.IsCompleted)
            _connection.Consumed(this, (int)data.Length); // Nobody reads any more: dropped, and the peer may go on.
    }

    internal void ReceiveEnd()
    {
        if (Interlocked.Exchange(ref _isRemoteClosed, 1) != 0)
            return;
        _hasEnded = true;
        _inbound.Writer.Complete();
        ForgetIfClosed();
    }

    /// <param name="isEnd">What came before is to be read, and then the stream has ended.</param>
    internal void ReceiveReset(SpdyResetStatus status, bool isEnd)
    {
        if (isEnd)
            _hasEnded = true;
        else
            _isReset = true;
        Fail(new IOException($"stream {Id} was reset by the peer: {status}"));
        CompleteInbound();
    }

    internal void ReceiveClose(IOException cause)
    {
        Fail(cause);
        CompleteInbound();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            Reset(SpdyResetStatus.Cancel);
            _inbound.Reader.Complete();
        }
        base.Dispose(disposing);
    }

    private void CompleteInbound()
    {
        if (Interlocked.Exchange(ref _isRemoteClosed, 1) == 0)
            _inbound.Writer.Complete();
    }

    private void Fail(IOException cause)
    {
        if (Interlocked.CompareExchange(ref _failure, cause, null) is not null)
            return;
        _replied.TrySetException(cause);
        _ = _replied.Task.Exception; // Of a stream that the peer opened, nobody waits for the reply.
        SendWindow.Open();
        _ = _aborted.CancelAsync(); // Whoever stops by it must not hold up the connection's loop.
    }

    private void ForgetIfClosed()
    {
        if (_isLocalClosed + _isRemoteClosed == 2)
            _connection.Forget(this);
    }
}
