using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Orchestrator.Runtime.LeaderElection;

/// <summary>Which lease is fought for, by whom, and how fast.</summary>
public sealed record LeaderElectorOptions
{
    public string Namespace { get; init; } = "kube-system";

    /// <summary>The lease's name, kube-scheduler say.</summary>
    public required string Name { get; init; }

    /// <summary>Who we are; no two processes may have the same.</summary>
    public required string Identity { get; init; }

    /// <summary>How long others wait after the last renewal that they saw before they take over.</summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long the leader goes on trying to renew before it stops leading.</summary>
    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Whether a leader that is told to stop gives the lease up, so that another need not wait.</summary>
    public bool ReleasesOnCancel { get; init; } = true;

    /// <summary>Numbers in [0, 1) that spread the attempts of those who wait.</summary>
    public Func<double> Jitter { get; init; } = Random.Shared.NextDouble;

    public ILogger Log { get; init; } = NullLogger.Instance;
}
