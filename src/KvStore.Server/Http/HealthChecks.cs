using System.Text;
using KvStore.Server.Logging;
using KvStore.Server.Telemetry;
using Microsoft.AspNetCore.Http;

namespace KvStore.Server.Http;

/// <summary>/health, /livez and /readyz, as etcd 3.6 answers them.</summary>
internal sealed class HealthChecks
{
    /// <summary>A read that takes longer counts as failed, beside the time of two elections.</summary>
    private static readonly TimeSpan ReadTimeout = TimeSpan.FromSeconds(5);

    private readonly IServerHealth _server;
    private readonly HealthMetrics _metrics;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _clock;
    private readonly Check[] _liveness;
    private readonly Check[] _readiness;

    public HealthChecks(IServerHealth server, HealthMetrics metrics, TimeSpan electionTimeout, TimeProvider clock)
    {
        _server = server;
        _metrics = metrics;
        _timeout = ReadTimeout + (2 * electionTimeout);
        _clock = clock;
        var serializable = new Check("serializable_read", cancellation => ReadAsync(serializable: true, cancellation));
        _liveness = [serializable];
        _readiness =
        [
            new("data_corruption", _ => Task.FromResult(server.Alarms.Contains("CORRUPT") ? "alarm activated: CORRUPT" : null)),
            serializable,
            new("linearizable_read", cancellation => ReadAsync(serializable: false, cancellation)),
            new("non_learner", _ => Task.FromResult(server.IsLearner ? "not supported for learner" : null)),
        ];
    }

    public Dictionary<string, RequestDelegate> Routes()
    {
        var routes = new Dictionary<string, RequestDelegate> { ["/health"] = HealthAsync };
        foreach ((string kind, Check[] checks) in (ReadOnlySpan<(string, Check[])>)[("livez", _liveness), ("readyz", _readiness)])
        {
            routes[$"/{kind}"] = context => RunAsync(context, kind, WithoutExcluded(context, checks));
            foreach (Check check in checks)
                routes[$"/{kind}/{check.Name}"] = context => RunAsync(context, kind, [check]);
        }
        return routes;
    }

    private async Task HealthAsync(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            await HttpAnswer.RefuseMethodAsync(context);
            return;
        }
        string reason = await FindReasonAsync(context);
        bool isHealthy = reason.Length == 0;
        _metrics.Count(isHealthy);
        string body = Encoding.UTF8.GetString(HttpAnswer.Json(json =>
        {
            json.WriteString("health", isHealthy ? "true" : "false");
            json.WriteString("reason", reason);
        }).Span);
        if (isHealthy)
        {
            await HttpAnswer.WriteTextAsync(context, 200, body);
            return;
        }
        Log.Warn("/health error", ("output", body), ("status-code", 503));
        await HttpAnswer.WriteErrorAsync(context, 503, body);
    }

    /// <summary>Why the member is not healthy; empty if it is.</summary>
    private async Task<string> FindReasonAsync(HttpContext context)
    {
        IQueryCollection query = context.Request.Query;
        // Asks about this member, not about its cluster.
        bool isSerializable = query["serializable"].FirstOrDefault() == "true";
        if (_server.Alarms.FirstOrDefault(alarm => !query["exclude"].Contains(alarm)) is { } raised)
            return raised is "NOSPACE" or "CORRUPT" ? $"ALARM {raised}" : "ALARM UNKNOWN";
        if (!isSerializable && !_server.HasLeader)
            return "RAFT NO LEADER";
        return await ReadAsync(isSerializable, context.RequestAborted) is { } error ? $"RANGE ERROR:{error}" : "";
    }

    private async Task<string?> ReadAsync(bool serializable, CancellationToken aborted)
    {
        using var timeout = new CancellationTokenSource(_timeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(aborted, timeout.Token);
        try
        {
            return await _server.CheckReadAsync(serializable, either.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            return "context deadline exceeded";
        }
    }

    /// <summary>One line for each check that failed, or was asked for with ?verbose: <c>[+]serializable_read ok</c>.</summary>
    private async Task RunAsync(HttpContext context, string kind, IReadOnlyList<Check> checks)
    {
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            await HttpAnswer.RefuseMethodAsync(context);
            return;
        }
        var lines = new StringBuilder();
        bool isHealthy = true;
        foreach (Check check in checks)
        {
            string? error = await check.RunAsync(context.RequestAborted);
            isHealthy &= error is null;
            lines.Append(error is null ? $"[+]{check.Name} ok\n" : $"[-]{check.Name} failed: {error}\n");
            _metrics.Count(kind, check.Name, error is null);
        }
        if (isHealthy)
        {
            context.Response.Headers.XContentTypeOptions = "nosniff";
            bool isVerbose = context.Request.Query.ContainsKey("verbose");
            await HttpAnswer.WriteTextAsync(context, 200, (isVerbose ? lines.ToString() : "") + "ok\n");
            return;
        }
        Log.Error("Health check error", ("path", context.Request.Path.Value), ("reason", lines.ToString()), ("status-code", 503));
        await HttpAnswer.WriteErrorAsync(context, 503, lines.ToString());
    }

    private static List<Check> WithoutExcluded(HttpContext context, Check[] checks)
    {
        string?[] excluded = [.. context.Request.Query["exclude"].Where(name => !string.IsNullOrEmpty(name))];
        // A prober of another version may exclude what is not there; that is no error.
        string?[] unknown = [.. excluded.Except(checks.Select(check => check.Name))];
        if (unknown.Length > 0)
            Log.Warn("some health checks cannot be excluded", ("missing-health-checks", unknown));
        return [.. checks.Where(check => !excluded.Contains(check.Name))];
    }

    /// <param name="RunAsync">The error's text, or null.</param>
    private sealed record Check(string Name, Func<CancellationToken, Task<string?>> RunAsync);
}
