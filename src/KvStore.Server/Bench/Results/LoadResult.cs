namespace KvStore.Server.Bench.Results;

/// <summary>One run of the load generator.</summary>
public sealed class LoadResult
{
    public required string Workload { get; init; }

    /// <summary>The group that the run is about first, then those that only accompany it (a watch's puts).</summary>
    public required IReadOnlyList<GroupResult> Groups { get; init; }

    /// <summary>
    /// The generator's own processor time in the measured phase; near the elapsed time it, not the server, is measured.
    /// </summary>
    public required TimeSpan ClientProcessorTime { get; init; }

    public GroupResult Main => Groups[0];

    public bool HasErrors => Groups.Any(group => group.Failed > 0);
}
