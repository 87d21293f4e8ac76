namespace KvStore.Chaos.Runs;

/// <summary>What a user asks for by <c>chaos run</c>; handed from the supervisor to the runner as a file of JSON.</summary>
internal sealed record RunRequest
{
    public required long Seed { get; init; }

    public required double Minutes { get; init; }

    public required int MemberCount { get; init; }

    /// <summary>Names of the kinds to draw from.</summary>
    public required IReadOnlyList<string> Faults { get; init; }

    public required string ServerTemplate { get; init; }

    public required string OutFolder { get; init; }

    /// <summary>Disks and namespaces; removed at the end.</summary>
    public required string WorkFolder { get; init; }

    public required string LedgerFile { get; init; }

    public required string RunId { get; init; }

    /// <summary>The command line that repeats it.</summary>
    public required string Command { get; init; }

    public double Rate { get; init; } = 1;
}
