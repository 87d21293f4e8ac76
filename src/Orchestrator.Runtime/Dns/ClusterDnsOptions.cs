using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Runtime.Dns;

/// <summary>Where the cluster's name server listens, what is the cluster's, and whom it asks for the rest.</summary>
public sealed record ClusterDnsOptions
{
    /// <summary>Over UDP and TCP both; port 0 is any that is free for both.</summary>
    public required IReadOnlyList<IPEndPoint> Listen { get; init; }

    /// <summary>Where the listening sockets are made; null: in this process's own network. Other servers are always asked from this
    /// process's own: it is the host's resolvers that are asked, and they may be there alone.</summary>
    public NetworkNamespace? Network { get; init; }

    public string ClusterDomain { get; init; } = "cluster.local";

    /// <summary>Ranges of services' addresses, one for each family.</summary>
    public IReadOnlyList<string> ServiceCidrs { get; init; } = [];

    /// <summary>Ranges of pods' addresses, those of all nodes.</summary>
    public IReadOnlyList<string> PodCidrs { get; init; } = [];

    /// <summary>Servers that know all other names, the best first: see <see cref="HostResolvers"/>. Without any, other names are refused.</summary>
    public IReadOnlyList<IPEndPoint> Upstreams { get; init; } = [];

    public DnsForwardingSettings Forwarding { get; init; } = new();

    public DnsCacheSettings Cache { get; init; } = new();

    /// <summary>Connections open at the same time, each with one question at a time; a further one is closed at once.</summary>
    public int ConnectionLimit { get; init; } = 256;

    /// <summary>How long a connection may be silent.</summary>
    public TimeSpan ConnectionIdleLimit { get; init; } = TimeSpan.FromSeconds(10);

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public ILogger Log { get; init; } = NullLogger.Instance;
}

/// <summary>How other servers are asked.</summary>
public sealed record DnsForwardingSettings
{
    /// <summary>How long one server has for one answer; the next is asked then.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The least number of tries where there are fewer servers.</summary>
    public int AttemptLimit { get; init; } = 2;

    /// <summary>Different questions under way; a further one fails at once.</summary>
    public int ConcurrencyLimit { get; init; } = 1000;

    /// <summary>Clients that wait for other servers' answers; a further one is told to try again (SERVFAIL).</summary>
    public int WaiterLimit { get; init; } = 4000;
}

/// <summary>How long other servers' answers are given again.</summary>
public sealed record DnsCacheSettings
{
    public TimeSpan PositiveLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Of denials: a name that comes into being is to be seen soon.</summary>
    public TimeSpan NegativeLimit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The most answers that are kept; those not asked for lately go first.</summary>
    public int EntryLimit { get; init; } = 10_000;
}
