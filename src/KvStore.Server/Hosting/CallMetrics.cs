using System.Diagnostics;
using KvStore.Grpc;
using KvStore.Server.Telemetry;

namespace KvStore.Server.Hosting;

/// <summary>Counts and traces each call.</summary>
internal sealed class CallMetrics(ServerMetrics metrics) : ServerCallObserver
{
    private static readonly object Span = new();

    public override void OnStarted(ServerCallContext context, MethodType type)
    {
        metrics.Grpc.Find(context.Method)?.Started();
        string? version = context.GetRequestHeader("client-api-version");
        if (type == MethodType.Unary)
            metrics.ClientRequests.CountUnary(version);
        else
            metrics.ClientRequests.CountStream(version);
        var span = RpcTracing.Start(context.Method, context.GetRequestHeader("traceparent"), context.GetRequestHeader("tracestate"));
        if (span is not null)
            context.UserState[Span] = span;
    }

    public override void OnMessageReceived(ServerCallContext context, int sizeBytes) => metrics.ClientBytesReceived.Add(sizeBytes);

    public override void OnMessageSent(ServerCallContext context, int sizeBytes) => metrics.ClientBytesSent.Add(sizeBytes);

    public override void OnFinished(ServerCallContext context, MethodType type, Status status, TimeSpan elapsed)
    {
        metrics.Grpc.Find(context.Method)?.Handled((int)status.StatusCode, elapsed);
        if (RpcTracing.IsOn && context.UserState.TryGetValue(Span, out object? span))
            RpcTracing.End((Activity?)span, (int)status.StatusCode, status.Detail);
    }
}
