using System.Buffers;

namespace KvStore.Server.Peers.Wire;

/// <summary>Cuts a stream into frames. One reader at a time.</summary>
/// <remarks>
/// Its buffer is small, and for a large frame grows only as its bytes come, since lengths are claims; then it shrinks again.
/// </remarks>
internal sealed class FrameReader(Stream stream, int bufferBytes, int frameLimitBytes) : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(bufferBytes);
    private int _start;
    private int _end;

    /// <summary>Called after each read with the bytes it brought.</summary>
    public Action<int> Progressed { get; init; } = _ => { };

    /// <summary>Takes the next frame out of what was read already. Good until the next call.</summary>
    /// <exception cref="InvalidDataException">What was read is no frame.</exception>
    public bool TryTake(out ReadOnlyMemory<byte> body)
    {
        body = default;
        var buffered = _buffer.AsSpan(_start, _end - _start);
        if (buffered.Length < Frame.HeaderBytes)
            return false;
        var (length, crc) = Frame.ReadHeader(buffered, frameLimitBytes);
        if (buffered.Length - Frame.HeaderBytes < length)
            return false;
        Frame.Check(buffered.Slice(Frame.HeaderBytes, length), crc);
        body = _buffer.AsMemory(_start + Frame.HeaderBytes, length);
        _start += Frame.HeaderBytes + length;
        return true;
    }

    /// <summary>Reads more.</summary>
    /// <returns>False at the end of the stream.</returns>
    public async ValueTask<bool> FillAsync(CancellationToken cancellation)
    {
        MakeRoom();
        int count = await stream.ReadAsync(_buffer.AsMemory(_end), cancellation);
        _end += count;
        Progressed(count);
        return count > 0;
    }

    /// <summary>Forgets what was read.</summary>
    public void Discard() => (_start, _end) = (0, 0);

    /// <summary>Waits for the next frame.</summary>
    /// <exception cref="EndOfStreamException">The stream ended first.</exception>
    public async ValueTask<byte[]> TakeAsync(CancellationToken cancellation)
    {
        while (true)
        {
            if (TryTake(out var body))
                return body.ToArray();
            if (!await FillAsync(cancellation))
                throw new EndOfStreamException("The connection was closed.");
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        (_start, _end) = (0, 0);
    }

    private void MakeRoom()
    {
        int count = _end - _start;
        if (count == 0)
        {
            (_start, _end) = (0, 0);
            if (_buffer.Length > 4 * bufferBytes)
                Resize(bufferBytes, 0);
            return;
        }
        if (_start > 0 && _end > _buffer.Length / 2)
        {
            _buffer.AsSpan(_start, count).CopyTo(_buffer);
            (_start, _end) = (0, count);
        }
        if (_end == _buffer.Length)
            Resize(2 * _buffer.Length, count);
    }

    private void Resize(int size, int count)
    {
        byte[] other = ArrayPool<byte>.Shared.Rent(size);
        _buffer.AsSpan(_start, count).CopyTo(other);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = other;
        (_start, _end) = (0, count);
    }
}
