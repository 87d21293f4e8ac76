namespace KvStore.Raft;

/// <summary>What must survive a restart (thesis §3.8). <paramref name="Commit"/> alone may be lost: it is found again.</summary>
public readonly record struct HardState(ulong Term, NodeId Vote, ulong Commit)
{
    public bool IsEmpty => this == default;
}
