namespace KvStore.Grpc;

/// <summary>The outgoing messages of a call. One writer at a time: a second concurrent write is refused.</summary>
public interface IAsyncStreamWriter<in T>
{
    /// <summary>Holds for the writes that follow, until it is set again.</summary>
    WriteOptions? WriteOptions { get; set; }

    /// <summary>Completes when the message is on its way and there is room for another: a slow reader is waited for.</summary>
    /// <exception cref="InvalidOperationException">Another write has not finished, or the call has ended.</exception>
    /// <exception cref="OperationCanceledException">On a server: the call was cancelled.</exception>
    /// <exception cref="RpcException">On a client: the call has ended with an error.</exception>
    Task WriteAsync(T message);
}

/// <summary>A server's outgoing messages.</summary>
public interface IServerStreamWriter<in T> : IAsyncStreamWriter<T>;

/// <summary>A client's outgoing messages.</summary>
public interface IClientStreamWriter<in T> : IAsyncStreamWriter<T>
{
    /// <summary>Half-closes the call: no further message will come, the responses go on.</summary>
    Task CompleteAsync();
}
