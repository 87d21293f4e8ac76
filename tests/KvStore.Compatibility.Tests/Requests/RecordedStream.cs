using Google.Protobuf;
using KvStore.Grpc;

namespace KvStore.Compatibility.Tests.Requests;

/// <summary>A call with requests and answers at any time, both noted.</summary>
internal class RecordedStream<TRequest, TResponse>(RecordedClient client, AsyncDuplexStreamingCall<TRequest, TResponse> call) : IDisposable
    where TRequest : class, IMessage
    where TResponse : class, IMessage
{
    private string _lastRequest = "(nothing)";

    protected RecordedClient Client => client;

    public async Task SendAsync(TRequest request)
    {
        _lastRequest = MessageText.Of(request);
        await call.RequestStream.WriteAsync(request);
    }

    /// <summary>Ends our side; the server's stays open.</summary>
    public Task CompleteAsync() => call.RequestStream.CompleteAsync();

    /// <summary>Waits for the next answer and notes it.</summary>
    public async Task<TResponse> NextAsync()
    {
        var response = await ReadAsync();
        Note(MessageText.Of(response));
        return response;
    }

    /// <summary>Waits for the end of the stream and notes with which status it came.</summary>
    public async Task EndAsync()
    {
        using var patience = new CancellationTokenSource(RecordedClient.Patience);
        try
        {
            Note(await call.ResponseStream.MoveNext(patience.Token) ? MessageText.Of(call.ResponseStream.Current) : "the end: OK");
        }
        catch (RpcException refusal)
        {
            Note($"the end: {RecordedClient.TextOf(refusal)}");
        }
    }

    public void Dispose() => call.Dispose();

    protected void Note(string answer) => client.Note($"{typeof(TRequest).Name} {_lastRequest}", answer);

    protected async Task<TResponse> ReadAsync()
    {
        using var patience = new CancellationTokenSource(RecordedClient.Patience);
        if (!await call.ResponseStream.MoveNext(patience.Token))
            throw new InvalidOperationException($"the stream ended after {_lastRequest}");
        return call.ResponseStream.Current;
    }
}
