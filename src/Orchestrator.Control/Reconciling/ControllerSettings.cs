using Orchestrator.Control.Certificates;
using Orchestrator.Control.CloudProvider;
using Orchestrator.Control.NodeIpam;
using Orchestrator.Control.NodeLifecycle;

namespace Orchestrator.Control.Reconciling;

/// <summary>What the controllers need from outside, as values and pure functions.</summary>
public sealed record ControllerSettings
{
    /// <summary>The certificates of the authorities behind the API server, PEM.</summary>
    public required string RootCertificates { get; init; }

    /// <summary>Time zones by their tz names; null for an unknown one, "" for the control plane's own.</summary>
    public Func<string, TimeZoneInfo?> FindTimeZone { get; init; } = static name =>
        name.Length == 0 ? TimeZoneInfo.Utc : TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone) ? zone : null;

    public NodeHealthSettings NodeHealth { get; init; } = new();

    /// <summary>The ranges out of which nodes get theirs; empty where something else hands them out.</summary>
    public IReadOnlyList<(CidrBlock Cluster, int NodePrefixLength)> PodRanges { get; init; } =
        [(CidrBlock.Parse("10.244.0.0/16"), 24)];

    /// <summary>Reads a PKCS #10 request; null if it is none.</summary>
    public Func<byte[], RequestedCertificate?> ReadRequest { get; init; } = static _ => null;

    /// <summary>Null: nothing provides load balancers, and services wait for one for ever.</summary>
    public CloudProviderSettings? CloudProvider { get; init; }

    /// <summary>How many ended pods are kept.</summary>
    public int EndedPodLimit { get; init; } = 12500;
}
