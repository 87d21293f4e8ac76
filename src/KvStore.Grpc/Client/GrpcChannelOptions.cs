using System.Net.Security;

namespace KvStore.Grpc;

/// <summary>What holds for every call of a <see cref="GrpcChannel"/>.</summary>
public sealed class GrpcChannelOptions
{
    /// <summary>For https addresses; null trusts what the system trusts.</summary>
    public SslClientAuthenticationOptions? Tls { get; init; }

    /// <summary>The largest response taken, in bytes; a larger one ends its call with ResourceExhausted.</summary>
    public int MaxReceiveMessageSize { get; init; } = 4 * 1024 * 1024;

    public int MaxSendMessageSize { get; init; } = int.MaxValue;

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>A connection silent for so long is pinged; infinite sends none.</summary>
    public TimeSpan KeepAlivePingInterval { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>A connection whose ping is not answered within this time is closed; its calls end with Unavailable.</summary>
    public TimeSpan KeepAlivePingTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Pings also a connection without open calls. Servers in Go, etcd among them, close one for that.</summary>
    public bool KeepAlivePingWithoutCalls { get; init; } = true;

    public string UserAgent { get; init; } = "kvstore-grpc";

    /// <summary>The clock that deadlines run on.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
