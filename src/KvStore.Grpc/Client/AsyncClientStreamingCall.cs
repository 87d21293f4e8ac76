using System.Runtime.CompilerServices;

namespace KvStore.Grpc;

/// <summary>A call with any number of requests and one response; awaiting it gives the response.</summary>
public sealed class AsyncClientStreamingCall<TRequest, TResponse> : IDisposable
{
    private readonly IClientCall<TResponse> _call;

    internal AsyncClientStreamingCall(
        IClientCall<TResponse> call, IClientStreamWriter<TRequest> requestStream, Task<TResponse> response) =>
        (_call, RequestStream, ResponseAsync) = (call, requestStream, response);

    public IClientStreamWriter<TRequest> RequestStream { get; }

    public Task<TResponse> ResponseAsync { get; }

    public Task<Metadata> ResponseHeadersAsync => _call.ResponseHeadersAsync;

    public TaskAwaiter<TResponse> GetAwaiter() => ResponseAsync.GetAwaiter();

    public ConfiguredTaskAwaitable<TResponse> ConfigureAwait(bool continueOnCapturedContext) =>
        ResponseAsync.ConfigureAwait(continueOnCapturedContext);

    /// <exception cref="InvalidOperationException">The call has not ended.</exception>
    public Status GetStatus() => _call.End.Status;

    /// <inheritdoc cref="GetStatus"/>
    public Metadata GetTrailers() => _call.End.Trailers;

    /// <summary>Cancels the call if it has not ended.</summary>
    public void Dispose() => _call.Dispose();
}
