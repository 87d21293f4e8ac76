using System.Diagnostics;
using System.Globalization;
using KvStore.Client;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.MetaV1;
using Orchestrator.Api.Selectors;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Http;

/// <summary>The way of every request: who is it, may they, who serves it, and whatever goes wrong as a Status.</summary>
internal sealed partial class RequestPipeline(
    IAuthenticator? authenticator, IAuthorizer? authorizer, ResourceRegistry resources, ResourceEndpoints endpoints,
    PathEndpoints paths, ServerMetrics metrics, InFlightLimit inFlight, TimeSpan requestTimeout, ILogger log)
{
    private const int RetryAfterSeconds = 1;

    /// <summary>A request that was refused by the store sooner is asked to come again in a moment: a leader is elected, say. One that
    /// has waited longer is not: its client would wait ten times as long before it told anybody that the store is away.</summary>
    private static readonly TimeSpan StorePatience = TimeSpan.FromSeconds(5);

    private static readonly ReadOnlyMemory<byte> NoCustomResources =
        """{"kind":"CustomResourceDefinitionList","apiVersion":"apiextensions.k8s.io/v1","metadata":{"resourceVersion":"1"},"items":[]}"""u8
            .ToArray();

    /// <summary>Without authenticator everybody is this one.</summary>
    private static readonly UserInfo Unchecked = new("system:anonymous", UserInfo.Masters, UserInfo.AllUnauthenticated);

    private static readonly HashSet<string> KnownVerbs =
    [
        "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "post", "put", "head", "options",
    ];

    public async Task ServeAsync(HttpContext http)
    {
        long start = Stopwatch.GetTimestamp();
        http.Response.Headers["Audit-Id"] = AuditId(http.Request);
        http.Response.Headers.CacheControl = "no-cache, private";
        var path = RequestPath.Parse(http.Request.Path.Value ?? "/");
        string verb = path.VerbOf(http.Request);
        bool isLongRunning = verb == "watch" || path.Subresource is "exec" or "attach" or "portforward" or "proxy" or "log";
        var key = MetricsKey(path, verb);
        if (isLongRunning)
            metrics.LongRunning(key, 1);
        var gone = http.RequestAborted;
        using var limit = isLongRunning ? null : CancellationTokenSource.CreateLinkedTokenSource(gone);
        try
        {
            if (limit is not null)
            {
                limit.CancelAfter(TimeFor(http.Request));
                http.RequestAborted = limit.Token;
            }

            await ServeAsync(http, path, verb, isLongRunning).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            if (gone.IsCancellationRequested)
                return; // Nobody waits for an answer.
            bool isLate = http.RequestAborted.IsCancellationRequested;
            http.RequestAborted = gone;
            bool mayComeAgain = Stopwatch.GetElapsedTime(start) < StorePatience;
            await FailAsync(http, isLate ? TooLate() : exception, mayComeAgain).ConfigureAwait(false);
        }
        finally
        {
            if (isLongRunning)
                metrics.LongRunning(key, -1);
            string dryRun = http.Request.Query.ContainsKey("dryRun") ? "All" : "";
            metrics.Count(
                new ServerMetrics.RequestKey(key, http.Response.StatusCode, dryRun), Stopwatch.GetElapsedTime(start), isLongRunning);
        }
    }

    /// <summary>What the client gives it, and never more than the server's own limit; "0s" leaves it to the server.</summary>
    /// <exception cref="ApiException">400: it is no duration.</exception>
    private TimeSpan TimeFor(HttpRequest request)
    {
        string text = QueryOptions.Text(request.Query, "timeout");
        if (text.Length == 0)
            return requestTimeout;
        if (GoDuration.Parse(text) is not { } asked)
            throw ApiErrors.BadRequest($"invalid timeout specified in the request URL - time: invalid duration \"{text}\"");
        return asked > TimeSpan.Zero && asked < requestTimeout ? asked : requestTimeout;
    }

    private static string AuditId(HttpRequest request)
    {
        string sent = request.Headers["Audit-Id"].ToString();
        return sent.Length is > 0 and <= 64 && sent.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '-')
            ? sent
            : Guid.NewGuid().ToString();
    }

    private async Task ServeAsync(HttpContext http, RequestPath path, string verb, bool isLongRunning)
    {
        var user = authenticator is null
            ? Unchecked
            : await authenticator.AuthenticateAsync(http, http.RequestAborted).ConfigureAwait(false)
                ?? throw ApiErrors.Unauthorized();
        if (isLongRunning || IsProbe(path))
        {
            await ServeAsync(http, path, verb, user).ConfigureAwait(false);
            return;
        }

        bool isMutating = InFlightLimit.IsMutating(verb);
        if (!inFlight.TryEnter(isMutating))
        {
            // Who has to put an overloaded cluster right gets an answer.
            await (user.IsMember(UserInfo.Masters) ? ServeAsync(http, path, verb, user) : RefuseAsync(http)).ConfigureAwait(false);
            return;
        }

        try
        {
            await ServeAsync(http, path, verb, user).ConfigureAwait(false);
        }
        finally
        {
            inFlight.Leave(isMutating);
        }
    }

    /// <summary>Whoever looks whether the server lives would take a busy one for dead.</summary>
    private static bool IsProbe(RequestPath path) => path.Path is "/healthz" or "/livez" or "/readyz";

    private static Task RefuseAsync(HttpContext http)
    {
        http.Response.Headers.RetryAfter = InFlightLimit.RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        return Answers.WriteTextAsync(http, StatusCodes.Status429TooManyRequests, InFlightLimit.RefusalText);
    }

    private async Task ServeAsync(HttpContext http, RequestPath path, string verb, UserInfo user)
    {
        await AuthorizeAsync(http, path, verb, user).ConfigureAwait(false);
        if (!path.IsResource)
        {
            await paths.ServeAsync(http).ConfigureAwait(false);
            return;
        }

        if (resources.Find(path.Group, path.Version, path.Resource) is not { } view)
        {
            await ServeUnknownResourceAsync(http, path, verb).ConfigureAwait(false);
            return;
        }

        await endpoints.ServeAsync(new ApiRequest(http, path, verb, user, view)).ConfigureAwait(false);
    }

    /// <summary>There are no kinds of users' own yet, and that is an answer: kubectl looks for them before it says that it does not know
    /// a kind, and would otherwise speak of a missing resource.</summary>
    private static Task ServeUnknownResourceAsync(HttpContext http, RequestPath path, string verb) =>
        verb == "list" && path is { Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions", Name: "" }
            ? Answers.WriteJsonAsync(http, 200, NoCustomResources)
            : PathEndpoints.NotFoundAsync(http);

    private async ValueTask AuthorizeAsync(HttpContext http, RequestPath path, string verb, UserInfo user)
    {
        if (authorizer is null)
            return;
        var query = http.Request.Query;
        string fieldSelector = QueryOptions.Text(query, "fieldSelector");
        var attributes = new RequestAttributes(
            user, verb, path.Group, path.Version, path.Resource, path.Subresource, path.Namespace,
            NameOf(path, verb, fieldSelector), path.Path, path.IsResource,
            query.ContainsKey("labelSelector") ? QueryOptions.Text(query, "labelSelector") : null,
            query.ContainsKey("fieldSelector") ? fieldSelector : null);
        var decision = await authorizer.AuthorizeAsync(attributes, http.RequestAborted).ConfigureAwait(false);
        if (!decision.IsAllowed)
            throw attributes.Forbidden(decision.Reason);
    }

    /// <summary>A list or watch of one object by name is a matter of that object.</summary>
    private static string NameOf(RequestPath path, string verb, string fieldSelector)
    {
        if (path.Name.Length > 0 || verb is not ("list" or "watch") || !FieldSelector.TryParse(fieldSelector, out var fields, out _))
            return path.Name;
        return fields.TryGetExact("metadata.name", out string name) ? name : "";
    }

    /// <summary>Names of our own alone: it is counted before it is known who asks, and whoever asks must not make the counts grow.</summary>
    private ServerMetrics.DurationKey MetricsKey(RequestPath path, string verb)
    {
        string known = KnownVerbs.Contains(verb) ? verb.ToUpperInvariant() : "OTHER";
        if (!path.IsResource || resources.Find(path.Group, path.Version, path.Resource) is not { } view)
            return new ServerMetrics.DurationKey(known, "", "", "", "", "");
        string scope = path.Name.Length > 0 ? "resource" : path.Namespace.Length > 0 ? "namespace" : "cluster";
        string subresource = view.Description.Subresource(path.Subresource)?.Name ?? "";
        return new ServerMetrics.DurationKey(known, path.Group, path.Version, path.Resource, subresource, scope);
    }

    private static ApiException TooLate() => ApiErrors.Timeout("request did not complete within the allotted timeout", 0);

    private async Task FailAsync(HttpContext http, Exception exception, bool mayComeAgain)
    {
        if (http.Response.HasStarted)
        {
            LogBroken(exception, http.Request.Method, http.Request.Path.Value ?? "");
            http.Abort();
            return;
        }

        var status = StatusOf(exception, mayComeAgain);
        if (status.Code >= 500 && exception is not ApiException)
            LogFailed(exception, http.Request.Method, http.Request.Path.Value ?? "");
        http.Response.Headers.ContentEncoding = default;
        await Answers.WriteStatusAsync(http, status).ConfigureAwait(false);
    }

    private static Status StatusOf(Exception exception, bool mayComeAgain)
    {
        switch (exception)
        {
            case ApiException refusal:
                return refusal.Status;
            case UnreadableValueException unreadable:
                return ApiErrors.StoreReadError(unreadable.Resource, unreadable.StoreKey, unreadable.Message).Status;
            case UnknownOutcomeException:
                // It may have been done, or may yet be.
                return TooLate().Status;
            case EtcdException { Text: EtcdErrors.RequestTooLarge }:
                return ApiErrors.RequestEntityTooLarge(EtcdErrors.RequestTooLarge).Status;
            case EtcdException failure when failure.Is(EtcdErrors.NoSpace):
                return ApiErrors.InternalError($"{failure.Text}: the store's disk or its quota is full, and writes are refused until there is room").Status;
            case EtcdException failure:
                // Nothing was done for certain.
                var status = ApiErrors.ServiceUnavailable($"the store can not serve: {failure.Text}").Status;
                if (mayComeAgain)
                    status.Details = new StatusDetails { RetryAfterSeconds = RetryAfterSeconds };
                return status;
            case BadHttpRequestException { StatusCode: 413 }:
                return ApiErrors.RequestEntityTooLarge($"limit is {BodyReader.LimitBytes}").Status;
            case BadHttpRequestException bad:
                return ApiErrors.BadRequest(bad.Message).Status;
            default:
                return ApiErrors.InternalError(exception.Message).Status;
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{method} {path} failed")]
    private partial void LogFailed(Exception exception, string method, string path);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the answer to {method} {path} broke off")]
    private partial void LogBroken(Exception exception, string method, string path);
}
