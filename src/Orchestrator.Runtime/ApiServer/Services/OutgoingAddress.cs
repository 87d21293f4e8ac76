using System.Net;
using System.Net.Sockets;

namespace Orchestrator.Runtime.ApiServer.Services;

/// <summary>The address by which this machine is known to others.</summary>
internal static class OutgoingAddress
{
    // For documentation (RFC 5737): nothing is sent to it, the route alone is looked up.
    private static readonly IPEndPoint Elsewhere = new(IPAddress.Parse("192.0.2.1"), 9);

    /// <summary>Null if there is no way out.</summary>
    public static IPAddress? Find()
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(Elsewhere);
            var address = ((IPEndPoint)socket.LocalEndPoint!).Address;
            return IPAddress.IsLoopback(address) ? null : address;
        }
        catch (SocketException)
        {
            return null;
        }
    }
}
