namespace KvStore.Grpc;

/// <summary>A call with any number of requests and responses, each side at its own pace.</summary>
public sealed class AsyncDuplexStreamingCall<TRequest, TResponse> : IDisposable
{
    private readonly IClientCall<TResponse> _call;

    internal AsyncDuplexStreamingCall(IClientCall<TResponse> call, IClientStreamWriter<TRequest> requestStream) =>
        (_call, RequestStream) = (call, requestStream);

    public IClientStreamWriter<TRequest> RequestStream { get; }

    public IAsyncStreamReader<TResponse> ResponseStream => _call.ResponseStream;

    public Task<Metadata> ResponseHeadersAsync => _call.ResponseHeadersAsync;

    /// <exception cref="InvalidOperationException">The call has not ended.</exception>
    public Status GetStatus() => _call.End.Status;

    /// <inheritdoc cref="GetStatus"/>
    public Metadata GetTrailers() => _call.End.Trailers;

    /// <summary>Cancels the call if it has not ended.</summary>
    public void Dispose() => _call.Dispose();
}
