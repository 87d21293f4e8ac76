using Microsoft.AspNetCore.Http;
using Orchestrator.Runtime.Streams.Spdy;

namespace Orchestrator.Runtime.Streams;

/// <summary>Kubernetes' handshake for SPDY over an upgraded HTTP/1.1 connection, at either end.</summary>
internal static class SpdyUpgrade
{
    public const string VersionHeader = "X-Stream-Protocol-Version";
    private const string AcceptedHeader = "X-Accepted-Stream-Protocol-Versions";
    private static readonly SpdyOptions ClientOptions = SpdyOptions.Default with { TakesCancelForEnd = true };

    public static bool IsRequested(HttpRequest request) => ConnectionUpgrade.Asks(request, ConnectionUpgrade.Spdy);

    /// <summary>Answers 101 with the protocol that was agreed on.</summary>
    /// <returns>Null when there is no agreement; the request has been answered then.</returns>
    public static async Task<(SpdyConnection Connection, string Protocol)?> AcceptAsync(HttpContext context, IReadOnlyList<string> supported)
    {
        IReadOnlyList<string> offered = ConnectionUpgrade.Values(context.Request.Headers[VersionHeader]);
        string? protocol = offered.FirstOrDefault(supported.Contains);
        if (protocol is null)
        {
            context.Response.Headers[AcceptedHeader] = supported.ToArray();
            await ConnectionUpgrade.RefuseAsync(
                context,
                StatusCodes.Status403Forbidden,
                $"unable to upgrade: unable to negotiate protocol: client supports [{string.Join(' ', offered)}], server accepts [{string.Join(' ', supported)}]");
            return null;
        }
        context.Response.Headers[VersionHeader] = protocol;
        Stream? stream = await ConnectionUpgrade.AcceptAsync(context, ConnectionUpgrade.Spdy);
        return stream is null ? null : (SpdyConnection.Serve(stream), protocol);
    }

    /// <summary>Asks for the upgrade.</summary>
    /// <exception cref="UpgradeRefusedException">The server answered otherwise.</exception>
    public static async Task<(SpdyConnection Connection, string Protocol)> ConnectAsync(
        HttpMessageInvoker invoker, Uri uri, IReadOnlyList<string> protocols, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, uri);
        request.Version = System.Net.HttpVersion.Version11;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        request.Headers.Connection.Add("Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", ConnectionUpgrade.Spdy);
        foreach (string protocol in protocols)
            request.Headers.TryAddWithoutValidation(VersionHeader, protocol);
        HttpResponseMessage response = await invoker.SendAsync(request, ct);
        if (response.StatusCode != System.Net.HttpStatusCode.SwitchingProtocols)
            throw await UpgradeRefusedException.FromAsync(response, ct);
        string agreed = response.Headers.TryGetValues(VersionHeader, out var values) ? values.First() : protocols[^1];
        return (SpdyConnection.Connect(await response.Content.ReadAsStreamAsync(ct), ClientOptions), agreed);
    }
}
