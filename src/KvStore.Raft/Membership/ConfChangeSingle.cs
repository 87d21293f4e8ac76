namespace KvStore.Raft;

/// <summary>One step of a membership change. A <see cref="NodeId.None"/> is skipped: so an application voids a step.</summary>
public readonly record struct ConfChangeSingle(ConfChangeType Type, NodeId NodeId);
