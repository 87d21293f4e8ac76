using System.Threading.Channels;
using KvStore.Grpc;

namespace KvStore.Client.Tests.Servers;

/// <summary>The server's side of one stream, in a test's hands.</summary>
internal sealed class ScriptedStream<TRequest, TResponse>(IServerStreamWriter<TResponse> responses, ServerCallContext context)
{
    private readonly Channel<TRequest> _requests = Channel.CreateUnbounded<TRequest>();
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string? Header(string key) => context.RequestHeaders.GetValue(key);

    public Task<TRequest> NextAsync() => Support.Waiting.Soon(_requests.Reader.ReadAsync());

    public bool TryNext(out TRequest? request) => _requests.Reader.TryRead(out request);

    public Task SendAsync(TResponse response) => responses.WriteAsync(response);

    public void Fail(StatusCode code, string text) => _end.TrySetException(new RpcException(code, text));

    /// <param name="begun">Told when the first request has come.</param>
    public async Task ServeAsync(IAsyncStreamReader<TRequest> requests, Action begun)
    {
        var reading = ReadAsync(requests, begun);
        await await Task.WhenAny(reading, _end.Task);
    }

    private async Task ReadAsync(IAsyncStreamReader<TRequest> requests, Action begun)
    {
        for (bool isFirst = true; await requests.MoveNext(context.CancellationToken); isFirst = false)
        {
            _requests.Writer.TryWrite(requests.Current);
            if (isFirst)
                begun();
        }
        await _end.Task.WaitAsync(context.CancellationToken);
    }
}

/// <summary>The streams that clients open and ask something on, one after the other. One that is given up before that is none: a client
/// opens another then, and a test that held on to the first would wait for ever.</summary>
internal sealed class ScriptedStreams<TRequest, TResponse>
{
    private readonly Channel<ScriptedStream<TRequest, TResponse>> _streams =
        Channel.CreateUnbounded<ScriptedStream<TRequest, TResponse>>();

    public Task<ScriptedStream<TRequest, TResponse>> NextAsync() => Support.Waiting.Soon(_streams.Reader.ReadAsync());

    public Task ServeAsync(
        IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context)
    {
        var stream = new ScriptedStream<TRequest, TResponse>(responses, context);
        return stream.ServeAsync(requests, () => _streams.Writer.TryWrite(stream));
    }
}
