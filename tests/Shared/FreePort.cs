using System.Net;
using System.Net.Sockets;

namespace KvStore.Testing;

/// <summary>Ports for servers that have to be told theirs.</summary>
internal static class FreePort
{
    // Below those that the system picks for outgoing connections: a port found free among these may be somebody's a moment later.
    private const int Lowest = 15_000;
    private const int Highest = 32_000;

    private static readonly HashSet<int> Given = [];

    /// <summary>A port of the loopback on which nobody listens, and that was not given to anybody of this process before: he may not
    /// listen yet.</summary>
    public static int Find()
    {
        while (true)
        {
            int port = Random.Shared.Next(Lowest, Highest);
            lock (Given)
            {
                if (!Given.Add(port))
                    continue;
            }
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
