namespace KvStore.Chaos.Tests.Generation;

/// <summary>How often a generated client does what, relative to the rest; and how long the history is.</summary>
internal sealed record TrafficMix
{
    public int OperationCount { get; init; } = 40;

    public int ClientCount { get; init; } = 4;

    public int Registers { get; init; }

    /// <summary>Puts, deletes, txns and reads of all kinds over a few keys.</summary>
    public int Ranges { get; init; }

    public int Leases { get; init; }

    public int Appends { get; init; }

    public int Locks { get; init; }

    /// <summary>Objects that are created, updated and deleted under guard, listed and watched.</summary>
    public int Listings { get; init; }

    public int Compactions { get; init; }

    public int WatchCount { get; init; }

    /// <summary>Out of a hundred requests.</summary>
    public int UnknownPercent { get; init; } = 8;

    /// <summary>How many members crash, and how many times the leader changes.</summary>
    public int CrashCount { get; init; } = 1;

    /// <summary>One watch of everything, so that no change is unseen.</summary>
    public bool IsAudited { get; init; } = true;

    public static TrafficMix Everything { get; } =
        new() { OperationCount = 60, Registers = 3, Ranges = 6, Leases = 4, Appends = 2, Locks = 2, Listings = 2, Compactions = 1,
            WatchCount = 2 };
}
