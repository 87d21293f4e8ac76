using KvStore.Raft;

namespace KvStore.Mvcc.Index;

/// <summary>Builds a tree from keys that come in order: each leaf is packed once, full, and each node built once.</summary>
internal sealed class LeafLoader(LeafTree tree)
{
    // Level 0 gathers leaves, the levels above it gather nodes; the first separator of each run is that before it.
    private readonly List<(ChildRun Run, byte[] First)> _levels = [];
    private readonly LeafEditor _editor = new();

    // The end of the last leaf, for the separator behind it.
    private byte[] _lastKey = [];

    public void Add(ReadOnlySpan<byte> key, in LeafEntry entry)
    {
        bool isLong = key.Length > Leaf.MaxInlineKey;
        if (_editor.Count > 0 && (isLong || !FitsAlso(key)))
            EndLeaf();
        _editor.Add(key, default, entry);
        if (isLong)
            EndLeaf();
    }

    /// <returns>The root, or null when there were no keys.</returns>
    public InnerNode? Complete()
    {
        if (_editor.Count > 0)
            EndLeaf();
        for (int level = 0; level < _levels.Count; level++)
        {
            if (level == _levels.Count - 1 && _levels[level].Run.Count <= InnerNode.Fanout)
                return tree.Build(_levels[level].Run);
            if (_levels[level].Run.Count > 0)
                EndNode(level);
        }
        return null;
    }

    private bool FitsAlso(ReadOnlySpan<byte> key)
    {
        int count = _editor.Count;
        int prefixLength = _editor.Keys[0].CommonPrefixLength(key);
        int bytes = _editor.Keys.BytesOf(0, count) + key.Length;
        return Leaf.PackedSize(count + 1, prefixLength, bytes - prefixLength * (count + 1)) <= Leaf.MaxSize;
    }

    private void EndLeaf()
    {
        ReadOnlySpan<byte> first = _editor.Keys[0];
        int shared = first.CommonPrefixLength(_lastKey);
        byte[] separator = _lastKey.Length == 0 ? [] : first[..(shared + 1)].ToArray();
        AddChild(0, tree.NewLeaf(_editor), separator);
        _lastKey = _editor.Keys[_editor.Count - 1].ToArray();
        _editor.Clear();
    }

    private void AddChild(int level, uint leaf, byte[] separator)
    {
        ChildRun run = RunFor(level, separator);
        run.Add(leaf, separator, default);
    }

    private ChildRun RunFor(int level, byte[] separator)
    {
        if (level == _levels.Count)
            _levels.Add((new ChildRun(), separator));
        if (_levels[level].Run.Count == InnerNode.Fanout)
            EndNode(level);
        if (_levels[level].Run.Count == 0)
            _levels[level] = (_levels[level].Run, separator);
        return _levels[level].Run;
    }

    private void EndNode(int level)
    {
        (ChildRun run, byte[] first) = _levels[level];
        Invariant.Holds(run.Count is > 0 and <= InnerNode.Fanout);
        InnerNode node = tree.Build(run);
        RunFor(level + 1, first).Add(node, first, default);
        run.Clear();
    }
}
