using System.Net;
using System.Net.Sockets;

namespace KvStore.Server.Tests.Peers;

/// <summary>A way to a port of the loopback whose connections can be cut, as if a cable was pulled and plugged in again.</summary>
internal sealed class CuttableProxy : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly List<Socket> _sockets = [];
    private readonly int _port;

    public CuttableProxy(int port)
    {
        _port = port;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        _ = AcceptAsync();
    }

    public string Url => $"http://{_listener.LocalEndPoint}";

    public void Cut()
    {
        lock (_sockets)
        {
            _sockets.ForEach(socket => socket.Dispose());
            _sockets.Clear();
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        Cut();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var caller = await _listener.AcceptAsync();
                var called = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                lock (_sockets)
                    _sockets.AddRange([caller, called]);
                await called.ConnectAsync(IPAddress.Loopback, _port);
                _ = JoinAsync(caller, called);
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    /// <summary>Who has no more to say may still be answered: the connection ends when both sides have ended.</summary>
    private static async Task JoinAsync(Socket caller, Socket called)
    {
        await Task.WhenAll(CopyAsync(caller, called), CopyAsync(called, caller));
        caller.Dispose();
        called.Dispose();
    }

    private static async Task CopyAsync(Socket from, Socket to)
    {
        byte[] buffer = new byte[64 << 10];
        try
        {
            int count;
            while ((count = await from.ReceiveAsync(buffer)) > 0)
            {
                for (int sent = 0; sent < count;)
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent));
            }
            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // Cut, or broken by one of the two: the other shall know.
            from.Dispose();
            to.Dispose();
        }
    }
}
