using KvStore.Server.Bench.Http2;

namespace KvStore.Server.Bench.Load;

/// <summary>
/// A connection as the load's loop sees it: with its group, and with the poller told when output waits for room.
/// </summary>
internal sealed class LoadConnection(ClientConnection connection, SocketPoller poller, int token)
{
    private bool _isWatchingOutput;

    public ClientConnection Http { get; } = connection;

    public void Flush()
    {
        if (!Http.HasOutput)
            return;
        Http.Flush();
        if (Http.HasOutput == _isWatchingOutput)
            return;
        _isWatchingOutput = Http.HasOutput;
        poller.WatchOutput(Http.Socket, token, _isWatchingOutput);
    }

    /// <summary>To be called when the socket is ready for something.</summary>
    public void Serve(long now)
    {
        Http.Receive(now);
        Flush();
    }
}
