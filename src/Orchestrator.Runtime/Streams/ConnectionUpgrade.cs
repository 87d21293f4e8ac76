using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Orchestrator.Runtime.Streams;

/// <summary>HTTP/1.1's way from a request to a plain connection in both directions (RFC 9110, §7.8).</summary>
internal static class ConnectionUpgrade
{
    public const string Spdy = "SPDY/3.1";

    /// <summary>Whether the request asks for an upgrade to <paramref name="protocol"/>.</summary>
    public static bool Asks(HttpRequest request, string protocol) =>
        Values(request.Headers.Connection).Contains("upgrade", StringComparer.OrdinalIgnoreCase)
        && Values(request.Headers.Upgrade).Contains(protocol, StringComparer.OrdinalIgnoreCase);

    /// <summary>The members of a header that is a list with commas.</summary>
    public static IReadOnlyList<string> Values(StringValues header) =>
    [
        .. header.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)),
    ];

    /// <summary>Answers 101 and gives the connection.</summary>
    /// <returns>Null when the connection cannot be had (HTTP/2); the request has been answered then.</returns>
    public static async Task<Stream?> AcceptAsync(HttpContext context, string protocol)
    {
        var feature = context.Features.Get<IHttpUpgradeFeature>();
        if (feature is not { IsUpgradableRequest: true })
        {
            await RefuseAsync(context, StatusCodes.Status400BadRequest, "unable to upgrade: the connection does not allow it");
            return null;
        }
        LiftDataRates(context);
        context.Response.Headers.Upgrade = protocol;
        return await feature.UpgradeAsync();
    }

    /// <summary>Refuses as Kubernetes' servers do: in plain text, which kubectl prints as it is.</summary>
    public static async Task RefuseAsync(HttpContext context, int statusCode, string message)
    {
        context.Response.StatusCode = statusCode;
        context.Response.ContentType = "text/plain; charset=utf-8";
        await context.Response.WriteAsync(message + "\n", context.RequestAborted);
    }

    /// <summary>A session may be silent, or its reader slow, for hours: Kestrel must not take that for an attack.</summary>
    private static void LiftDataRates(HttpContext context)
    {
        if (context.Features.Get<Microsoft.AspNetCore.Server.Kestrel.Core.Features.IHttpMinRequestBodyDataRateFeature>() is { } request)
            request.MinDataRate = null;
        if (context.Features.Get<Microsoft.AspNetCore.Server.Kestrel.Core.Features.IHttpMinResponseDataRateFeature>() is { } response)
            response.MinDataRate = null;
    }
}
