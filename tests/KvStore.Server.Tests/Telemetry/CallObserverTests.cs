using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using KvStore.Grpc;
using KvStore.Protocol;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;
using KvStore.Server.Telemetry;

namespace KvStore.Server.Tests.Telemetry;

/// <summary>Calls through an in-memory channel, as the observer sees them.</summary>
[Collection(ProcessLogCollection.Name)]
public sealed class CallObserverTests : IDisposable
{
    private readonly ServerOptions _options = ConfigurationReader.FromFlags();
    private readonly TelemetryExport _export;
    private readonly ServerMetrics _metrics;
    private readonly MemoryStream _log = new();

    public CallObserverTests()
    {
        _export = new TelemetryExport(_options.Telemetry, _options.Name);
        _metrics = new ServerMetrics(new MetricSources(), GrpcMethod.AllOf([RpcReflection.Descriptor]), isExtensive: false);
        Log.Current = new Logger(LogLevel.Info, LogFormat.Json, [_log], FixedClock.AtNoon());
    }

    public void Dispose()
    {
        Log.Current = Logger.Silent;
        _metrics.Dispose();
        _export.Dispose();
    }

    private InMemoryChannel Channel(TimeSpan slowUnary) => new(new GrpcServer(
        [
            new GrpcServiceBinder(KV)
                .Unary<RangeRequest, RangeResponse>("Range", (request, _) => request.Revision == 0
                    ? new ValueTask<RangeResponse>(new RangeResponse { Count = 1 })
                    : throw new RpcException(new Status(StatusCode.OutOfRange, "etcdserver: mvcc: required revision has been compacted"))),
        ],
        new GrpcServerOptions { Observer = new CallObserver(_metrics, slowUnary, FixedClock.AtNoon()) }));

    private static ServiceDescriptor KV => RpcReflection.Descriptor.Services.Single(service => service.Name == "KV");

    private static Task<RangeResponse> CallAsync(CallInvoker channel, RangeRequest request, CallOptions options = default) =>
        channel.AsyncUnaryCall(KV.Method<RangeRequest, RangeResponse>("Range"), null, options, request).ResponseAsync;

    private async Task<string[]> ScrapeAsync() =>
        Encoding.UTF8.GetString(await _export.ScrapeAsync(CancellationToken.None)).Split('\n');

    private async Task<string[]> ScrapeUntilAsync(string line)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        string[] lines;
        while (!(lines = await ScrapeAsync()).Contains(line) && !patience.IsCancellationRequested)
            await Task.Yield();
        return lines;
    }

    [Fact]
    public async Task A_call_is_counted_by_method_code_and_client_version()
    {
        InMemoryChannel channel = Channel(TimeSpan.FromHours(1));

        await CallAsync(channel, new RangeRequest(), new CallOptions(new Metadata { { "client-api-version", "3.6" } }));
        await Assert.ThrowsAsync<RpcException>(() => CallAsync(channel, new RangeRequest { Revision = 1 }));

        const string tags = "grpc_method=\"Range\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"";
        // A call is counted as handled when it is over, which may be a moment after its caller has the answer.
        string[] lines = await ScrapeUntilAsync($"grpc_server_handled_total{{grpc_code=\"OutOfRange\",{tags}}} 1");
        Assert.Contains($"grpc_server_started_total{{{tags}}} 2", lines);
        Assert.Contains($"grpc_server_handled_total{{grpc_code=\"OK\",{tags}}} 1", lines);
        Assert.Contains($"grpc_server_handled_total{{grpc_code=\"OutOfRange\",{tags}}} 1", lines);
        Assert.Contains("etcd_server_client_requests_total{client_api_version=\"3.6\",type=\"unary\"} 1", lines);
        Assert.Contains("etcd_server_client_requests_total{client_api_version=\"unknown\",type=\"unary\"} 1", lines);
        // The log is the process's, so that other tests' lines may be in it.
        Assert.DoesNotContain("request stats", Encoding.UTF8.GetString(_log.ToArray()));
    }

    [Fact]
    public async Task A_slow_unary_call_is_logged_without_its_key()
    {
        InMemoryChannel channel = Channel(TimeSpan.FromTicks(-1));

        await CallAsync(channel, new RangeRequest { Key = ByteString.CopyFromUtf8("secret") });

        // The call is told of when it is over, which may be a moment after its caller has the answer.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        string line;
        while (!(line = Encoding.UTF8.GetString(_log.ToArray())).Contains("request stats") && !patience.IsCancellationRequested)
            await Task.Yield();
        Assert.Contains("\"msg\":\"request stats\"", line);
        Assert.Contains("\"response type\":\"/etcdserverpb.KV/Range\"", line);
        Assert.DoesNotContain("secret", line);
    }
}
