using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Runtime.Informers;
using Orchestrator.Runtime.LeaderElection;

namespace Orchestrator.Runtime.Scheduling;

/// <summary>How the scheduler is hosted.</summary>
public sealed record SchedulerOptions
{
    public const string DefaultName = "default-scheduler";

    /// <summary>Pods that name another scheduler are left alone.</summary>
    public string Name { get; init; } = DefaultName;

    /// <summary>Null: no election, this process is the only one.</summary>
    public LeaderElectorOptions? Election { get; init; }

    public InformerOptions Informers { get; init; } = new();

    /// <summary>Bindings and condition patches under way at once; the next waits.</summary>
    public int WriteLimit { get; init; } = 100;

    /// <summary>How long a pod waits on its node for the volumes that are made for it; then a node is looked for anew.</summary>
    public TimeSpan VolumeLimit { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Decides between equally good nodes.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Numbers in [0, 1) that spread retries of events.</summary>
    public Func<double> Jitter { get; init; } = Random.Shared.NextDouble;

    public ILogger Log { get; init; } = NullLogger.Instance;
}
