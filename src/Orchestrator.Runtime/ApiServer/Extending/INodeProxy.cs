using Microsoft.AspNetCore.Http;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.ApiServer;

/// <summary>The way from the API server to a node's kubelet, and to addresses that only nodes reach.</summary>
public interface INodeProxy
{
    /// <summary>Carries the request to the kubelet and its answer back, upgrades (SPDY, WebSocket) included.</summary>
    /// <param name="pathAndQuery">At the kubelet: <c>/exec/NAMESPACE/POD/CONTAINER?command=ls</c>.</param>
    Task ForwardAsync(HttpContext context, Node node, string pathAndQuery, CancellationToken cancellationToken);

    /// <summary>A request of the API server itself: <c>/stats/summary</c>, <c>/containerLogs/...</c>.</summary>
    Task<HttpResponseMessage> SendAsync(Node node, HttpMethod method, string pathAndQuery, CancellationToken cancellationToken);

    /// <summary>
    /// Carries the request to a port of a pod and the answer back, by way of its node's kubelet: the API server need not be in the
    /// pods' network.
    /// </summary>
    /// <param name="target">The pod's address and port, as the pod is to see it in the request.</param>
    /// <exception cref="ApiException">503: nobody answers there.</exception>
    Task ForwardToPodAsync(HttpContext context, Node node, NamespacedName pod, Uri target, CancellationToken cancellationToken);

    /// <summary>Carries the request to an address of a pod or service and the answer back (pods/proxy, services/proxy).</summary>
    /// <param name="node">Where the pod runs; null if unknown.</param>
    Task ForwardToAddressAsync(HttpContext context, Node? node, Uri target, CancellationToken cancellationToken);
}
