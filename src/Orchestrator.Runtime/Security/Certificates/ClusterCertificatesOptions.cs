using System.Net;

namespace Orchestrator.Runtime.Security.Certificates;

/// <summary>What the certificates of a cluster say.</summary>
public sealed class ClusterCertificatesOptions
{
    /// <summary>DATA/tls; made if it is not there.</summary>
    public required string Directory { get; init; }

    /// <summary>The address of the service <c>kubernetes</c>: the first of the services' range.</summary>
    public required IPAddress FirstServiceAddress { get; init; }

    public string ClusterDomain { get; init; } = "cluster.local";

    /// <summary>Further names under which the API server is reached.</summary>
    public IReadOnlyList<string> HostNames { get; init; } = [];

    /// <summary>Further addresses at which the API server is reached; 127.0.0.1 and ::1 are always among them.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; init; } = [];

    public TimeSpan AuthorityLifetime { get; init; } = TimeSpan.FromDays(3650);

    public TimeSpan CertificateLifetime { get; init; } = TimeSpan.FromDays(365);

    /// <summary>A start renews what ends sooner than this.</summary>
    public TimeSpan RenewBefore { get; init; } = TimeSpan.FromDays(90);

    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
