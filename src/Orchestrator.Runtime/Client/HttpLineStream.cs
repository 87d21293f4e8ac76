using System.Buffers;
using System.IO.Pipelines;

namespace Orchestrator.Runtime.Client;

/// <summary>Splits an answer's body into lines as it arrives, copying a line only where it spans buffers.</summary>
internal sealed class HttpLineStream(HttpResponseMessage response, Stream body, TimeSpan? retryAfter) : IApiStream
{
    // No object is larger than 1.5 MiB in the store; this leaves room for what a server adds.
    private const int LineLimitBytes = 32 << 20;

    private readonly PipeReader _reader = PipeReader.Create(body, new StreamPipeReaderOptions(bufferSize: 16 << 10));
    private SequencePosition? _consumed;

    public int StatusCode => (int)response.StatusCode;

    public TimeSpan? RetryAfter => retryAfter;

    public async ValueTask<ReadOnlyMemory<byte>?> ReadLineAsync(CancellationToken cancellation)
    {
        try
        {
            return await ReadAsync(cancellation);
        }
        catch (Exception fault) when (HttpTransport.IsFault(fault))
        {
            cancellation.ThrowIfCancellationRequested();
            throw new TransportException($"the stream broke: {fault.Message}", fault);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _reader.CompleteAsync();
        response.Dispose();
    }

    private async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellation)
    {
        if (_consumed is { } consumed)
            _reader.AdvanceTo(consumed);
        _consumed = null;
        while (true)
        {
            var result = await _reader.ReadAsync(cancellation);
            var buffer = result.Buffer;
            if (buffer.PositionOf((byte)'\n') is { } end)
            {
                _consumed = buffer.GetPosition(1, end);
                return Contiguous(buffer.Slice(0, end));
            }
            if (result.IsCompleted)
            {
                _consumed = buffer.End;
                // Not by "? null :", whose null would be an empty memory: the reader would never hear of the end.
                if (buffer.IsEmpty)
                    return null;
                return Contiguous(buffer);
            }
            if (buffer.Length > LineLimitBytes)
                throw new TransportException($"a line is longer than {LineLimitBytes} bytes");
            _reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    private static ReadOnlyMemory<byte> Contiguous(ReadOnlySequence<byte> line) =>
        line.IsSingleSegment ? line.First : line.ToArray();
}
