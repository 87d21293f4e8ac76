using KvStore.Mvcc.Commands;

namespace KvStore.Server.Members;

/// <summary>What a member tells those who measure it. Called on its loops: be quick.</summary>
public sealed record MemberEvents
{
    public static readonly MemberEvents None = new();

    /// <summary>How long a write to the log took, before its sync ...</summary>
    public Action<TimeSpan> Written { get; init; } = _ => { };

    /// <summary>... and that.</summary>
    public Action<TimeSpan> Synced { get; init; } = _ => { };

    public Action<TimeSpan> Checkpointed { get; init; } = _ => { };

    public Action AppliedSlowly { get; init; } = () => { };

    /// <summary>A request was not taken, or what became of it is unknown.</summary>
    public Action ProposalFailed { get; init; } = () => { };

    /// <summary>Every applied command, what came of it, and how long it took.</summary>
    public Action<Command, ApplyResult, TimeSpan> Applied { get; init; } = (_, _, _) => { };

    /// <summary>The leader did not confirm a read in time: it is asked again.</summary>
    public Action ReadIndexSlow { get; init; } = () => { };

    public Action ReadIndexFailed { get; init; } = () => { };

    /// <summary>This member leads and was held up for so long between two heartbeats that followers may lose patience.</summary>
    public Action<TimeSpan> HeartbeatLate { get; init; } = _ => { };

    public Action LeaseRenewed { get; init; } = () => { };

    public Action LeaseExpired { get; init; } = () => { };

    /// <summary>How long a step of compaction kept the key index from being changed.</summary>
    public Action<TimeSpan> IndexCompactionStep { get; init; } = _ => { };

    /// <summary>How long a step of compaction kept values from being written.</summary>
    public Action<TimeSpan> ValueCompactionStep { get; init; } = _ => { };

    /// <summary>How long a compaction took from its first step to its last.</summary>
    public Action<TimeSpan> Compacted { get; init; } = _ => { };

    /// <summary>This member is none any more, and has to stop.</summary>
    public Action Removed { get; init; } = () => { };
}
