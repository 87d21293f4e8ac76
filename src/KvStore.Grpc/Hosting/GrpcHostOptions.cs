using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvStore.Grpc;

public sealed class GrpcHostOptions
{
    public required IReadOnlyList<GrpcListenEndpoint> Endpoints { get; init; }

    /// <summary>Answers every request that is no gRPC call; without it such a request gets 404.</summary>
    public RequestDelegate? HttpFallback { get; init; }

    /// <summary>Streams that one connection may have open; etcd's default is no limit.</summary>
    public int MaxConcurrentStreams { get; init; } = int.MaxValue;

    /// <summary>A connection that has been silent for so long is pinged ...</summary>
    public TimeSpan KeepAlivePingInterval { get; init; } = TimeSpan.FromHours(2);

    /// <summary>... and closed when no answer comes within this time.</summary>
    public TimeSpan KeepAlivePingTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long a new connection without TLS may stay silent before it is closed: until its first bytes nobody knows
    /// whether it speaks HTTP/2.</summary>
    public TimeSpan FirstBytesTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long unary calls may take to finish when the host stops; then their connections are closed.</summary>
    public TimeSpan ShutdownGrace { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Gets Kestrel's own messages: failed handshakes, broken connections.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;
}
