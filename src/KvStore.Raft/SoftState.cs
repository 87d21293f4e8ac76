namespace KvStore.Raft;

/// <summary>What a restart forgets.</summary>
public readonly record struct SoftState(NodeId Leader, Role Role);
