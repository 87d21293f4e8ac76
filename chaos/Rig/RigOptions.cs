namespace KvStore.Chaos.Rig;

/// <summary>What a run is asked for, and where it works.</summary>
internal sealed record RigOptions
{
    public required int MemberCount { get; init; }

    public required string ServerTemplate { get; init; }

    /// <summary>Disks, namespaces, sockets: removed at the end.</summary>
    public required string WorkFolder { get; init; }

    /// <summary>History, logs, verdict: stays.</summary>
    public required string OutFolder { get; init; }

    /// <summary>Makes names that other runs do not have.</summary>
    public required string RunId { get; init; }

    public long DiskBytes { get; init; } = 512L << 20;

    /// <summary>Members' wall clocks are to be set.</summary>
    public bool SetsClocks { get; init; }

    public string Token => $"chaos-{RunId}";

    /// <summary>Several .NET servers share few processors and little memory here; others do not look at these.</summary>
    public IReadOnlyDictionary<string, string> ServerEnvironment { get; } = new Dictionary<string, string>
    {
        ["DOTNET_GCHeapHardLimit"] = "0x12C00000",
        ["DOTNET_gcServer"] = "0",
        ["DOTNET_TieredPGO"] = "0",
    };
}
