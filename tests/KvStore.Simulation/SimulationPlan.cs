using KvStore.Storage.Disks.Simulated;

namespace KvStore.Simulation;

/// <summary>What one run does and which faults it meets: each class of faults is switched on or off by the seed, so that rare
/// mixes come up too.</summary>
/// <remarks>A weight says how often a misfortune is of this kind, compared with the others; 0 is never.</remarks>
public sealed partial record SimulationPlan
{
    public required int Seed { get; init; }

    /// <summary>Members at the first start.</summary>
    public int MemberCount { get; init; } = 3;

    /// <summary>Time before the calm at the end.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(20);

    public int ClientCount { get; init; } = 2;

    public int WatcherCount { get; init; } = 2;

    /// <summary>What a client waits on average before it asks again.</summary>
    public TimeSpan ThinkTime { get; init; } = TimeSpan.FromMilliseconds(60);

    /// <summary>The average time from one misfortune to the next.</summary>
    public TimeSpan MisfortuneInterval { get; init; } = TimeSpan.FromMilliseconds(700);

    /// <summary>No more misfortunes than these: what a shrunk run is cut down by.</summary>
    public int MisfortuneLimit { get; init; } = int.MaxValue;

    public int CrashWeight { get; init; }

    /// <summary>Several or all members at once.</summary>
    public int MassCrashWeight { get; init; }

    /// <summary>Crashes within one of the next disk operations.</summary>
    public int DiskCrashWeight { get; init; }

    /// <summary>Restarts in good order.</summary>
    public int RestartWeight { get; init; }

    public int PauseWeight { get; init; }

    public int PartitionWeight { get; init; }

    public int OneWayCutWeight { get; init; }

    /// <summary>Each member reaches a majority, but no two the same one.</summary>
    public int RingWeight { get; init; }

    /// <summary>A while of heavy loss and long delays.</summary>
    public int StormWeight { get; init; }

    public int DiskFullWeight { get; init; }

    public int SlowDiskWeight { get; init; }

    /// <summary>A member takes seconds to apply what is committed, as with a large transaction or a slow disk for values.</summary>
    public int SlowApplyWeight { get; init; }

    /// <summary>The loop that tells watches is held up for seconds, while changes are applied and snapshots installed.</summary>
    public int SlowWatchWeight { get; init; }

    public int TransferWeight { get; init; }

    public int MemberChangeWeight { get; init; }

    /// <summary>Long times in which nothing is asked.</summary>
    public int LongIdleWeight { get; init; }

    /// <summary>Of 100 checkpoints, how many are soon followed by a crash: what is recovered from them is what this is about.</summary>
    public int CrashAfterCheckpoint { get; init; }

    /// <summary>Of 100 members that come to lead, how many crash soon.</summary>
    public int CrashOfLeader { get; init; }

    /// <summary>Of 100 starts, how many are followed by another crash within a few operations of the disk.</summary>
    public int CrashAfterStart { get; init; }

    /// <summary>Of 100 starts, how many find that bits of saved key indexes have rotted: those are made anew from the values.</summary>
    public int IndexRot { get; init; }

    /// <summary>Of 100 snapshots that came whole, how many are followed by a crash while they are installed.</summary>
    public int CrashOnSnapshot { get; init; }

    /// <summary>Of 100 snapshots that came whole, how many are followed by a hand-over of the leadership while they are installed.</summary>
    public int TransferOnSnapshot { get; init; }

    /// <summary>Of 100 files that a member deletes, how many are the last thing it does but a few operations: what is gone must not
    /// be needed, even if the power goes too.</summary>
    public int CrashAfterDelete { get; init; }

    /// <summary>Of 100 changes of members that a leader applies, how many are soon followed by its crash.</summary>
    public int CrashAfterChange { get; init; }

    /// <summary>Of 100 lives of members, in how many they ask for votes before they campaign: it may be turned on or off by a restart.</summary>
    public int PreVotePercent { get; init; } = 100;

    /// <summary>Of 100 crashes, how many take the power away too.</summary>
    public int PowerLossPercent { get; init; } = 60;

    /// <summary>Of 10,000 disk operations, how many fail.</summary>
    public int IoErrors { get; init; }

    /// <summary>Of 100 syncs of files, how many are lies. No seed has any: no promise can be kept on such a disk, so this is how it is
    /// tested that broken promises are noticed.</summary>
    public int SyncLies { get; init; }

