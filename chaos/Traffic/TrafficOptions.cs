namespace KvStore.Chaos.Traffic;

/// <summary>What the traffic's process is started with, as a file of JSON.</summary>
internal sealed record TrafficOptions
{
    public required long Seed { get; init; }

    public required IReadOnlyList<MemberAddress> Members { get; init; }

    /// <summary>Of the run's clock; see <see cref="RunClock.Origin"/>.</summary>
    public required long ClockOrigin { get; init; }

    public required string HistoryFile { get; init; }

    /// <summary>Scales the number of requests; 1 is some hundreds a second.</summary>
    public double Rate { get; init; } = 1;
}
