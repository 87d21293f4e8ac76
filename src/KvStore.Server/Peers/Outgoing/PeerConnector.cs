using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using KvStore.Server.Configuration;
using KvStore.Server.Tls;

namespace KvStore.Server.Peers.Outgoing;

/// <summary>Opens connections to peers' URLs: TCP or a Unix socket, with TLS below HTTP, so that each handshake gets the
/// certificate that is valid then.</summary>
internal sealed class PeerConnector(PeerTls? tls, TimeSpan timeout, TimeProvider time)
{
    /// <exception cref="PeerUnreachableException">The peer was not reached, or TLS failed; the message says how.</exception>
    public async Task<Stream> ConnectAsync(EtcdUrl url, CancellationToken cancellation)
    {
        var stream = await ConnectPlainAsync(url, cancellation);
        if (!url.IsSecure)
            return stream;
        if (tls is not null)
            return await SecureAsync(stream, tls, url, cancellation);
        await stream.DisposeAsync();
        throw new PeerUnreachableException(PeerUnreachableException.TlsKind,
            "the URL asks for TLS, which this member is not set up for: give it --peer-cert-file and --peer-key-file");
    }

    /// <summary>What really went wrong, without the layers that it came through.</summary>
    public static string InnermostMessage(Exception fault)
    {
        while (fault.InnerException is { } inner)
            fault = inner;
        return fault.Message;
    }

    private static async Task<Stream> SecureAsync(Stream stream, PeerTls tls, EtcdUrl url, CancellationToken cancellation)
    {
        var secure = new SslStream(stream);
        string? problem = null;
        try
        {
            var options = tls.ForCall(url.IsUnixSocket ? "localhost" : url.Host, reason => problem = reason);
            await secure.AuthenticateAsClientAsync(options, cancellation);
            return secure;
        }
        catch (Exception fault)
        {
            await secure.DisposeAsync();
            if (problem is not null)
                throw new PeerUnreachableException(PeerUnreachableException.TlsKind, $"TLS: the called peer's certificate is not accepted: {problem}");
            if (fault is AuthenticationException or IOException)
                throw new PeerUnreachableException(PeerUnreachableException.TlsKind, $"TLS: {InnermostMessage(fault)}", fault);
            throw;
        }
    }

    private async Task<Stream> ConnectPlainAsync(EtcdUrl url, CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        var socket = url.IsUnixSocket
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            EndPoint address = url.IsUnixSocket ? new UnixDomainSocketEndPoint(url.SocketPath) : new DnsEndPoint(url.Host, url.Port);
            await socket.ConnectAsync(address, either.Token);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (Exception fault)
        {
            socket.Dispose();
            if (fault is OperationCanceledException && patience.IsCancellationRequested && !cancellation.IsCancellationRequested)
                throw new PeerUnreachableException(PeerUnreachableException.ConnectionKind, $"no connection within {GoSyntax.FormatDuration(timeout)}");
            throw;
        }
    }
}
