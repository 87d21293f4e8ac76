using KvStore.Benchmarks.Servers;

namespace KvStore.Benchmarks.Scenarios;

internal sealed record ScenarioSettings
{
    public required IReadOnlyList<ServerKind> Servers { get; init; }

    /// <summary>How often each row is measured for each server; the report has the medians.</summary>
    public required int Rounds { get; init; }

    /// <summary>A smoke test: everything is there, nothing is large enough to mean much.</summary>
    public required bool IsQuick { get; init; }

    /// <summary>Holds the servers' data while they run. Its file system is part of what is measured.</summary>
    public required string Folder { get; init; }

    /// <summary>Where not empty, only rows whose name contains one of these are measured.</summary>
    public required IReadOnlyList<string> RowFilter { get; init; }

    public T Sized<T>(T full, T quick) => IsQuick ? quick : full;

    public bool Wants(string row) =>
        RowFilter.Count == 0 || RowFilter.Any(part => row.Contains(part, StringComparison.Ordinal));
}
