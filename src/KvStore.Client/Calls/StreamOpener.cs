using KvStore.Grpc;

namespace KvStore.Client;

/// <summary>Opens streams on whatever endpoint is ready, with what a stream needs.</summary>
internal sealed class StreamOpener(ClientOptions options, EndpointSet endpoints, Credentials credentials)
{
    public Credentials Credentials => credentials;

    /// <summary>Waits for an endpoint as long as it takes.</summary>
    /// <exception cref="EtcdException">The user was refused.</exception>
    public async Task<OpenStream<TRequest, TResponse>> OpenAsync<TRequest, TResponse>(
        Method<TRequest, TResponse> method, CancellationToken cancellationToken)
    {
        var (use, callOptions, token, either) =
            await PrepareAsync(options.StreamsRequireLeader, cancellationToken).ConfigureAwait(false);
        return new OpenStream<TRequest, TResponse>(
            use, use.Endpoint.Invoker.AsyncDuplexStreamingCall(method, null, callOptions), token, either);
    }

    /// <summary>A stream of answers to one request, not tried again.</summary>
    public async IAsyncEnumerable<TResponse> ReadOnceAsync<TRequest, TResponse>(
        Method<TRequest, TResponse> method, TRequest request, RequestOptions? wishes,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        bool requireLeader = wishes?.RequireLeader ?? options.RequireLeader;
        var (use, callOptions, token, either) =
            await PrepareAsync(requireLeader, cancellationToken, wishes?.Endpoint).ConfigureAwait(false);
        using var held = use;
        using var linked = either;
        using var call = use.Endpoint.Invoker.AsyncServerStreamingCall(method, null, callOptions, request);
        while (await MoveNextAsync(call.ResponseStream, use, token, cancellationToken).ConfigureAwait(false))
            yield return call.ResponseStream.Current;
    }

    /// <summary>What the end of a stream means: null to open it again, else why not.</summary>
    public EtcdException? Ended(RpcException exception, EndpointUse use, string? token)
    {
        var kind = use.Endpoint.CutToken.IsCancellationRequested
            ? FailureKind.Lost
            : Failure.KindOf(exception.Status, credentials.Exist);
        switch (kind)
        {
            case FailureKind.TokenRefused:
                credentials.Refused(token);
                return null;
            case FailureKind.Doubtful when exception.StatusCode == StatusCode.ResourceExhausted:
            case FailureKind.Refused:
                return Failure.ToException(exception, use.Endpoint.Address);
            case FailureKind.Unavailable:
                endpoints.Avoid(use.Endpoint);
                return null;
            default:
                use.Failed(exception);
                return null;
        }
    }

    private async Task<(EndpointUse Use, CallOptions Options, string? Token, CancellationTokenSource Either)> PrepareAsync(
        bool requireLeader, CancellationToken cancellationToken, string? address = null)
    {
        string? token = await credentials.TokenAsync(cancellationToken).ConfigureAwait(false);
        var use = address is null
            ? await endpoints.PickAsync(owesAnswer: false, cancellationToken).ConfigureAwait(false)
            : endpoints.Get(address, owesAnswer: false);
        var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, use.Endpoint.CutToken);
        return (use, new CallOptions(CallRunner.Headers(token, requireLeader), null, either.Token), token, either);
    }

    private async Task<bool> MoveNextAsync<T>(
        IAsyncStreamReader<T> reader, EndpointUse use, string? token, CancellationToken cancellationToken)
    {
        try
        {
            bool hasNext = await reader.MoveNext().ConfigureAwait(false);
            use.Answered();
            return hasNext;
        }
        catch (RpcException exception)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Ended(exception, use, token) ?? Failure.ToException(exception, use.Endpoint.Address);
        }
    }
}
