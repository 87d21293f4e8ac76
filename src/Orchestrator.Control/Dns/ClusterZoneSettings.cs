namespace Orchestrator.Control.Dns;

/// <summary>What is the cluster's among all names.</summary>
public sealed record ClusterZoneSettings
{
    public string Domain { get; init; } = "cluster.local";

    /// <summary>Ranges whose addresses nobody else knows names of: those of services and pods.</summary>
    public IReadOnlyList<string> ReverseRanges { get; init; } = [];

    /// <summary>How long answers may be kept by who asked; CoreDNS' figure.</summary>
    public uint TtlSeconds { get; init; } = 5;

    /// <summary>The zone's serial at the start: seconds since 1970, so that it grows over restarts.</summary>
    public uint Serial { get; init; }
}
