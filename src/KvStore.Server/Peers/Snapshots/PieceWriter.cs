using KvStore.Server.Peers.Wire;

namespace KvStore.Server.Peers.Snapshots;

/// <summary>What a snapshot's body is written to: cuts it into frames.</summary>
internal sealed class PieceWriter(Stream stream, Action<int> sent) : Stream
{
    private const int PieceBytes = 256 << 10;
    private const int PayloadStart = Frame.HeaderBytes + 1;

    private readonly byte[] _frame = new byte[PayloadStart + PieceBytes];
    private int _length = PayloadStart;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Why writing failed, if it did: then the connection is to blame, not the body.</summary>
    public Exception? Failure { get; private set; }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!buffer.IsEmpty)
        {
            int count = Math.Min(buffer.Length, _frame.Length - _length);
            buffer[..count].CopyTo(_frame.AsMemory(_length));
            _length += count;
            buffer = buffer[count..];
            if (_length == _frame.Length)
                await FlushAsync(cancellationToken);
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        if (_length == PayloadStart)
            return;
        int length = _length;
        _frame[Frame.HeaderBytes] = (byte)FrameKind.Piece;
        Frame.Seal(_frame.AsSpan(0, length));
        _length = PayloadStart;
        await SendAsync(_frame.AsMemory(0, length), cancellationToken);
    }

    /// <summary>Says that the body is complete.</summary>
    public async Task CompleteAsync(CancellationToken cancellation)
    {
        await FlushAsync(cancellation);
        await SendAsync(Frame.Make(FrameKind.Done, []), cancellation);
    }

    public override void Flush() => throw new NotSupportedException("Snapshots are written asynchronously.");

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("Snapshots are written asynchronously.");

    private async ValueTask SendAsync(ReadOnlyMemory<byte> frame, CancellationToken cancellation)
    {
        try
        {
            await stream.WriteAsync(frame, cancellation);
            sent(frame.Length);
        }
        catch (Exception fault) when (fault is IOException or ObjectDisposedException or OperationCanceledException)
        {
            Failure = fault;
            throw;
        }
    }
}
