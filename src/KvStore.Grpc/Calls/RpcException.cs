namespace KvStore.Grpc;

/// <summary>The end of a call with a status other than OK: thrown by handlers to refuse, by client calls to report.</summary>
public sealed class RpcException(Status status, Metadata? trailers = null)
    : Exception(status.ToString(), status.DebugException)
{
    public RpcException(StatusCode code, string detail)
        : this(new Status(code, detail))
    {
    }

    public Status Status => status;

    public StatusCode StatusCode => status.StatusCode;

    public Metadata Trailers { get; } = trailers ?? [];
}
