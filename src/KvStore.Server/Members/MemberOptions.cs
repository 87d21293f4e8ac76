using KvStore.Mvcc.Watches;
using KvStore.Raft;

namespace KvStore.Server.Members;

/// <summary>What a member needs to know; all of it comes from the server's options.</summary>
public sealed record MemberOptions
{
    public required ulong ClusterId { get; init; }

    public required NodeId MemberId { get; init; }

    /// <summary>The members of the first start, this one among them; of one that joins, those that it found.</summary>
    public required IReadOnlyList<Protocol.Member> InitialMembers { get; init; }

    /// <summary>A new member of an old cluster: what the log holds comes from the others.</summary>
    public bool IsJoining { get; init; }

    /// <summary>Different in every life of every member: it tells requests, reads and elections apart, and numbers the data directory
    /// that this life may make.</summary>
    public required ulong Incarnation { get; init; }

    /// <summary>Entries behind a checkpoint that are kept in memory for members that lag.</summary>
    public int CatchUpEntries { get; init; } = 5000;

    /// <summary>The most bytes that these may have.</summary>
    public long CatchUpBytes { get; init; } = 64 << 20;

    /// <summary>The most bytes of entries in one append; one entry goes in any case. etcd's.</summary>
    public ulong MaxAppendBytes { get; init; } = 1 << 20;

    /// <summary>The most appends under way to one follower; etcd's.</summary>
    public int MaxInflightMessages { get; init; } = 512;

    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    public int ElectionTicks { get; init; } = 10;

    /// <summary>The only voter campaigns at once at its start, instead of after an election timeout.</summary>
    public bool CampaignsAtOnce { get; init; } = true;

    /// <summary>Applying one request for longer is told.</summary>
    public TimeSpan WarningApplyDuration { get; init; } = TimeSpan.FromMilliseconds(100);

    public bool PreVote { get; init; } = true;

    /// <summary>Requests after which a checkpoint is due.</summary>
    public long SnapshotCount { get; init; } = 10_000;

    /// <summary>Bytes of log after which a checkpoint is due whatever it costs.</summary>
    public long CheckpointLogBytes { get; init; } = 64 << 20;

    /// <summary>Size at which NOSPACE is raised; null for never.</summary>
    public long? QuotaBytes { get; init; } = 2L << 30;

    public int MaxTxnOps { get; init; } = 128;

    public int MaxRequestBytes { get; init; } = 1_572_864;

    public long ValueMemoryBytes { get; init; } = 64 << 20;

    public long LogSegmentBytes { get; init; } = 32 << 20;

    /// <summary>Space kept for the day the disk is full: what frees space still has to be logged then.</summary>
    public long ReserveBytes { get; init; } = 16 << 20;

    /// <summary>How much may wait for watches.</summary>
    public WatchHubOptions Watches { get; init; } = new();

    public TimeSpan WatchProgressInterval { get; init; } = TimeSpan.FromMinutes(10);

    public TimeSpan ElectionTimeout => HeartbeatInterval * ElectionTicks;

    /// <summary>etcd's: five seconds for the disk, and two elections.</summary>
    public TimeSpan RequestTimeout => TimeSpan.FromSeconds(5) + 2 * ElectionTimeout;
}
