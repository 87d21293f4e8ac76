using KvStore.Grpc;

namespace KvStore.Client;

/// <summary>A stream that is open on an endpoint.</summary>
internal sealed class OpenStream<TRequest, TResponse>(
    EndpointUse use, AsyncDuplexStreamingCall<TRequest, TResponse> call, string? token, CancellationTokenSource lifetime)
    : IDisposable
{
    private int _isDisposed;

    public EndpointUse Use => use;

    /// <summary>What it was opened with.</summary>
    public string? Token => token;

    public IClientStreamWriter<TRequest> Requests => call.RequestStream;

    public IAsyncStreamReader<TResponse> Responses => call.ResponseStream;

    /// <summary>Ends the stream from this side: who reads it gets Cancelled.</summary>
    public void Cut() => call.Dispose();

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        call.Dispose();
        lifetime.Dispose();
        use.Dispose();
    }
}
