namespace Orchestrator.Runtime.Tests.Simulation;

/// <summary>How bad the world is: chances in [0, 1] for each request or event, and delays.</summary>
public sealed record Faults
{
    public static Faults None { get; } = new();

    /// <summary>A request is lost before the server sees it.</summary>
    public double LostRequest { get; init; }

    /// <summary>The server acts and its answer is lost.</summary>
    public double LostAnswer { get; init; }

    /// <summary>The server answers 500, 503 with Retry-After, or 429.</summary>
    public double Refusal { get; init; }

    /// <summary>The server has written, and ends before it can answer; all watches break with it.</summary>
    public double CrashAfterWrite { get; init; }

    /// <summary>A watch breaks before an event.</summary>
    public double LostWatch { get; init; }

    /// <summary>The history is compacted after a write, so that who is behind gets 410.</summary>
    public double Compaction { get; init; }

    /// <summary>A list that allows it shows a state of the past.</summary>
    public double StaleList { get; init; }

    /// <summary>Requests and events take up to this long.</summary>
    public TimeSpan Latency { get; init; }

    /// <summary>Whether WatchList is refused, as by older servers.</summary>
    public bool RefusesWatchList { get; init; }
}
