using System.Globalization;

namespace KvStore.Chaos.Runs;

/// <summary>What a run came to, in figures: <c>summary.json</c> of its folder.</summary>
internal sealed record RunSummary
{
    public required double Minutes { get; init; }

    public long Operations { get; init; }

    public long UnknownOutcomes { get; init; }

    public long Faults { get; init; }

    public long EffectiveFaults { get; init; }

    public long Elections { get; init; }

    public long SnapshotsSent { get; init; }

    public long Watches { get; init; }

    public long ResumedWatches { get; init; }

    public long WatchEvents { get; init; }

    public long Compactions { get; init; }

    public long PowerCuts { get; init; }

    /// <summary>Seconds in which no write was acknowledged, faults or not.</summary>
    public long UnavailableSeconds { get; init; }

    /// <summary>Of each heal window: until the first acknowledged write.</summary>
    public IReadOnlyList<double> FirstWriteSeconds { get; init; } = [];

    /// <summary>Of each heal window: until all members answered a linearizable read.</summary>
    public IReadOnlyList<double> AllAnswerSeconds { get; init; } = [];

    /// <summary>By kind: "effective/all".</summary>
    public IReadOnlyDictionary<string, string> FaultsByName { get; init; } = new Dictionary<string, string>();

    /// <summary>What the rig itself saw that must not be: hashes that differ, members that do not come back or end by
    /// themselves.</summary>
    public IReadOnlyList<string> Violations { get; init; } = [];

    /// <summary>The checkers' word; empty before they have spoken.</summary>
    public string Verdict { get; init; } = "";

    /// <summary>Found by the checkers.</summary>
    public long ViolationCount { get; init; }

    public string Figures => string.Join(", ",
        $"{Operations} operations", $"{EffectiveFaults} faults", $"{PowerCuts} power cuts", $"{Elections} elections",
        $"{SnapshotsSent} snapshots", $"{ResumedWatches} resumed watches", $"{UnknownOutcomes} unknown outcomes",
        $"{Compactions} compactions", $"{UnavailableSeconds} s without a write",
        $"at worst {Worst(FirstWriteSeconds)} s to the first write after healing and {Worst(AllAnswerSeconds)} s to all members");

    private static string Worst(IReadOnlyList<double> seconds) =>
        seconds.Count == 0 ? "-" : seconds.Max().ToString("F1", CultureInfo.InvariantCulture);
}
