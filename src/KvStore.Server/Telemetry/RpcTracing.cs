using System.Diagnostics;

namespace KvStore.Server.Telemetry;

/// <summary>Spans of RPCs. Without a listener, that is without the flag, a call costs one comparison.</summary>
public static class RpcTracing
{
    public const string SourceName = "KvStore.Server";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>Whether anybody asked for traces.</summary>
    public static bool IsOn => Source.HasListeners();

    /// <summary>Starts the span of an RPC, or returns null where it is not traced; dispose it when the RPC ends.</summary>
    /// <param name="path"><c>/etcdserverpb.KV/Range</c>.</param>
    /// <param name="traceParent">The header of that name: a caller that traces makes this span a part of its own.</param>
    public static Activity? Start(string path, string? traceParent, string? traceState)
    {
        if (!IsOn)
            return null;
        ActivityContext.TryParse(traceParent, traceState, isRemote: true, out ActivityContext parent);
        // The name of a span has no slash in front; the parts stand in attributes as well.
        string name = path.TrimStart('/');
        Activity? span = Source.StartActivity(name, ActivityKind.Server, parent);
        if (span is not null && name.IndexOf('/') is > 0 and var slash)
        {
            span.SetTag("rpc.system", "grpc").SetTag("rpc.service", name[..slash]).SetTag("rpc.method", name[(slash + 1)..]);
        }
        return span;
    }

    /// <summary>Says how the RPC ended.</summary>
    /// <param name="code">The gRPC status code.</param>
    public static void End(Activity? span, int code, string detail)
    {
        if (span is null)
            return;
        span.SetTag("rpc.grpc.status_code", code);
        if (code != 0)
            span.SetStatus(ActivityStatusCode.Error, detail);
        span.Dispose();
    }
}
