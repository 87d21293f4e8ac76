using System.Net;
using System.Net.Sockets;

namespace KvStore.Testing;

/// <summary>Ports for servers that have to be told theirs.</summary>
internal static class FreePort
{
    // Below those that the system picks for outgoing connections: a port found free among these may be somebody's a moment later.
    private const int Lowest = 15_000;
    private const int Highest = 32_000;

    /// <summary>A port of the loopback on which nobody listens.</summary>
    public static int Find()
    {
        while (true)
        {
            int port = Random.Shared.Next(Lowest, Highest);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken.
            }
        }
    }
}
