using KvStore.Grpc;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Images.Containerd;

/// <summary>The way to containerd's own services, beside the interface that all runtimes have.</summary>
public sealed class ContainerdConnection : IDisposable
{
    /// <summary>Where containerd keeps what belongs to Kubernetes.</summary>
    private const string Namespace = "k8s.io";
    private const int MessageLimitBytes = 16 * 1024 * 1024;
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(2);

    private readonly GrpcChannel _channel;

    public ContainerdConnection(string socket, TimeProvider clock)
    {
        Clock = clock;
        _channel = GrpcChannel.ForAddress("unix:" + socket, new GrpcChannelOptions
        {
            MaxReceiveMessageSize = MessageLimitBytes,
            MaxSendMessageSize = MessageLimitBytes,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            UserAgent = "orchestrator-kubelet",
            TimeProvider = clock,
        });
    }

    public TimeProvider Clock { get; }

    public void Dispose() => _channel.Dispose();

    /// <param name="lease">What is made belongs to it; empty for none.</param>
    /// <exception cref="CriException">containerd refuses, or does not answer.</exception>
    internal async Task<TResponse> CallAsync<TRequest, TResponse>(
        Method<TRequest, TResponse> method, TRequest request, string lease, CancellationToken ct)
    {
        try
        {
            DateTime deadline = Clock.GetUtcNow().UtcDateTime + Timeout;
            return await _channel.AsyncUnaryCall(method, null, new CallOptions(HeadersOf(lease), deadline, ct), request);
        }
        catch (RpcException e)
        {
            ct.ThrowIfCancellationRequested();
            throw Failure(e);
        }
    }

    /// <summary>As above; null where there is no such thing.</summary>
    internal async Task<TResponse?> FindAsync<TRequest, TResponse>(
        Method<TRequest, TResponse> method, TRequest request, string lease, CancellationToken ct)
        where TResponse : class
    {
        try
        {
            return await CallAsync(method, request, lease, ct);
        }
        catch (CriException e) when (e.Code == StatusCode.NotFound)
        {
            return null;
        }
    }

    /// <summary>Opens a stream both ways.</summary>
    internal AsyncDuplexStreamingCall<TRequest, TResponse> Open<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string lease, CancellationToken ct) =>
        _channel.AsyncDuplexStreamingCall(method, null, new CallOptions(HeadersOf(lease), CancellationToken: ct));

    internal static CriException Failure(RpcException e) => new($"containerd: {e.Status.Detail}", e.StatusCode, e);

    private static Metadata HeadersOf(string lease)
    {
        var headers = new Metadata { { "containerd-namespace", Namespace } };
        if (lease.Length > 0)
            headers.Add("containerd-lease", lease);
        return headers;
    }
}
