using KvStore.Grpc;

namespace Orchestrator.Runtime.Kubelet.Cri.Grpc;

/// <summary>The way to a runtime: calls with a time limit, whose failures are <see cref="CriException"/>s.</summary>
/// <remarks>A runtime that is started anew is found again by the next call.</remarks>
public sealed class CriConnection : IDisposable
{
    /// <summary>The lists of a node that is full of pods.</summary>
    private const int MessageLimitBytes = 16 * 1024 * 1024;

    private readonly GrpcChannel _channel;

    public CriConnection(CriOptions options)
    {
        Options = options;
        _channel = GrpcChannel.ForAddress("unix:" + options.Socket, new GrpcChannelOptions
        {
            MaxReceiveMessageSize = MessageLimitBytes,
            MaxSendMessageSize = MessageLimitBytes,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            UserAgent = "orchestrator-kubelet",
            TimeProvider = options.Clock,
        });
    }

    public CriOptions Options { get; }

    public void Dispose() => _channel.Dispose();

    /// <param name="timeout">Null: as long as it takes.</param>
    internal async Task<TResponse> CallAsync<TRequest, TResponse>(
        Method<TRequest, TResponse> method, TRequest request, TimeSpan? timeout, CancellationToken ct)
    {
        DateTime? deadline = timeout is { } limit ? Options.Clock.GetUtcNow().UtcDateTime + limit : null;
        try
        {
            return await _channel.AsyncUnaryCall(method, null, new CallOptions(Deadline: deadline, CancellationToken: ct), request);
        }
        catch (RpcException e)
        {
            ct.ThrowIfCancellationRequested();
            throw Failure(e);
        }
    }

    internal Task<TResponse> CallAsync<TRequest, TResponse>(Method<TRequest, TResponse> method, TRequest request, CancellationToken ct) =>
        CallAsync(method, request, Options.RequestTimeout, ct);

    /// <summary>Calls <paramref name="received"/> for each message until the stream ends; then it throws, whatever ended it.</summary>
    /// <param name="opened">Called when the runtime has taken the call.</param>
    internal async Task ListenAsync<TRequest, TResponse>(
        Method<TRequest, TResponse> method, TRequest request, Action opened, Action<TResponse> received, CancellationToken ct)
    {
        try
        {
            using AsyncServerStreamingCall<TResponse> call =
                _channel.AsyncServerStreamingCall(method, null, new CallOptions(CancellationToken: ct), request);
            await call.ResponseHeadersAsync;
            opened();
            while (await call.ResponseStream.MoveNext(ct))
                received(call.ResponseStream.Current);
            throw new CriException($"the runtime has ended {method.Name}", StatusCode.Unavailable);
        }
        catch (RpcException e)
        {
            ct.ThrowIfCancellationRequested();
            throw Failure(e);
        }
    }

    /// <summary>The failure as users know it from other nodes.</summary>
    private static CriException Failure(RpcException e) =>
        new($"rpc error: code = {CodeName(e.StatusCode)} desc = {e.Status.Detail}", e.StatusCode, e);

    private static string CodeName(StatusCode code) => code == StatusCode.Cancelled ? "Canceled" : code.ToString();
}
