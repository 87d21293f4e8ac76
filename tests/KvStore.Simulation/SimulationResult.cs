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

    public long Restarts { get; init; }

    public long Pauses { get; init; }

    public long Partitions { get; init; }

    public long Misfortunes { get; init; }

    public long Elections { get; init; }

    public long Transfers { get; init; }

    public long MemberChanges { get; init; }

    public long Messages { get; init; }

    public long LostMessages { get; init; }

    public long MessageBytes { get; init; }

    public long Snapshots { get; init; }

    public long BrokenSnapshots { get; init; }

    /// <summary>Of the first member.</summary>
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
        Restarts = left.Restarts + right.Restarts,
        Pauses = left.Pauses + right.Pauses,
        Partitions = left.Partitions + right.Partitions,
        Misfortunes = left.Misfortunes + right.Misfortunes,
        Elections = left.Elections + right.Elections,
        Transfers = left.Transfers + right.Transfers,
        MemberChanges = left.MemberChanges + right.MemberChanges,
        Messages = left.Messages + right.Messages,
        MessageBytes = left.MessageBytes + right.MessageBytes,
        LostMessages = left.LostMessages + right.LostMessages,
        Snapshots = left.Snapshots + right.Snapshots,
        BrokenSnapshots = left.BrokenSnapshots + right.BrokenSnapshots,
        DiskOperations = left.DiskOperations + right.DiskOperations,
        VirtualTime = left.VirtualTime + right.VirtualTime,
    };

    public override string ToString() =>
        $"{Operations} operations ({Unknown} more with unknown outcome), {Commands} commands applied, {WatchEvents} watch events, "
        + $"{ExpiredLeases} leases expired, {Elections} elections, {Messages} messages of {MessageBytes >> 20} MiB ({LostMessages} lost), "
        + $"{Snapshots} snapshots sent ({BrokenSnapshots} broke), {Checkpoints} checkpoints; {Crashes} crashes ({PowerLosses} power losses), "
        + $"{Restarts} restarts, {Pauses} pauses, {Partitions} partitions, {IoErrors} I/O errors, {FullDisks} full disks, "
        + $"{Transfers} transfers, {MemberChanges} changes of members; {Events} events in {VirtualTime.TotalHours:F1} h of virtual time";
}
