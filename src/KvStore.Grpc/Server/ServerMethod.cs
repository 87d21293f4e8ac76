using Google.Protobuf.Reflection;

namespace KvStore.Grpc;

internal readonly record struct MarshallerPair<TRequest, TResponse>(Marshaller<TRequest> Request, Marshaller<TResponse> Response);

/// <summary>A bound method: serves its calls to their end and does not throw for anything that a call or handler does.</summary>
internal abstract class ServerMethod(MethodDescriptor method)
{
    /// <summary>"/etcdserverpb.KV/Put"</summary>
    public string FullName { get; } = $"/{method.Service.FullName}/{method.Name}";

    public MethodType Type { get; } = method.MethodType();

    public abstract Task ServeAsync(ServerCall call);
}

/// <summary>The requests of a streaming call, with the read that a server-streaming method makes.</summary>
internal interface IServerRequestStream<T> : IAsyncStreamReader<T>
{
    /// <summary>The one message that there must be.</summary>
    ValueTask<T> ReadSingleAsync();
}
