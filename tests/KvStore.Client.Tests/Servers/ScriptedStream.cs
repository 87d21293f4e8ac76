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

    public async Task ServeAsync(IAsyncStreamReader<TRequest> requests)
    {
        var reading = ReadAsync(requests);
        await await Task.WhenAny(reading, _end.Task);
    }

    private async Task ReadAsync(IAsyncStreamReader<TRequest> requests)
    {
        while (await requests.MoveNext(context.CancellationToken))
            _requests.Writer.TryWrite(requests.Current);
        await _end.Task.WaitAsync(context.CancellationToken);
    }
}

/// <summary>The streams that clients open, one after the other.</summary>
internal sealed class ScriptedStreams<TRequest, TResponse>
{
    private readonly Channel<ScriptedStream<TRequest, TResponse>> _streams =
        Channel.CreateUnbounded<ScriptedStream<TRequest, TResponse>>();

    public Task<ScriptedStream<TRequest, TResponse>> NextAsync() => Support.Waiting.Soon(_streams.Reader.ReadAsync());

    public Task ServeAsync(
        IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context)
    {
        var stream = new ScriptedStream<TRequest, TResponse>(responses, context);
        _streams.Writer.TryWrite(stream);
        return stream.ServeAsync(requests);
    }
}
