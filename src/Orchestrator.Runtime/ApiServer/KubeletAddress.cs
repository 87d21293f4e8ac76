using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.ApiServer;

/// <summary>Where a node says its kubelet is.</summary>
internal static class KubeletAddress
{
    private const int DefaultPort = 10250;

    /// <exception cref="ApiException">500: the node names no address.</exception>
    public static string HostOf(Node node)
    {
        var addresses = node.Status.Addresses.OrEmpty();
        var chosen = addresses.Find(address => address.Type == "InternalIP") ?? addresses.FirstOrDefault();
        return chosen?.Address is { Length: > 0 } host
            ? host
            : throw ApiErrors.InternalError("no preferred addresses found; known addresses: []");
    }

    public static int PortOf(Node node) =>
        node.Status.DaemonEndpoints?.KubeletEndpoint?.Port is { } known and > 0 ? known : DefaultPort;
}
