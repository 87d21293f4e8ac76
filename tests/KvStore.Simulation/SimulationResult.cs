namespace KvStore.Simulation;

/// <summary>What a run was made of, once it has ended well.</summary>
public sealed record SimulationResult
{
    public ulong TraceHash { get; init; }

    public long Events { get; init; }

    /// <summary>Requests that were acknowledged or refused, reads included.</summary>
    public long Operations { get; init; }

    /// <summary>Requests whose outcome a crash or a timeout left unknown.</summary>
    public long Unknown { get; init; }

    public long Commands { get; init; }

    public long WatchEvents { get; init; }

    public long Crashes { get; init; }

    public long PowerLosses { get; init; }

    public long IoErrors { get; init; }

    public long FullDisks { get; init; }

    public long Checkpoints { get; init; }

    public long ExpiredLeases { get; init; }

    public long DiskOperations { get; init; }

    public TimeSpan VirtualTime { get; init; }

    public static SimulationResult operator +(SimulationResult left, SimulationResult right) => new()
    {
        TraceHash = unchecked(left.TraceHash * 31 + right.TraceHash),
        Events = left.Events + right.Events,
        Operations = left.Operations + right.Operations,
        Unknown = left.Unknown + right.Unknown,
        Commands = left.Commands + right.Commands,
        WatchEvents = left.WatchEvents + right.WatchEvents,
        Crashes = left.Crashes + right.Crashes,
        PowerLosses = left.PowerLosses + right.PowerLosses,
        IoErrors = left.IoErrors + right.IoErrors,
        FullDisks = left.FullDisks + right.FullDisks,
        Checkpoints = left.Checkpoints + right.Checkpoints,
        ExpiredLeases = left.ExpiredLeases + right.ExpiredLeases,
        DiskOperations = left.DiskOperations + right.DiskOperations,
        VirtualTime = left.VirtualTime + right.VirtualTime,
    };

    public override string ToString() =>
        $"{Operations} operations ({Unknown} more with unknown outcome), {Commands} commands applied, {WatchEvents} watch events, "
        + $"{ExpiredLeases} leases expired, {Crashes} crashes ({PowerLosses} power losses), {IoErrors} I/O errors, {FullDisks} full disks, "
        + $"{Checkpoints} checkpoints, {DiskOperations} disk operations, {Events} events in {VirtualTime.TotalHours:F1} h of virtual time";
}
