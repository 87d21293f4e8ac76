namespace KvStore.Grpc;

/// <summary>Sees every call begin and end: the place for metrics, and to refuse a call before it is read.</summary>
/// <remarks>Called on the call's own thread: be quick and do not block. One observer serves all calls concurrently.</remarks>
public abstract class ServerCallObserver
{
    /// <summary>Before the request is read.</summary>
    /// <exception cref="RpcException">Thrown to refuse the call: its status is the answer.</exception>
    public virtual void OnStarted(ServerCallContext context, MethodType type)
    {
    }

    public virtual void OnMessageReceived(ServerCallContext context, int sizeBytes)
    {
    }

    public virtual void OnMessageSent(ServerCallContext context, int sizeBytes)
    {
    }

    /// <summary>Once a call, also for a refused one.</summary>
    public virtual void OnFinished(ServerCallContext context, MethodType type, Status status, TimeSpan elapsed)
    {
    }
}
