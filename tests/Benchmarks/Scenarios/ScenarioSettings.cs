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

    /// <summary>
    /// Where not empty, only these rows are measured; the part before the slash stands for all that begin with it.
    /// </summary>
    public required IReadOnlyList<string> RowFilter { get; init; }

    public T Sized<T>(T full, T quick) => IsQuick ? quick : full;

    public bool Wants(string row) =>
        RowFilter.Count == 0 || RowFilter.Any(wanted => row == wanted || row.StartsWith(wanted + '/', StringComparison.Ordinal));
}
