namespace KvStore.Raft;

/// <summary>Identifies an entry over all members and all time: two logs that hold it agree up to it (thesis §3.5).</summary>
public readonly record struct EntryId(ulong Term, ulong Index)
{
    /// <summary>
    /// Whether a log that ends here is at least as up-to-date as one that ends at <paramref name="other"/> (thesis §3.6.1).
    /// </summary>
    public bool IsAtLeast(EntryId other) => Term > other.Term || (Term == other.Term && Index >= other.Index);
}
