using System.Collections.Concurrent;
using System.Net;
using Google.Protobuf.Reflection;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Client.Tests.Servers;

/// <summary>A server that does what a test says, on a free port of the loopback and in memory.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly GrpcServer _server;
    private GrpcHost? _host;

    public ScriptedServer()
    {
        var kv = new GrpcServiceBinder(Service("KV"))
            .Unary<RangeRequest, RangeResponse>("Range", Note<RangeRequest, RangeResponse>(
                (request, context) => OnRange(request, context)))
            .Unary<PutRequest, PutResponse>("Put", Note<PutRequest, PutResponse>((request, context) => OnPut(request, context)))
            .Unary<TxnRequest, TxnResponse>("Txn", Note<TxnRequest, TxnResponse>((request, context) => OnTxn(request, context)));
        var auth = new GrpcServiceBinder(Service("Auth"))
            .Unary<AuthenticateRequest, AuthenticateResponse>("Authenticate", Note<AuthenticateRequest, AuthenticateResponse>(
                (request, context) => OnAuthenticate(request, context)));
        var watch = new GrpcServiceBinder(Service("Watch"))
            .DuplexStreaming<WatchRequest, WatchResponse>("Watch", (requests, responses, context) =>
            {
                Calls.Add("Watch");
                return OnWatch(requests, responses, context);
            });
        var lease = new GrpcServiceBinder(Service("Lease"))
            .DuplexStreaming<LeaseKeepAliveRequest, LeaseKeepAliveResponse>("LeaseKeepAlive", (requests, responses, context) =>
            {
                Calls.Add("LeaseKeepAlive");
                return OnKeepAlive(requests, responses, context);
            });
        var cluster = new GrpcServiceBinder(Service("Cluster"))
            .Unary<MemberListRequest, MemberListResponse>("MemberList", Note<MemberListRequest, MemberListResponse>(
                (request, context) => OnMemberList(request, context)));
        var maintenance = new GrpcServiceBinder(Service("Maintenance"))
            .ServerStreaming<SnapshotRequest, SnapshotResponse>("Snapshot", (request, responses, context) =>
                OnSnapshot(responses));
        _server = new GrpcServer([kv, auth, watch, lease, cluster, maintenance]);
    }

    /// <summary>The methods that were called; the health probe has no handler here.</summary>
    public ConcurrentBag<string> Calls { get; } = [];

    public Func<RangeRequest, ServerCallContext, Task<RangeResponse>> OnRange { get; set; } = (_, _) =>
        Task.FromResult(new RangeResponse { Header = new ResponseHeader { Revision = 1 } });

    public Func<PutRequest, ServerCallContext, Task<PutResponse>> OnPut { get; set; } = (_, _) =>
        Task.FromResult(new PutResponse());

    public Func<TxnRequest, ServerCallContext, Task<TxnResponse>> OnTxn { get; set; } = (_, _) =>
        Task.FromResult(new TxnResponse());

    public Func<AuthenticateRequest, ServerCallContext, Task<AuthenticateResponse>> OnAuthenticate { get; set; } = (_, _) =>
        Task.FromResult(new AuthenticateResponse { Token = "token" });

    public Func<MemberListRequest, ServerCallContext, Task<MemberListResponse>> OnMemberList { get; set; } = (_, _) =>
        Task.FromResult(new MemberListResponse());

    public Func<IServerStreamWriter<SnapshotResponse>, Task> OnSnapshot { get; set; } = _ => Task.CompletedTask;

    public DuplexStreamingServerMethod<WatchRequest, WatchResponse> OnWatch { get; set; } = (requests, _, context) =>
        Drain(requests, context);

    public DuplexStreamingServerMethod<LeaseKeepAliveRequest, LeaseKeepAliveResponse> OnKeepAlive { get; set; } =
        (requests, _, context) => Drain(requests, context);

    public string Url => $"http://{EndPoint}";

    public IPEndPoint EndPoint => (IPEndPoint)_host!.BoundEndPoints[0];

    public CallInvoker InMemory => new InMemoryChannel(_server);

    public async Task<ScriptedServer> StartAsync(GrpcListenEndpoint? endpoint = null)
    {
        _host = new GrpcHost(
            _server, new GrpcHostOptions { Endpoints = [endpoint ?? GrpcListenEndpoint.Tcp(IPAddress.Loopback, 0)] });
        await _host.StartAsync();
        return this;
    }

    public int CountOf(string method) => Calls.Count(call => call == method);

    public async ValueTask DisposeAsync()
    {
        if (_host is not null)
            await _host.DisposeAsync();
    }

    public static RpcException Refusal(StatusCode code, string text) => new(code, text);

    private Func<TRequest, ServerCallContext, Task<TResponse>> Note<TRequest, TResponse>(
        Func<TRequest, ServerCallContext, Task<TResponse>> handler) => (request, context) =>
    {
        Calls.Add(context.Method[(context.Method.LastIndexOf('/') + 1)..]);
        return handler(request, context);
    };

    private static async Task Drain<T>(IAsyncStreamReader<T> requests, ServerCallContext context)
    {
        while (await requests.MoveNext(context.CancellationToken))
        {
        }
    }

    private static ServiceDescriptor Service(string name) => RpcReflection.Descriptor.FindTypeByName<ServiceDescriptor>(name);
}
