namespace KvStore.Raft;

/// <summary>The node's state at a glance; cheap, for every loop turn.</summary>
public readonly record struct BasicStatus(
    NodeId Id, HardState HardState, SoftState SoftState, ulong Applied, ulong LastIndex, NodeId LeadTransferee)
{
    public bool IsLeader => SoftState.Role == Role.Leader;
}
