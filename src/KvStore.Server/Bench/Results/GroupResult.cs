namespace KvStore.Server.Bench.Results;

/// <summary>What one group of clients has measured: requests, or events where it watches.</summary>
public sealed class GroupResult
{
    public required string Name { get; init; }

    /// <summary>What is counted: <c>requests</c> or <c>events</c>.</summary>
    public required string Unit { get; init; }

    public required int Clients { get; init; }

    public required int Connections { get; init; }

    public required long Completed { get; init; }

    public required long Failed { get; init; }

    /// <summary>How often each error came.</summary>
    public required IReadOnlyDictionary<string, long> Errors { get; init; }

    /// <summary>From the first request to the last answer.</summary>
    public required TimeSpan Elapsed { get; init; }

    public required LatencyHistogram Latency { get; init; }

    public double PerSecond => Elapsed > TimeSpan.Zero ? Completed / Elapsed.TotalSeconds : 0;
}
