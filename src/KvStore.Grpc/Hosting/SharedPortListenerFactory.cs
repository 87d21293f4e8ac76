using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace KvStore.Grpc;

/// <summary>Binds the host's addresses. Without TLS Kestrel can not serve HTTP/1.1 and HTTP/2 on one port, so each such address
/// is bound once and listened to by two of Kestrel's endpoints, see <see cref="SharedPortListener"/>.</summary>
internal sealed class SharedPortListenerFactory : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly GrpcHostOptions _options;
    private readonly SocketTransportFactory _sockets;
    private readonly EndPoint?[] _bound;
    private readonly SharedPortListener?[] _shared;

    public SharedPortListenerFactory(GrpcHostOptions options)
    {
        _options = options;
        _bound = new EndPoint?[options.Endpoints.Count];
        _shared = new SharedPortListener?[options.Endpoints.Count];
        _sockets = new SocketTransportFactory(
            Options.Create(new SocketTransportOptions { CreateBoundListenSocket = CreateListenSocket }), options.LoggerFactory);
    }

    public EndPoint? BoundEndPoint(int index) => _bound[index];

    public bool CanBind(EndPoint endpoint) => endpoint is SharedPortEndPoint;

    // Kestrel binds in the order in which it was told to listen: the HTTP/2 side of an address comes before its HTTP/1.1 side.
    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var (index, side, address) = ((SharedPortEndPoint)endpoint) switch { var e => (e.Index, e.Side, e.Address) };
        if (side == SharedPortSide.Http1)
            return _shared[index]!.Http1;
        var listener = await BindSocketAsync(address, cancellationToken).ConfigureAwait(false);
        _bound[index] = listener.EndPoint;
        if (side == SharedPortSide.Tls)
            return listener;
        var shared = new SharedPortListener(listener, _options.FirstBytesTimeout);
        _shared[index] = shared;
        return shared.Http2;
    }

    private async Task<IConnectionListener> BindSocketAsync(EndPoint address, CancellationToken cancellationToken)
    {
        try
        {
            return await _sockets.BindAsync(address, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is SocketException or AddressInUseException)
        {
            var cause = exception.InnerException is SocketException inner ? inner.Message : exception.Message;
            throw new IOException($"can not listen on {address}: {cause}", exception);
        }
    }

    private static Socket CreateListenSocket(EndPoint address)
    {
        if (address is UnixDomainSocketEndPoint unix)
            RemoveIfStale(unix);
        var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(address);
        // Accepted sockets inherit it: a peer whose machine has gone is noticed though no one pings.
        if (address is IPEndPoint)
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        return socket;
    }

    // A process that was killed leaves its socket's file, and no one can bind there again until it is gone.
    private static void RemoveIfStale(UnixDomainSocketEndPoint address)
    {
        var path = address.ToString();
        if (!File.Exists(path))
            return;
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(address);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
        }
    }
}
