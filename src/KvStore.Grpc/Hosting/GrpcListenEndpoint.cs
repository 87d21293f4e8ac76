using System.Net;
using System.Net.Sockets;

namespace KvStore.Grpc;

/// <summary>An address to listen on; gRPC and HTTP/1.1 share it. With <see cref="Tls"/> it speaks TLS only.</summary>
public sealed record GrpcListenEndpoint(EndPoint EndPoint, GrpcTlsOptions? Tls = null)
{
    /// <summary>A TCP port; port 0 picks a free one, see <see cref="GrpcHost.BoundEndPoints"/>.</summary>
    public static GrpcListenEndpoint Tcp(IPAddress address, int port, GrpcTlsOptions? tls = null) =>
        new(new IPEndPoint(address, port), tls);

    /// <summary>A Unix socket. A socket file that nobody listens on any more is replaced.</summary>
    public static GrpcListenEndpoint Unix(string path, GrpcTlsOptions? tls = null) =>
        new(new UnixDomainSocketEndPoint(path), tls);
}
