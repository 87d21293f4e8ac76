using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>An address to listen at in a network namespace that this process is not in.</summary>
public sealed class NamespaceEndPoint(NetworkNamespace network, IPAddress address, int port) : IPEndPoint(address, port)
{
    private NetworkNamespace Network { get; } = network;

    /// <summary>For Kestrel: makes each listening socket where its end point wants it.</summary>
    public static void Configure(SocketTransportOptions options) => options.CreateBoundListenSocket = endPoint =>
        endPoint is NamespaceEndPoint elsewhere
            // Nobody waits for this thread but the one that starts the server.
            ? elsewhere.Network.RunAsync(() => SocketTransportOptions.CreateDefaultBoundListenSocket(elsewhere)).GetAwaiter().GetResult()
            : SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
}
