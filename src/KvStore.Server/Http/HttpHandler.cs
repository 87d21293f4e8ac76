using System.Collections.Frozen;
using KvStore.Server.Configuration;
using KvStore.Server.Telemetry;
using Microsoft.AspNetCore.Http;

namespace KvStore.Server.Http;

/// <summary>Answers what is HTTP and not gRPC: health, version, metrics, variables; and 404 as Go's server words it.</summary>
public sealed class HttpHandler
{
    private readonly FrozenDictionary<string, RequestDelegate> _routes;
    private readonly FrozenDictionary<string, RequestDelegate> _metricsRoutes;
    private readonly OriginPolicy _origins;
    private readonly HostPolicy _hosts;
    private readonly IServerHealth _health;
    private readonly Func<CancellationToken, Task<byte[]>> _scrape;
    private readonly IReadOnlyList<string> _commandLine;

    /// <param name="scrape">The body of /metrics.</param>
    public HttpHandler(
        ServerOptions options, IServerHealth health, HealthMetrics metrics, Func<CancellationToken, Task<byte[]>> scrape,
        TimeProvider clock)
    {
        _origins = new OriginPolicy(options.CorsOrigins);
        _hosts = new HostPolicy(options.HostWhitelist);
        _health = health;
        _scrape = scrape;
        _commandLine = options.CommandLine;
        var checks = new HealthChecks(health, metrics, options.ElectionTimeout, clock);
        Dictionary<string, RequestDelegate> routes = checks.Routes();
        routes["/metrics"] = WriteMetricsAsync;
        _metricsRoutes = routes.ToFrozenDictionary();
        routes["/version"] = WriteVersionAsync;
        routes["/debug/vars"] = WriteVariablesAsync;
        _routes = routes.ToFrozenDictionary();
    }

    /// <summary>For the listeners of --listen-client-urls and --listen-client-http-urls.</summary>
    public Task HandleAsync(HttpContext context) => HandleAsync(context, _routes);

    /// <summary>For the listeners of --listen-metrics-urls: metrics and health only.</summary>
    public Task HandleMetricsAsync(HttpContext context) => HandleAsync(context, _metricsRoutes);

    private async Task HandleAsync(HttpContext context, FrozenDictionary<string, RequestDelegate> routes)
    {
        try
        {
            if (!_hosts.Allows(context.Request))
                await HostPolicy.RefuseAsync(context);
            else if (_origins.Apply(context))
                await RouteAsync(context, routes);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client is gone: there is nobody to answer.
            context.Abort();
        }
    }

    private static Task RouteAsync(HttpContext context, FrozenDictionary<string, RequestDelegate> routes)
    {
        string path = context.Request.Path.Value ?? "";
        if (routes.TryGetValue(path, out RequestDelegate? handle))
            return handle(context);
        bool isGateway = path.AsSpan().StartsWith("/v3/") || path.AsSpan().StartsWith("/v3beta/");
        return isGateway ? RefuseGatewayAsync(context) : HttpAnswer.WriteErrorAsync(context, 404, "404 page not found");
    }

    /// <summary>gRPC's Unimplemented, in the form that the gateway's clients read.</summary>
    private static Task RefuseGatewayAsync(HttpContext context) =>
        HttpAnswer.WriteJsonAsync(context, 501, json =>
        {
            json.WriteNumber("code", 12);
            json.WriteString("message", "the JSON gateway is not served yet: use gRPC");
        });

    private async Task WriteMetricsAsync(HttpContext context)
    {
        byte[] text = await _scrape(context.RequestAborted);
        await HttpAnswer.WriteAsync(context, 200, PrometheusText.ContentType, text);
    }

    private Task WriteVersionAsync(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method))
            return HttpAnswer.RefuseMethodAsync(context);
        string? cluster = _health.ClusterVersion;
        return HttpAnswer.WriteJsonAsync(context, 200, json =>
        {
            json.WriteString("etcdserver", ServerVersion.Etcd);
            json.WriteString("etcdcluster", cluster ?? "not_decided");
            json.WriteString("storage", cluster is null ? "unknown" : ServerVersion.Storage);
        });
    }

    /// <summary>The variables that Go programs show there, as far as this runtime has the like.</summary>
    private Task WriteVariablesAsync(HttpContext context) =>
        HttpAnswer.WriteJsonAsync(context, 200, json =>
        {
            json.WriteStartArray("cmdline");
            foreach (string argument in _commandLine)
                json.WriteStringValue(argument);
            json.WriteEndArray();
            json.WriteNumber("file_descriptor_limit", ProcessMetrics.DescriptorLimit());
            json.WriteStartObject("memstats");
            json.WriteNumber("Alloc", GC.GetTotalMemory(forceFullCollection: false));
            json.WriteNumber("TotalAlloc", GC.GetTotalAllocatedBytes());
            json.WriteNumber("Sys", Environment.WorkingSet);
            json.WriteNumber("NumGC", GC.CollectionCount(0));
            json.WriteNumber("PauseTotalNs", (long)(GC.GetTotalPauseDuration().TotalMilliseconds * 1e6));
            json.WriteEndObject();
        });
}
