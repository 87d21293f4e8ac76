namespace KvStore.Grpc;

/// <summary>A call as its caller holds it; the AsyncXCall types are views of it.</summary>
internal interface IClientCall<TResponse>
{
    CallEnd End { get; }

    /// <summary>Fails when the call ends without headers.</summary>
    Task<Metadata> ResponseHeadersAsync { get; }

    IAsyncStreamReader<TResponse> ResponseStream { get; }

    /// <summary>Cancels the call if it has not ended.</summary>
    void Dispose();
}

internal static class ClientCalls
{
    /// <summary>The one response of a call that has one.</summary>
    /// <exception cref="RpcException">The call did not end with OK and exactly one response.</exception>
    public static async Task<TResponse> ReadSingleAsync<TResponse>(this IClientCall<TResponse> call)
    {
        try
        {
            var responses = call.ResponseStream;
            if (!await responses.MoveNext().ConfigureAwait(false))
                throw new RpcException(StatusCode.Internal, "grpc: the server ended the call with OK but sent no response");
            var response = responses.Current;
            if (await responses.MoveNext().ConfigureAwait(false))
                throw new RpcException(StatusCode.Internal, "grpc: the server sent more than one response");
            return response;
        }
        finally
        {
            call.Dispose();
        }
    }
}
