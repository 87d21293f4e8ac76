namespace Orchestrator.Runtime.Kubelet.Pressure;

/// <summary>When a node is under pressure, and how long it says so; Kubernetes' figures.</summary>
public sealed record EvictionSettings
{
    public IReadOnlyList<EvictionThreshold> Thresholds { get; init; } = EvictionThresholds.Default;

    /// <summary>A condition stays so long after the last look that found it: else pods would come and go with it.</summary>
    public TimeSpan TransitionPeriod { get; init; } = TimeSpan.FromMinutes(5);

    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an evicted pod may take to be gone before the next look.</summary>
    public TimeSpan CleanupLimit { get; init; } = TimeSpan.FromSeconds(30);
}
