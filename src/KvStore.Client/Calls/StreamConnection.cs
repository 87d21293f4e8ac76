using System.Threading.Channels;
using KvStore.Grpc;

namespace KvStore.Client;

/// <summary>One life of a <see cref="LastingStream{TRequest, TResponse, TConnection}"/>: its stream, and what waits to be sent on it.</summary>
internal class StreamConnection<TRequest, TResponse>(OpenStream<TRequest, TResponse> stream)
{
    /// <summary>Bounded by what is asked for on the stream: each has a request or two under way at most.</summary>
    private readonly Channel<TRequest> _outgoing = Channel.CreateUnbounded<TRequest>(new UnboundedChannelOptions { SingleReader = true });

    public string Endpoint => stream.Use.Endpoint.Address;

    public string? Token => stream.Token;

    public bool IsClosed { get; private set; }

    /// <summary>It was closed because it does not answer: another is to be opened, elsewhere if there is an elsewhere.</summary>
    public bool IsSilent { get; private set; }

    public void Send(TRequest request) => _outgoing.Writer.TryWrite(request);

    public void EndSending() => _outgoing.Writer.TryComplete();

    /// <summary>Closes it from this side, for silence or because nobody needs it any more.</summary>
    public void Close(bool isSilent)
    {
        IsSilent |= isSilent && !IsClosed;
        IsClosed = true;
        stream.Cut();
    }

    /// <summary>Sends what is to be sent until <see cref="EndSending"/>, or until the stream ends.</summary>
    public async Task WriteAsync()
    {
        try
        {
            await foreach (var request in _outgoing.Reader.ReadAllAsync().ConfigureAwait(false))
                await stream.Requests.WriteAsync(request).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is RpcException or InvalidOperationException)
        {
            // The stream has ended; its reader knows why.
        }
    }
}
