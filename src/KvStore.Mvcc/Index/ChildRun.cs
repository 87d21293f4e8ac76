namespace KvStore.Mvcc.Index;

/// <summary>Children in order and what separates them: inner nodes taken apart, to be built anew. The writer's scratch.</summary>
internal sealed class ChildRun
{
    private readonly List<uint> _leaves = [];
    private readonly List<InnerNode> _nodes = [];

    // Separator i stands before child i + 1.
    private readonly KeyList _separators = new();

    public int Count => _leaves.Count + _nodes.Count;

    public IReadOnlyList<uint> Leaves => _leaves;

    public ReadOnlySpan<byte> SeparatorBefore(int child) => _separators[child - 1];

    public ChildRun Clear()
    {
        _leaves.Clear();
        _nodes.Clear();
        _separators.Clear();
        return this;
    }

    /// <summary>The first child's separator is not needed: it is that of the place where the run goes.</summary>
    public void Add(uint leaf, ReadOnlySpan<byte> separatorPrefix, ReadOnlySpan<byte> separatorSuffix)
    {
        AddSeparator(separatorPrefix, separatorSuffix);
        _leaves.Add(leaf);
    }

    public void Add(InnerNode node, ReadOnlySpan<byte> separatorPrefix, ReadOnlySpan<byte> separatorSuffix)
    {
        AddSeparator(separatorPrefix, separatorSuffix);
        _nodes.Add(node);
    }

    /// <summary>Adds children [<paramref name="from"/>, <paramref name="to"/>) of a node.</summary>
    /// <param name="first">The separator before child 0 of the node, if it is among them.</param>
    public void Add(InnerNode node, int from, int to, ReadOnlySpan<byte> first = default)
    {
        for (int i = from; i < to; i++)
        {
            ReadOnlySpan<byte> prefix = i == 0 ? default : node.Prefix;
            ReadOnlySpan<byte> suffix = i == 0 ? first : node.SeparatorSuffix(i - 1);
            if (node.Leaves is not null)
                Add(node.Leaves[i], prefix, suffix);
            else
                Add(node.Nodes![i], prefix, suffix);
        }
    }

    public void Add(ChildRun run, ReadOnlySpan<byte> firstPrefix, ReadOnlySpan<byte> firstSuffix)
    {
        for (int i = 0; i < run.Count; i++)
        {
            ReadOnlySpan<byte> prefix = i == 0 ? firstPrefix : default;
            ReadOnlySpan<byte> suffix = i == 0 ? firstSuffix : run.SeparatorBefore(i);
            if (run._leaves.Count > 0)
                Add(run._leaves[i], prefix, suffix);
            else
                Add(run._nodes[i], prefix, suffix);
        }
    }

    public InnerNode Build(int from, int to) => new(_separators, from, to - 1)
    {
        Leaves = _leaves.Count > 0 ? [.. _leaves.Slice(from, to - from)] : null,
        Nodes = _leaves.Count > 0 ? null : [.. _nodes.Slice(from, to - from)],
    };

    private void AddSeparator(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> suffix)
    {
        if (Count > 0)
            _separators.Add(prefix, suffix);
    }
}
