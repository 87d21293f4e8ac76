namespace KvStore.Raft;

/// <summary>An immutable set of members in ascending order, so that whoever walks it does so alike everywhere.</summary>
public sealed class NodeSet
{
    public static readonly NodeSet Empty = new([]);

    private readonly NodeId[] _ids;

    public NodeSet(IEnumerable<NodeId> ids) => _ids = [.. new SortedSet<NodeId>(ids)];

    public int Count => _ids.Length;

    public bool IsEmpty => _ids.Length == 0;

    public ReadOnlySpan<NodeId> Ids => _ids;

    /// <summary>The same ids for those who keep them.</summary>
    public IReadOnlyList<NodeId> ToList() => _ids;

    public bool Contains(NodeId id) => Array.IndexOf(_ids, id) >= 0;

    /// <summary>How many members are in one of the two sets only.</summary>
    public int DifferenceCount(NodeSet other)
    {
        int common = 0;
        foreach (var id in _ids)
            common += other.Contains(id) ? 1 : 0;
        return Count + other.Count - (2 * common);
    }
}
