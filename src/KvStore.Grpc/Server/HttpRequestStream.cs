using System.IO.Pipelines;

namespace KvStore.Grpc;

/// <summary>A streaming call's requests, off the request body.</summary>
internal sealed class HttpRequestStream<T>(HttpServerCall call, Marshaller<T> marshaller) : IServerRequestStream<T>
{
    private T _current = default!;
    private bool _hasEnded;

    public T Current => _current;

    public ValueTask<T> ReadSingleAsync() => call.ReadSingleAsync(marshaller, keepBytes: false);

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        using var registration = cancellationToken.UnsafeRegister(static input => EndRead((PipeReader)input!), call.Input);
        while (!_hasEnded)
        {
            call.CancellationToken.ThrowIfCancellationRequested();
            cancellationToken.ThrowIfCancellationRequested();
            if (!call.TryRead(out var result))
                result = await call.ReadAsync().ConfigureAwait(false);
            var buffer = result.Buffer;
            var hasMessage = call.TryTakeMessage(ref buffer, marshaller, keepBytes: false, out _current);
            if (!hasMessage && result.IsCompleted)
            {
                if (!buffer.IsEmpty)
                    throw MessageFrame.EndedEarly(buffer);
                _hasEnded = true;
            }

            call.AdvanceTo(buffer.Start, hasMessage ? buffer.Start : buffer.End);
            if (hasMessage)
                return true;
        }

        return false;
    }

    private static void EndRead(PipeReader input)
    {
        try
        {
            input.CancelPendingRead();
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // The client hung up, which is what cancelled: the read ends by that.
        }
    }
}
