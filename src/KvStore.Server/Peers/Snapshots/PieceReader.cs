using KvStore.Server.Peers.Wire;

namespace KvStore.Server.Peers.Snapshots;

/// <summary>A snapshot's body as it arrives: ends where the sender said that it is complete, and throws if it breaks off before.</summary>
internal sealed class PieceReader(FrameReader frames) : Stream
{
    private ReadOnlyMemory<byte> _piece;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>The sender said that there is no more.</summary>
    public bool IsComplete { get; private set; }

    /// <exception cref="IOException">The connection broke before the body's end.</exception>
    /// <exception cref="InvalidDataException">What came is no body.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
            return 0;
        while (_piece.IsEmpty && !IsComplete)
        {
            if (frames.TryTake(out var body))
                Take(body);
            else if (!await frames.FillAsync(cancellationToken))
                throw new EndOfStreamException("The connection was closed before the end of the snapshot.");
        }
        int count = Math.Min(buffer.Length, _piece.Length);
        _piece[..count].CopyTo(buffer);
        _piece = _piece[count..];
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("Snapshots are read asynchronously.");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private void Take(ReadOnlyMemory<byte> body)
    {
        switch ((FrameKind)body.Span[0])
        {
            case FrameKind.Piece when body.Length > 1: _piece = body[1..]; break;
            case FrameKind.Done when body.Length == 1: IsComplete = true; break;
            default: throw new InvalidDataException($"A frame of kind {body.Span[0]:x} with {body.Length} bytes is no part of a snapshot.");
        }
    }
}
