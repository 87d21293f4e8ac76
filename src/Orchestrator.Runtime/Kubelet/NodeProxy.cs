using System.Globalization;
using System.Net.Security;
using Microsoft.AspNetCore.Http;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>The API server's way to kubelets: their nodes' addresses and ports, over TLS.</summary>
/// <param name="kubelets">Connects to kubelets; its handler has the certificates and follows no redirects.</param>
/// <param name="pods">Connects to pods' and services' addresses, which have certificates of their own.</param>
public sealed class NodeProxy(HttpMessageInvoker kubelets, HttpMessageInvoker pods) : INodeProxy
{
    /// <summary>How both connect: what one user's request left behind (a cookie) must not reach the next one's.</summary>
    public static SocketsHttpHandler Handler(SslClientAuthenticationOptions encryption) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        ActivityHeadersPropagator = null,
        SslOptions = encryption,
    };

    public async Task ForwardAsync(HttpContext context, Node node, string pathAndQuery, CancellationToken cancellationToken)
    {
        try
        {
            await UpgradeProxy.ForwardAsync(
                context, At(node, pathAndQuery), kubelets, request => Name(request, node));
        }
        catch (HttpRequestException e)
        {
            throw Unreachable(node, pathAndQuery, e);
        }
    }

    public async Task<HttpResponseMessage> SendAsync(Node node, HttpMethod method, string pathAndQuery, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, At(node, pathAndQuery));
        Name(request, node);
        try
        {
            return await kubelets.SendAsync(request, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw Unreachable(node, pathAndQuery, e);
        }
    }

    public async Task ForwardToPodAsync(
        HttpContext context, Node node, NamespacedName pod, Uri target, CancellationToken cancellationToken)
    {
        try
        {
            Uri kubelet = At(node, $"/{KubeletServer.ConnectPath}/{pod.Namespace}/{pod.Name}");
            await using PortForwardConnection session = await new PortForwardClient(kubelets).ConnectSpdyAsync(kubelet, cancellationToken);
            // Of this request alone: the next pod with this address is another. Pods show what certificates they like.
            var handler = Handler(new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true });
            handler.ConnectCallback = async (_, ct) => (await session.OpenAsync(target.Port, ct)).Data;
            using var invoker = new HttpMessageInvoker(handler);
            await UpgradeProxy.ForwardAsync(context, target, invoker, request => PassCookies(context, request));
        }
        catch (Exception e) when (e is HttpRequestException or UpgradeRefusedException)
        {
            throw ApiErrors.ServiceUnavailable($"error trying to reach service: {e.Message}");
        }
    }

    public async Task ForwardToAddressAsync(HttpContext context, Node? node, Uri target, CancellationToken cancellationToken)
    {
        try
        {
            await UpgradeProxy.ForwardAsync(context, target, pods, request => PassCookies(context, request));
        }
        catch (HttpRequestException e)
        {
            throw ApiErrors.ServiceUnavailable($"error trying to reach service: {e.Message}");
        }
    }

    /// <summary>They are the pod's own: this server has none, and the paths of a pod's cookies are below the pod's.</summary>
    private static void PassCookies(HttpContext context, HttpRequestMessage request)
    {
        if (context.Request.Headers.Cookie.Count > 0)
            request.Headers.TryAddWithoutValidation("Cookie", context.Request.Headers.Cookie.AsEnumerable());
    }

    /// <summary>The node that was asked for, whatever a client says itself.</summary>
    private static void Name(HttpRequestMessage request, Node node)
    {
        request.Headers.Remove(KubeletServer.NodeHeader);
        request.Headers.TryAddWithoutValidation(KubeletServer.NodeHeader, node.Name);
    }

    private static Uri At(Node node, string pathAndQuery)
    {
        string host = KubeletAddress.HostOf(node);
        string name = host.Contains(':') ? $"[{host}]" : host;
        return new Uri(string.Create(
            CultureInfo.InvariantCulture, $"https://{name}:{KubeletAddress.PortOf(node)}/{pathAndQuery.TrimStart('/')}"));
    }

    private static ApiException Unreachable(Node node, string pathAndQuery, HttpRequestException e) =>
        ApiErrors.InternalError($"error dialing backend: {e.Message} ({At(node, pathAndQuery).GetLeftPart(UriPartial.Path)})");
}
