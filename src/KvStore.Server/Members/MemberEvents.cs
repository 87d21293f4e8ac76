using KvStore.Mvcc.Commands;

namespace KvStore.Server.Members;

/// <summary>What a member tells those who measure it. Called on its loops: be quick.</summary>
public sealed record MemberEvents
{
    public static readonly MemberEvents None = new();

    public Action<TimeSpan> Synced { get; init; } = _ => { };

    public Action<TimeSpan> Checkpointed { get; init; } = _ => { };

    public Action AppliedSlowly { get; init; } = () => { };

    public Action<Command, ApplyResult> Applied { get; init; } = (_, _) => { };

    /// <summary>This member is none any more, and has to stop.</summary>
    public Action Removed { get; init; } = () => { };
}
