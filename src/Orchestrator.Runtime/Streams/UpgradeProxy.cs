using System.Buffers;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Orchestrator.Runtime.Security.Authentication;

namespace Orchestrator.Runtime.Streams;

/// <summary>
/// Passes a request on to another server and its answer back, and if that answer is a switch of protocols, all bytes
/// after it, unread: how the API server takes part in exec, attach, port-forward and logs.
/// </summary>
public static class UpgradeProxy
{
    private const int BufferBytes = 32 * 1024;

    // RFC 9110, §7.6.1: they belong to one connection and are not passed on.
    private static readonly HashSet<string> HopByHop = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer",
        "Transfer-Encoding", "Upgrade",
    };

    /// <summary>What names users: whom the caller acts for, and, from a proxy in front, who the caller is.</summary>
    private static readonly string[] WithheldPrefixes = ["Impersonate-", "X-Remote-"];

    /// <summary>The caller's identity is the proxy's business: the next server knows the proxy by its certificate.</summary>
    private static readonly HashSet<string> Withheld = new(StringComparer.OrdinalIgnoreCase) { "Host", "Authorization", "Cookie", "Expect" };

    /// <summary>Serves <paramref name="context"/> by what <paramref name="target"/> answers, to the end of either connection.</summary>
    /// <param name="invoker">Connects to the target; its handler has the certificates, and must not follow redirects.</param>
    /// <param name="prepare">May add headers for the target.</param>
    /// <exception cref="HttpRequestException">The target cannot be reached; nothing has been answered.</exception>
    public static async Task ForwardAsync(HttpContext context, Uri target, HttpMessageInvoker invoker, Action<HttpRequestMessage>? prepare = null)
    {
        using HttpRequestMessage request = ToTarget(context.Request, target);
        prepare?.Invoke(request);
        using HttpResponseMessage response = await invoker.SendAsync(request, context.RequestAborted);
        if (response.StatusCode == HttpStatusCode.SwitchingProtocols)
            await SwitchAsync(context, response);
        else
            await AnswerAsync(context, response);
    }

    private static HttpRequestMessage ToTarget(HttpRequest request, Uri target)
    {
        var outgoing = new HttpRequestMessage(new HttpMethod(request.Method), target)
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        bool isUpgrade = ConnectionUpgrade.Values(request.Headers.Connection).Contains("upgrade", StringComparer.OrdinalIgnoreCase);
        // HTTP/2 has bodies without either header.
        if (!isUpgrade && request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true })
            outgoing.Content = new StreamContent(request.Body);
        foreach (var (name, values) in request.Headers)
        {
            bool isWithheld = Withheld.Contains(name)
                || WithheldPrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));
            if (isWithheld || HopByHop.Contains(name))
                continue;
            var passed = name.Equals(HeaderNames.SecWebSocketProtocol, StringComparison.OrdinalIgnoreCase) ? WithoutToken(values) : values;
            if (passed.Count > 0 && !outgoing.Headers.TryAddWithoutValidation(name, passed.AsEnumerable()))
                outgoing.Content?.Headers.TryAddWithoutValidation(name, passed.AsEnumerable());
        }
        if (isUpgrade)
        {
            outgoing.Headers.Connection.Add("Upgrade");
            outgoing.Headers.TryAddWithoutValidation("Upgrade", request.Headers.Upgrade.AsEnumerable());
        }
        return outgoing;
    }

    /// <summary>Browsers put their token among the protocols.</summary>
    private static StringValues WithoutToken(StringValues protocols) =>
        ConnectionUpgrade.Values(protocols).Where(protocol => !protocol.StartsWith(BearerToken.ProtocolPrefix, StringComparison.Ordinal)).ToArray();

    private static async Task AnswerAsync(HttpContext context, HttpResponseMessage response)
    {
        context.Response.StatusCode = (int)response.StatusCode;
        CopyHeaders(response, context.Response);
        await using Stream body = await response.Content.ReadAsStreamAsync(context.RequestAborted);
        await context.Response.StartAsync(context.RequestAborted);
        await CopyAsync(body, context.Response.Body, context.RequestAborted);
    }

    private static void CopyHeaders(HttpResponseMessage response, HttpResponse answer)
    {
        foreach (var (name, values) in response.Headers.Concat(response.Content.Headers))
        {
            if (!HopByHop.Contains(name))
                answer.Headers[name] = values.ToArray();
        }
    }

    private static async Task SwitchAsync(HttpContext context, HttpResponseMessage response)
    {
        CopyHeaders(response, context.Response);
        string protocol = response.Headers.TryGetValues("Upgrade", out var values) ? values.First() : "";
        await using Stream behind = await response.Content.ReadAsStreamAsync(context.RequestAborted);
        await using Stream? before = await ConnectionUpgrade.AcceptAsync(context, protocol);
        if (before is null)
            return;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        Task up = CopyAsync(before, behind, stop.Token);
        Task down = CopyAsync(behind, before, stop.Token);
        // Either end ends both: these protocols have ends of their own for one direction. What came before the end has been
        // passed on by then.
        await Task.WhenAny(up, down);
        await stop.CancelAsync();
        await EndAsync(up);
        await EndAsync(down);
    }

    private static async Task CopyAsync(Stream source, Stream target, CancellationToken ct)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            int count;
            while ((count = await source.ReadAsync(buffer, ct)) > 0)
            {
                await target.WriteAsync(buffer.AsMemory(0, count), ct);
                await target.FlushAsync(ct);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task EndAsync(Task copying)
    {
        try
        {
            await copying;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // One of the two is gone, and with it the session.
        }
    }
}
