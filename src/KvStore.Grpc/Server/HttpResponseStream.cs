namespace KvStore.Grpc;

/// <summary>A streaming call's responses, into the response body.</summary>
internal sealed class HttpResponseStream<T>(HttpServerCall call, Marshaller<T> marshaller) : IServerStreamWriter<T>
{
    // A batch of hinted messages leaves at this size even if its last one has not come.
    private const int MostBufferedMessages = 256;

    private int _isWriting;
    private int _bufferedCount;

    public WriteOptions? WriteOptions { get; set; }

    public Task WriteAsync(T message)
    {
        if (Interlocked.Exchange(ref _isWriting, 1) != 0)
            throw new InvalidOperationException($"a write to {call.Method} has not finished: only one at a time is allowed");
        var isFlushing = false;
        try
        {
            var options = WriteOptions ?? call.WriteOptions;
            var isBuffered = (options?.Flags & WriteFlags.BufferHint) is WriteFlags.BufferHint
                && ++_bufferedCount < MostBufferedMessages;
            if (call.WriteToStream(marshaller, message, options, isBuffered) is not { } flush)
                return Task.CompletedTask;
            _bufferedCount = 0;
            if (flush.IsCompletedSuccessfully)
                return flush.GetAwaiter().GetResult().IsCanceled ? Task.FromCanceled(call.CancellationToken) : Task.CompletedTask;
            isFlushing = true;
            return FlushedAsync(flush);
        }
        finally
        {
            if (!isFlushing)
                Volatile.Write(ref _isWriting, 0);
        }
    }

    private async Task FlushedAsync(ValueTask<System.IO.Pipelines.FlushResult> flush)
    {
        try
        {
            await flush.ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _isWriting, 0);
        }
    }
}
