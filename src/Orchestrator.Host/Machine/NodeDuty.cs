using System.Security.Cryptography.X509Certificates;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Pressure;

namespace Orchestrator.Host.Machine;

/// <summary>What a node of real containers is to be in its cluster.</summary>
internal sealed record NodeDuty
{
    public required string Name { get; init; }

    /// <summary>Owned by the node from now on.</summary>
    public required KubeletServices Services { get; init; }

    /// <summary>Sees services, their endpoints, namespaces and nodes.</summary>
    public required ApiClient Client { get; init; }

    /// <summary>What the kubelet shows.</summary>
    public required X509Certificate2 Certificate { get; init; }

    /// <summary>Asked at each new connection for what it shows instead.</summary>
    public Func<X509Certificate2?>? RenewedCertificate { get; init; }

    /// <summary>Signs the certificates of those whom the kubelet lets in.</summary>
    public required X509Certificate2 ClientAuthority { get; init; }

    /// <summary>The folder of static pods' manifests, made if it is not there.</summary>
    public required string StaticPods { get; init; }

    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(40);

    /// <summary>When the node is under pressure.</summary>
    public IReadOnlyList<EvictionThreshold> EvictionThresholds { get; init; } = Runtime.Kubelet.Pressure.EvictionThresholds.Default;

    /// <summary>Whether this node's client may write the name server's service, and does.</summary>
    public bool KeepsNameService { get; init; }
}
