using KvStore.Storage.Disks.Simulated;

namespace KvStore.Simulation;

/// <summary>What one run does and which faults it meets: each class of faults is switched on or off by the seed, so that rare
/// mixes come up too.</summary>
public sealed record SimulationPlan
{
    public required int Seed { get; init; }

    /// <summary>Turns before the calm at the end.</summary>
    public int Turns { get; init; } = 800;

    public int ClientCount { get; init; } = 2;

    public int WatcherCount { get; init; } = 2;

    /// <summary>Of 10,000 turns, how many end in a crash between two steps.</summary>
    public int CrashBetweenSteps { get; init; }

    /// <summary>Of 10,000 turns, how many arm a crash within one of the next disk operations.</summary>
    public int CrashInDisk { get; init; }

    /// <summary>Of 100 checkpoints, how many are soon followed by a crash: what is recovered from them is what this is about.</summary>
    public int CrashAfterCheckpoint { get; init; }

    /// <summary>Of 100 changes, how many are compactions at the newest revision.</summary>
    public int Compactions { get; init; }

    /// <summary>The operation of the disk to crash in, counted from the start; 0 for none.</summary>
    public long CrashAtOperation { get; init; }

    /// <summary>Of 100 crashes, how many take the power away too.</summary>
    public int PowerLossPercent { get; init; } = 60;

    /// <summary>Of 10,000 disk operations, how many fail.</summary>
    public int IoErrors { get; init; }

    /// <summary>Of 10,000 turns, how many fill the disk for a while.</summary>
    public int DiskFull { get; init; }

    /// <summary>What a sync takes at most.</summary>
    public TimeSpan SyncTime { get; init; } = TimeSpan.FromMilliseconds(2);

    /// <summary>What a step takes at most.</summary>
    public TimeSpan StepTime { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Of 10,000 turns, how many begin a long time in which nothing is asked.</summary>
    public int LongIdle { get; init; }

    public bool HasLongLeases { get; init; }

    public bool IsNativeIndex { get; init; }

    /// <summary>Of 100 turns, how many are a client's or a watcher's.</summary>
    public int AskPercent { get; init; } = 45;

    public int SnapshotCount { get; init; } = 20;

    public long LogSegmentBytes { get; init; } = 12 << 10;

    public long? QuotaBytes { get; init; }

    public static SimulationPlan Of(int seed)
    {
        var random = new SeededRandom(unchecked((ulong)seed));
        return new SimulationPlan
        {
            Seed = seed,
            Turns = random.Between(300, 1800),
            ClientCount = random.Between(1, 4),
            WatcherCount = random.Between(0, 3),
            CrashBetweenSteps = random.Chance(0.6) ? random.Between(10, 60) : 0,
            CrashInDisk = random.Chance(0.7) ? random.Between(10, 80) : 0,
            CrashAfterCheckpoint = random.Chance(0.6) ? random.Between(20, 100) : 0,
            Compactions = random.Chance(0.5) ? random.Between(1, 25) : 0,
            PowerLossPercent = random.Next(3) * 50,
            IoErrors = random.Chance(0.25) ? random.Between(5, 100) : 0,
            DiskFull = random.Chance(0.3) ? random.Between(10, 60) : 0,
            SyncTime = TimeSpan.FromMilliseconds(random.Next(4) switch { 0 => 0, 1 => 4, 2 => 40, _ => 400 }),
            StepTime = TimeSpan.FromMilliseconds(random.Next(3) switch { 0 => 0, 1 => 1, _ => 30 }),
            LongIdle = random.Chance(0.3) ? random.Between(5, 30) : 0,
            HasLongLeases = random.Chance(0.1),
            IsNativeIndex = random.Chance(0.5),
            AskPercent = random.Between(25, 60),
            SnapshotCount = random.Between(2, 30),
            LogSegmentBytes = 4096L * random.Between(3, 12),
            QuotaBytes = random.Chance(0.1) ? random.Between(5, 40) << 10 : null,
        };
    }

    /// <summary>The same workload without chance faults, to be crashed at each operation of the disk in turn.</summary>
    public static SimulationPlan Scripted(long crashAtOperation, bool isPowerLoss) => new()
    {
        Seed = 20_26,
        Turns = 1000,
        CrashAtOperation = crashAtOperation,
        PowerLossPercent = isPowerLoss ? 100 : 0,
        SnapshotCount = 5,
        Compactions = 5,
        IsNativeIndex = true,
    };
}
