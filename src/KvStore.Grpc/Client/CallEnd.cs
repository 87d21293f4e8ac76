namespace KvStore.Grpc;

/// <summary>How a client's call ended, set once; what waits for the call waits for this too.</summary>
internal sealed class CallEnd
{
    private readonly TaskCompletionSource<(Status Status, Metadata Trailers)> _end =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Never fails.</summary>
    public Task Task => _end.Task;

    public bool IsSet => _end.Task.IsCompleted;

    /// <exception cref="InvalidOperationException">The call has not ended.</exception>
    public Status Status => Value.Status;

    /// <inheritdoc cref="Status"/>
    public Metadata Trailers => Value.Trailers;

    private (Status Status, Metadata Trailers) Value => IsSet
        ? _end.Task.Result
        : throw new InvalidOperationException("the call has not ended yet: await its response, or read its stream to the end");

    /// <returns>False if the call has ended before: the first end stands.</returns>
    public bool TrySet(Status status, Metadata? trailers = null) => _end.TrySetResult((status, trailers ?? []));

    public RpcException ToException() => new(Status, Trailers);
}
