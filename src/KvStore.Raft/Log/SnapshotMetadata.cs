namespace KvStore.Raft;

/// <summary>Which state a snapshot holds: that after the entry (<paramref name="Term"/>, <paramref name="Index"/>).</summary>
public sealed record SnapshotMetadata(ConfState ConfState, ulong Index, ulong Term)
{
    public EntryId Id => new(Term, Index);
}
