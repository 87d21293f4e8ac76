using System.Globalization;

namespace KvStore.Raft;

/// <summary>A member of the group. Never reused: a removed member's id does not come back.</summary>
public readonly record struct NodeId(ulong Value) : IComparable<NodeId>
{
    /// <summary>Nobody: no leader is known, no vote was cast.</summary>
    public static readonly NodeId None;

    /// <summary>The address of the storage work that must be done in order: appends, hard state, snapshots.</summary>
    public static readonly NodeId LocalAppendThread = new(ulong.MaxValue);

    /// <summary>The address of the work on the state machine: committed entries, in order.</summary>
    public static readonly NodeId LocalApplyThread = new(ulong.MaxValue - 1);

    /// <summary>Whether this addresses the node's own storage instead of a member.</summary>
    public bool IsLocalThread => this == LocalAppendThread || this == LocalApplyThread;

    public int CompareTo(NodeId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString("x", CultureInfo.InvariantCulture);
}
