using System.Net;
using System.Net.Sockets;
using KvStore.Server.Configuration;

namespace KvStore.Server.Hosting;

/// <summary>Tries the addresses before any data is opened, so that a port in use leaves the data directory as it is.</summary>
internal static class ListenAddresses
{
    /// <exception cref="IOException">One cannot be listened on; the message says which, by which flag, and why.</exception>
    public static void Check(ServerOptions options)
    {
        Check("listen-client-urls", options.ListenClientUrls);
        Check("listen-client-http-urls", options.ListenClientHttpUrls);
        Check("listen-metrics-urls", options.ListenMetricsUrls);
        Check("listen-peer-urls", options.ListenPeerUrls);
    }

    private static void Check(string flag, IEnumerable<EtcdUrl> urls)
    {
        foreach (var url in urls)
        {
            if (!url.IsUnixSocket && url.Port != 0)
                Check(flag, url);
        }
    }

    private static void Check(string flag, EtcdUrl url)
    {
        var address = url.BindAddress();
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address, url.Port));
        }
        catch (SocketException refusal)
        {
            throw new IOException($"cannot listen on {url} (--{flag}): {refusal.Message}", refusal);
        }
    }
}
