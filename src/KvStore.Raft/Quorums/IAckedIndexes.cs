namespace KvStore.Raft.Quorums;

/// <summary>How far each voter acknowledged something that only grows: log entries, or counted reads.</summary>
public interface IAckedIndexes
{
    /// <summary>0 from a voter that acknowledged nothing yet.</summary>
    ulong AckedIndex(NodeId voter);
}
