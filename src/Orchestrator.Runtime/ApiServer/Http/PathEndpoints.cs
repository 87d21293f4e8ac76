using System.Text;
using System.Text.Json.Nodes;
using KvStore.Client;
using Microsoft.AspNetCore.Http;
using Orchestrator.Api;

using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.ApiServer.Resources;
using Orchestrator.Runtime.ApiServer.Storage;

namespace Orchestrator.Runtime.ApiServer.Http;

/// <summary>Serves the paths that are no resources: discovery, schemas, version, health, metrics.</summary>
internal sealed class PathEndpoints(
    RevisionReader revisions, ServerMetrics metrics, IReadOnlyDictionary<string, RequestDelegate> more, string serverAddress)
{
    private const string PlainNotFound = "404 page not found\n";

    private static readonly TimeSpan StoreLimit = TimeSpan.FromSeconds(2);

    private readonly DiscoveryDocuments _discovery = new(ResourceTable.Served);
    private readonly OpenApiDocuments _openApi = new(SchemaSet.Kubernetes, ResourceTable.Served, ServerVersion.GitVersion);

    public Task ServeAsync(HttpContext http)
    {
        string path = http.Request.Path.Value ?? "/";
        if (more.TryGetValue(path, out var endpoint))
            return endpoint(http);
        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
            return Answers.WriteTextAsync(http, 405, "Method Not Allowed\n");
        return path switch
        {
            "/" => Answers.WriteJsonAsync(http, 200, Paths()),
            "/api" or "/api/" => ServeDocumentAsync(http, Negotiate(http.Request) is { } core
                ? _discovery.AggregatedCore(core)
                : _discovery.ApiVersions(serverAddress)),
            "/apis" or "/apis/" => ServeDocumentAsync(http, Negotiate(http.Request) is { } groups
                ? _discovery.AggregatedGroups(groups)
                : _discovery.ApiGroupList),
            "/version" or "/version/" => Answers.WriteJsonAsync(http, 200, ServerVersion.Document),
            "/metrics" => Answers.WriteTextAsync(http, 200, metrics.Write()),
            "/openapi/v3" or "/openapi/v3/" => ServeDocumentAsync(http, _openApi.Index),
            "/openapi/v2" => ServeDocumentAsync(http, TakesProtobuf(http.Request) ? _openApi.SwaggerProtobuf : _openApi.Swagger),
            _ when path.StartsWith("/openapi/v3/", StringComparison.Ordinal) =>
                ServeDocumentAsync(http, _openApi.Find(path["/openapi/v3/".Length..])),
            _ when path.StartsWith("/api/", StringComparison.Ordinal) || path.StartsWith("/apis/", StringComparison.Ordinal) =>
                ServeDocumentAsync(http, FindList(path)),
            _ when HealthCheck(path) is { } check => ServeHealthAsync(http, check),
            _ => NotFoundAsync(http),
        };
    }

    public static Task NotFoundAsync(HttpContext http) => Answers.WriteTextAsync(http, 404, PlainNotFound);

    private ServedDocument? FindList(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts switch
        {
            ["api", var version] => _discovery.ApiResourceList("", version),
            ["apis", var group] => _discovery.ApiGroup(group),
            ["apis", var group, var version] => _discovery.ApiResourceList(group, version),
            _ => null,
        };
    }

    /// <summary>The first clause of the Accept header that is known decides; null is the plain form.</summary>
    private static string? Negotiate(HttpRequest request)
    {
        foreach (string clause in request.Headers.Accept.ToString().Split(','))
        {
            var parts = clause.Split(';', StringSplitOptions.TrimEntries);
            if (parts[0] is not (MediaTypes.Json or "*/*" or "application/*"))
                continue;
            if (!parts.Contains("as=APIGroupDiscoveryList"))
                return null;
            if (parts.Contains("g=apidiscovery.k8s.io")
                && DiscoveryDocuments.AggregatedVersions.FirstOrDefault(version => parts.Contains("v=" + version)) is { } known)
                return known;
        }

        return null;
    }

    private static bool TakesProtobuf(HttpRequest request)
    {
        string accept = request.Headers.Accept.ToString();
        return accept.Contains(OpenApiDocuments.Swagger2Protobuf, StringComparison.Ordinal)
            || accept.Contains(OpenApiDocuments.Swagger2ProtobufAt, StringComparison.Ordinal);
    }

    private static Task ServeDocumentAsync(HttpContext http, ServedDocument? document)
    {
        if (document is null)
            return NotFoundAsync(http);
        string tag = $"\"{document.Hash}\"";
        var headers = http.Response.Headers;
        headers.ETag = tag;
        headers.Vary = "Accept";
        // Documents that are asked for by their hash never change.
        headers.CacheControl = http.Request.Query.ContainsKey("hash") ? "public, immutable" : "public";
        if (http.Request.Headers.IfNoneMatch.ToString() == tag)
        {
            http.Response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        return WriteAsync(http, document);
    }

    private static async Task WriteAsync(HttpContext http, ServedDocument document)
    {
        // Schemas stay as they are: nobody reads them by themselves, and they are large.
        if (!http.Request.Path.StartsWithSegments("/openapi") && Answers.IsForPeople(http.Request))
        {
            await Answers.WriteJsonAsync(http, StatusCodes.Status200OK, document.Body, document.MediaType).ConfigureAwait(false);
            return;
        }

        await Answers.WriteChunksAsync(http, [document.Body], document.Body.Length, document.MediaType).ConfigureAwait(false);
    }

    private static (string Name, string Check)? HealthCheck(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts switch
        {
            [var name] when name is "healthz" or "livez" or "readyz" => (name, ""),
            [var name, var check] when name is "healthz" or "livez" or "readyz" && check is "ping" or "etcd" => (name, check),
            _ => null,
        };
    }

    private async Task ServeHealthAsync(HttpContext http, (string Name, string Check) asked)
    {
        var excluded = http.Request.Query["exclude"];
        var checks = new List<(string Name, string? Failure)>();
        if (asked.Check is "" or "ping" && !excluded.Contains("ping"))
            checks.Add(("ping", null));
        if (asked.Check is "" or "etcd" && !excluded.Contains("etcd"))
            checks.Add(("etcd", await StoreFailureAsync(http.RequestAborted).ConfigureAwait(false)));
        bool isHealthy = checks.TrueForAll(check => check.Failure is null);
        if (isHealthy && !QueryOptions.Flag(http.Request.Query, "verbose"))
        {
            await Answers.WriteTextAsync(http, 200, "ok").ConfigureAwait(false);
            return;
        }

        var text = new StringBuilder();
        foreach (var (name, failure) in checks)
            text.Append(failure is null ? $"[+]{name} ok\n" : $"[-]{name} failed: reason withheld\n");
        text.Append(isHealthy ? $"{asked.Name} check passed\n" : $"{asked.Name} check failed\n");
        await Answers.WriteTextAsync(http, isHealthy ? 200 : 500, text.ToString()).ConfigureAwait(false);
    }

    private async Task<string?> StoreFailureAsync(CancellationToken cancellationToken)
    {
        try
        {
            await revisions.ReadAsync(cancellationToken).WaitAsync(StoreLimit, cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (Exception exception) when (exception is EtcdException or TimeoutException)
        {
            return exception.Message;
        }
    }

    private static byte[] Paths()
    {
        IEnumerable<string> paths =
        [
            "/.well-known/openid-configuration", "/api", "/apis", "/healthz", "/healthz/etcd", "/healthz/ping", "/livez",
            "/livez/etcd", "/livez/ping", "/metrics", "/openapi/v2", "/openapi/v3", "/openid/v1/jwks", "/readyz",
            "/readyz/etcd", "/readyz/ping", "/version",
            .. ResourceTable.Served.All.SelectMany(resource => resource.Group.Length == 0
                ? new[] { $"/api/{resource.Version}" }
                : [$"/apis/{resource.Group}", $"/apis/{resource.Group}/{resource.Version}"]),
        ];
        return JsonBytes.Of(new JsonObject
        {
            ["paths"] = new JsonArray([.. paths.Distinct().Order(StringComparer.Ordinal).Select(path => (JsonNode)path)]),
        });
    }
}