    /// <summary>Of 1,000 messages, how many are lost on a fair day.</summary>
    public int Loss { get; init; }

    /// <summary>Of 100 messages that are lost, how many their sender hears of: a connection that was cut off in silence tells nothing.</summary>
    public int NoticedLosses { get; init; } = 33;

    /// <summary>Of 1,000 messages, how many arrive twice.</summary>
    public int Duplicates { get; init; }

    /// <summary>What a message takes at most; the least is a tenth of it.</summary>
    public TimeSpan MessageDelay { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Whether messages of one member to another keep their order.</summary>
    public bool IsOrdered { get; init; }

    /// <summary>Of 1,000 pieces of a snapshot, how many break the transfer.</summary>
    public int SnapshotBreaks { get; init; }

    /// <summary>What a sync takes at most.</summary>
    public TimeSpan SyncTime { get; init; } = TimeSpan.FromMilliseconds(2);

    /// <summary>How many times slower the first member's disk is.</summary>
    public int DiskSlowness { get; init; } = 1;

    /// <summary>What a step takes at most.</summary>
    public TimeSpan StepTime { get; init; } = TimeSpan.FromMilliseconds(0.2);

    /// <summary>By how many of a thousand parts clocks run fast or slow at most.</summary>
    public int ClockDrift { get; init; }

    /// <summary>The operation of the first member's disk to crash in, counted from the start; 0 for none.</summary>
    public long CrashAtOperation { get; init; }

    public bool HasLongLeases { get; init; }

    public bool IsNativeIndex { get; init; }

    /// <summary>What one client asks without waiting for an answer, at most.</summary>
    public int RequestsAtOnce { get; init; } = 1;

    /// <summary>Messages that may wait for a watcher; the other limits of watches are as small then.</summary>
    public int WatchQueueMessages { get; init; } = 128;

    /// <summary>Bytes of entries in one append, at most, but one entry in any case.</summary>
    public ulong MaxAppendBytes { get; init; } = 1 << 20;

    /// <summary>Appends under way to one follower, at most.</summary>
    public int MaxInflightMessages { get; init; } = 512;

    /// <summary>Changes of members are refused that would endanger the quorum, as etcd's flag strict-reconfig-check has it.</summary>
    public bool IsStrict { get; init; }

    /// <summary>When all is calm, as many members as the others can do without stay away for a while.</summary>
    public bool IsMinorityAway { get; init; }

    /// <summary>Of 100 changes, how many are compactions at the newest revision.</summary>
    public int Compactions { get; init; }

    /// <summary>What the large values have at most.</summary>
    public int ValueBytes { get; init; } = 3000;

    public int SnapshotCount { get; init; } = 20;

    public int CatchUpEntries { get; init; } = 20;

    public long LogSegmentBytes { get; init; } = 12 << 10;

    public long? QuotaBytes { get; init; }

    /// <summary>A cluster, mostly of three.</summary>
    public static SimulationPlan Of(int seed)
    {
        var random = new SeededRandom(unchecked((ulong)seed));
        int members = random.Next(10) switch { 0 => 1, 1 => 5, _ => 3 };
        return Draw(seed, members, random);
    }

    /// <summary>A cluster of so many.</summary>
    public static SimulationPlan Of(int seed, int memberCount) => Draw(seed, memberCount, new SeededRandom(unchecked((ulong)seed)));

    /// <summary>One member without chance faults, to be crashed at each operation of its disk in turn.</summary>
    public static SimulationPlan Scripted(long crashAtOperation, bool isPowerLoss) => new()
    {
        Seed = 20_26,
        MemberCount = 1,
        Duration = TimeSpan.FromSeconds(6),
        ThinkTime = TimeSpan.FromMilliseconds(30),
        CrashAtOperation = crashAtOperation,
        PowerLossPercent = isPowerLoss ? 100 : 0,
        SnapshotCount = 5,
        Compactions = 5,
        IsNativeIndex = true,
    };

    private static SimulationPlan Draw(int seed, int members, SeededRandom random)
    {
        bool isAlone = members == 1;
        bool hasLongLeases = random.Chance(0.05);
        return new SimulationPlan
        {
            Seed = seed,
            MemberCount = members,
            ClientCount = random.Between(1, 4),
            WatcherCount = random.Between(0, 3),
            ThinkTime = TimeSpan.FromMilliseconds(random.Next(4) switch { 0 => 20, 1 => 50, 2 => 100, _ => 300 }),
            MisfortuneInterval = TimeSpan.FromMilliseconds(random.Between(300, 3000)),
            CrashWeight = Weight(0.7),
            MassCrashWeight = Weight(0.3),
            DiskCrashWeight = Weight(0.6),
            RestartWeight = Weight(0.2),
            PauseWeight = Weight(0.4),
            PartitionWeight = isAlone ? 0 : Weight(0.5),
            OneWayCutWeight = isAlone ? 0 : Weight(0.3),
            RingWeight = isAlone ? 0 : Weight(0.2),
            StormWeight = isAlone ? 0 : Weight(0.3),
            DiskFullWeight = Weight(0.2),
            SlowDiskWeight = Weight(0.3),
            TransferWeight = isAlone ? 0 : Weight(0.3),
            MemberChangeWeight = Weight(0.3),
            LongIdleWeight = hasLongLeases ? Weight(0.5) : 0,
            CrashAfterCheckpoint = random.Chance(0.4) ? random.Between(20, 100) : 0,
            CrashOfLeader = !isAlone && random.Chance(0.2) ? random.Between(10, 60) : 0,
            CrashOnSnapshot = random.Chance(0.4) ? random.Between(10, 60) : 0,
            Compactions = random.Chance(0.5) ? random.Between(1, 25) : 0,
            PowerLossPercent = random.Next(3) * 50,
            IoErrors = random.Chance(0.2) ? random.Between(5, 60) : 0,
            Loss = random.Next(3) switch { 0 => 0, 1 => 10, _ => 80 },
            Duplicates = random.Next(3) switch { 0 => 0, 1 => 10, _ => 80 },
            MessageDelay = TimeSpan.FromMilliseconds(random.Next(4) switch { 0 => 0.3, 1 => 2, 2 => 20, _ => 120 }),
            IsOrdered = random.Chance(0.4),
            SnapshotBreaks = random.Next(3) * 100,
            SyncTime = TimeSpan.FromMilliseconds(random.Next(4) switch { 0 => 0.1, 1 => 4, 2 => 20, _ => 100 }),
            DiskSlowness = random.Chance(0.3) ? random.Between(2, 20) : 1,
            StepTime = TimeSpan.FromMilliseconds(random.Next(3) switch { 0 => 0.02, 1 => 0.5, _ => 10 }),
            ClockDrift = random.Chance(0.5) ? random.Between(1, 20) : 0,
            HasLongLeases = hasLongLeases,
            IsNativeIndex = random.Chance(0.5),
            SnapshotCount = random.Between(2, 30),
            CatchUpEntries = random.Next(3) * 15,
            LogSegmentBytes = 4096L * random.Between(3, 12),
            QuotaBytes = random.Chance(0.1) ? random.Between(5, 40) << 10 : null,
            RequestsAtOnce = random.Chance(0.25) ? random.Between(2, 12) : 1,
            MaxInflightMessages = random.Next(3) switch { 0 => 1, 1 => random.Between(2, 6), _ => 512 },
            IsMinorityAway = random.Chance(0.4),
            IsStrict = random.Chance(0.3),
            WatchQueueMessages = random.Chance(0.5) ? random.Between(1, 6) : 128,
            MaxAppendBytes = random.Next(3) switch { 0 => 0UL, 1 => 300, _ => 1 << 20 },
            CrashAfterChange = random.Chance(0.4) ? random.Between(20, 90) : 0,
            PreVotePercent = random.Next(5) switch { 0 => 0, 1 => 50, _ => 100 },
            SlowApplyWeight = Weight(0.25),
            TransferOnSnapshot = !isAlone && random.Chance(0.2) ? random.Between(20, 80) : 0,
            CrashAfterDelete = random.Chance(0.2) ? random.Between(5, 50) : 0,
            NoticedLosses = random.Next(3) switch { 0 => 1, _ => 33 },
            CrashAfterStart = random.Chance(0.25) ? random.Between(10, 60) : 0,
            ValueBytes = random.Chance(0.35) ? 9000 : 3000,
            IndexRot = random.Chance(0.2) ? random.Between(20, 80) : 0,
            SlowWatchWeight = Weight(0.25),
        };

        int Weight(double probability) => random.Chance(probability) ? random.Between(1, 8) : 0;
    }
}
