namespace KvStore.Grpc;

/// <summary>A call with one request and any number of responses.</summary>
public sealed class AsyncServerStreamingCall<TResponse> : IDisposable
{
    private readonly IClientCall<TResponse> _call;

    internal AsyncServerStreamingCall(IClientCall<TResponse> call) => _call = call;

    public IAsyncStreamReader<TResponse> ResponseStream => _call.ResponseStream;

    public Task<Metadata> ResponseHeadersAsync => _call.ResponseHeadersAsync;

    /// <exception cref="InvalidOperationException">The call has not ended.</exception>
    public Status GetStatus() => _call.End.Status;

    /// <inheritdoc cref="GetStatus"/>
    public Metadata GetTrailers() => _call.End.Trailers;

    /// <summary>Cancels the call if it has not ended.</summary>
    public void Dispose() => _call.Dispose();
}
