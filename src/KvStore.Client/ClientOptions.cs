using System.Net.Security;
using KvStore.Grpc;

namespace KvStore.Client;

/// <summary>What holds for a whole <see cref="EtcdClient"/>. The defaults suit a cluster on a local network.</summary>
public sealed class ClientOptions
{
    /// <summary>Where members serve clients: <c>http://host:port</c>, <c>https://host:port</c>, <c>unix:/path</c>,
    /// <c>unixs:/path</c>; <c>host:port</c> alone is https with <see cref="Tls"/>, else http.</summary>
    /// <remarks>One is used at a time, the first that proves healthy; it is left only when it fails.</remarks>
    public IReadOnlyList<string> Endpoints { get; init; } = ["http://127.0.0.1:2379"];

    /// <summary>Stands in the place of <see cref="Endpoints"/>: an <see cref="InMemoryChannel"/> to a server in this process.
    /// The client does not dispose it.</summary>
    public CallInvoker? Channel { get; init; }

    /// <summary>For https: what to trust, the own certificate. Null trusts what the system trusts.</summary>
    public SslClientAuthenticationOptions? Tls { get; init; }

    /// <summary>Signs in as this user; the token is renewed when the server no longer takes it. Null sends no token.</summary>
    public string? UserName { get; init; }

    public string Password { get; init; } = "";

    /// <summary>How long one call may take, all its attempts together; <see cref="RequestOptions.Timeout"/> says otherwise for
    /// one. Above etcd's own 7 s, so that the server's answer comes first.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an endpoint may take to connect, to answer a probe of its health, to confirm a watch.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>An endpoint that owes answers and has given none for so long is probed, and left if the probe fails.</summary>
    public TimeSpan SilenceLimit { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long an endpoint that failed rests; doubled with each further failure, give or take a fifth.</summary>
    public TimeSpan MinBackOff { get; init; } = TimeSpan.FromMilliseconds(50);

    public TimeSpan MaxBackOff { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Calls are refused by a member that knows no leader (metadata <c>hasleader</c>) instead of waiting for
    /// one.</summary>
    public bool RequireLeader { get; init; }

    /// <summary>The same for watches and lease renewals, so that they leave a member that is cut off from its cluster.</summary>
    public bool StreamsRequireLeader { get; init; } = true;

    /// <summary>Bytes of the largest request; the default is etcd's server's limit for a whole message.</summary>
    public int MaxSendMessageSize { get; init; } = 2 * 1024 * 1024;

    /// <summary>Bytes of the largest response. A watch whose response is larger ends.</summary>
    public int MaxReceiveMessageSize { get; init; } = int.MaxValue;

    /// <summary>A connection with open calls that is silent for so long is pinged. etcd closes one pinged more than every 5
    /// s.</summary>
    public TimeSpan KeepAlivePingInterval { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan KeepAlivePingTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Asks the cluster for its members' client URLs in this interval and uses those; infinite does not.</summary>
    public TimeSpan EndpointSyncInterval { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>The most streams that all watches together open; a further one is opened when those there are full.</summary>
    public int MaxWatchStreams { get; init; } = 4;

    /// <summary>Watches on a stream before a further stream is opened.</summary>
    public int WatchesPerStream { get; init; } = 500;

    /// <summary>The clock of deadlines, back-off and leases.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
