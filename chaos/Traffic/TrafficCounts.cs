namespace KvStore.Chaos.Traffic;

/// <summary>How much the traffic has done; printed by its process as lines of JSON.</summary>
internal sealed record TrafficCounts
{
    public long Acknowledged { get; init; }

    public long Failed { get; init; }

    public long Unknown { get; init; }

    public long Watches { get; init; }

    public long ResumedWatches { get; init; }

    public long WatchEvents { get; init; }

    public long Operations => Acknowledged + Failed + Unknown;
}
