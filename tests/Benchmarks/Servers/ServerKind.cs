namespace KvStore.Benchmarks.Servers;

/// <summary>A store that can be measured: what it is called, where its executable lies, which flags only it is given.</summary>
internal sealed record ServerKind(string Name, string Executable)
{
    /// <summary>Ours: the flag that bounds the memory of the value store; etcd has none.</summary>
    public string? MemoryBudgetFlag { get; init; }

    public IReadOnlyList<string> ExtraFlags { get; init; } = [];
}
