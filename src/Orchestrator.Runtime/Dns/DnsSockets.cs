using System.Net;
using System.Net.Sockets;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Runtime.Dns;

/// <summary>Two sockets at one address, UDP and TCP.</summary>
internal sealed record DnsSockets(Socket Udp, Socket Tcp) : IDisposable
{
    /// <summary>Questions that wait while the loop answers another.</summary>
    private const int ReceiveBufferBytes = 1 << 20;
    private const int Backlog = 128;

    /// <summary>A free port for UDP may be taken for TCP.</summary>
    private const int AttemptLimit = 20;

    public IPEndPoint EndPoint => (IPEndPoint)Udp.LocalEndPoint!;

    /// <exception cref="SocketException">The address is taken, or not this machine's.</exception>
    public static Task<DnsSockets> BindAsync(IPEndPoint address, NetworkNamespace? network) =>
        network is null ? Task.Run(() => Bind(address)) : network.RunAsync(() => Bind(address));

    public void Dispose()
    {
        Udp.Dispose();
        Tcp.Dispose();
    }

    private static DnsSockets Bind(IPEndPoint address)
    {
        for (int attempt = 1; ; attempt++)
        {
            var udp = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = ReceiveBufferBytes };
            var tcp = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                udp.Bind(address);
                tcp.Bind(udp.LocalEndPoint!);
                tcp.Listen(Backlog);
                return new DnsSockets(udp, tcp);
            }
            catch (SocketException) when (address.Port == 0 && attempt < AttemptLimit)
            {
                udp.Dispose();
                tcp.Dispose();
            }
            catch
            {
                udp.Dispose();
                tcp.Dispose();
                throw;
            }
        }
    }
}
