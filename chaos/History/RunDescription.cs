namespace KvStore.Chaos.History;

/// <summary>What was run, so that it can be run again: <c>run.json</c> of a run's folder.</summary>
public sealed record RunDescription
{
    public required long Seed { get; init; }

    /// <summary>Of traffic and faults; the floors are for so much time.</summary>
    public required double Minutes { get; init; }

    public required int MemberCount { get; init; }

    /// <summary>The template that members are started by.</summary>
    public required string ServerCommand { get; init; }

    /// <summary>Names of the faults that were drawn from.</summary>
    public required IReadOnlyList<string> Faults { get; init; }

    /// <summary>Of the servers and this program, and the kernel: name to version.</summary>
    public IReadOnlyDictionary<string, string> Versions { get; init; } = new Dictionary<string, string>();

    /// <summary>The command line that repeats the run.</summary>
    public string Command { get; init; } = "";

    public DateTimeOffset StartedAt { get; init; }

    /// <summary>What was asked of the members beyond the defaults, in milliseconds.</summary>
    public long ElectionTimeoutMilliseconds { get; init; } = 1000;
}
