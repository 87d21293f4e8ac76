using System.Net;
using System.Net.Sockets;
using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.Kubelet.Cri;

/// <summary>Ports of pods whose addresses this machine reaches.</summary>
internal static class PodPort
{
    /// <summary>Joins a connection with one to the port, until both have ended.</summary>
    /// <exception cref="CriException">Nobody listens there.</exception>
    public static async Task JoinAsync(string address, int port, DuplexStream connection, CancellationToken ct)
    {
        SocketStream server;
        try
        {
            server = await SocketStream.ConnectAsync(new IPEndPoint(IPAddress.Parse(address), port), ct);
        }
        catch (SocketException e)
        {
            throw new CriException($"dial tcp {address}:{port}: {e.Message}");
        }
        await using (server)
            await DuplexCopy.RunAsync(connection, server, ct);
    }
}
