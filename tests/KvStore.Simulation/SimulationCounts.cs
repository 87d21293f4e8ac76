namespace KvStore.Simulation;

/// <summary>What happened in a run, counted while it happens.</summary>
internal sealed class SimulationCounts
{
    /// <summary>The last entry that any member has applied.</summary>
    public ulong HighestApplied { get; set; }

    public long Crashes { get; set; }

    public long PowerLosses { get; set; }

    public long Restarts { get; set; }

    public long IoErrors { get; set; }

    public long FullDisks { get; set; }

    public long Pauses { get; set; }

    public long Partitions { get; set; }

    public long Misfortunes { get; set; }

    public long Checkpoints { get; set; }

    public long Elections { get; set; }

    public long Transfers { get; set; }

    public long MemberChanges { get; set; }
}
