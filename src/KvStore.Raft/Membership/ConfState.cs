namespace KvStore.Raft;

/// <summary>The members at some index, as snapshots and storages keep them.</summary>
/// <example>
/// <c>Voters 2 3, VotersOutgoing 1 2, LearnersNext 1</c>: both majorities decide; once left, 1 goes on as a learner.
/// </example>
public sealed class ConfState
{
    public static readonly ConfState Empty = new();

    public IReadOnlyList<NodeId> Voters { get; init; } = [];

    public IReadOnlyList<NodeId> Learners { get; init; } = [];

    /// <summary>The voters of the old configuration while a joint one is in force; empty otherwise (thesis §4.3).</summary>
    public IReadOnlyList<NodeId> VotersOutgoing { get; init; } = [];

    /// <summary>Outgoing voters that become learners when the joint configuration is left.</summary>
    public IReadOnlyList<NodeId> LearnersNext { get; init; } = [];

    /// <summary>The leader leaves the joint configuration by itself as soon as it is applied.</summary>
    public bool AutoLeave { get; init; }

    /// <summary>Whether both say the same, whatever the order of the ids.</summary>
    public bool IsEquivalentTo(ConfState other) =>
        AutoLeave == other.AutoLeave
        && SameIds(Voters, other.Voters)
        && SameIds(Learners, other.Learners)
        && SameIds(VotersOutgoing, other.VotersOutgoing)
        && SameIds(LearnersNext, other.LearnersNext);

    private static bool SameIds(IReadOnlyList<NodeId> left, IReadOnlyList<NodeId> right) =>
        left.Count == right.Count && new HashSet<NodeId>(left).SetEquals(right);
}
