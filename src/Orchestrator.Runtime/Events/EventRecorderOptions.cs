namespace Orchestrator.Runtime.Events;

/// <summary>How an event recorder keeps the number of events small.</summary>
public sealed record EventRecorderOptions
{
    /// <summary>What emits the events: deployment-controller, say.</summary>
    public required string Component { get; init; }

    /// <summary>The node it runs on, where that matters.</summary>
    public string Host { get; init; } = "";

    /// <summary>Events that wait to be written; more are dropped.</summary>
    public int QueueLimit { get; init; } = 1000;

    /// <summary>After so many alike but for their messages within <see cref="SimilarWindow"/>, one stands for them all.</summary>
    public int SimilarLimit { get; init; } = 10;

    public TimeSpan SimilarWindow { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Events about one object at once; after that, one each <see cref="SpamInterval"/>.</summary>
    public int SpamBurst { get; init; } = 25;

    public TimeSpan SpamInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Objects and messages that are remembered; the oldest are forgotten.</summary>
    public int MemoryLimit { get; init; } = 4096;

    public int RetryLimit { get; init; } = 12;

    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Numbers in [0, 1) that spread the first retry.</summary>
    public Func<double> Jitter { get; init; } = Random.Shared.NextDouble;
}
