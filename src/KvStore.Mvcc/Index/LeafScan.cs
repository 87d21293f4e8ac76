using System.Buffers;

namespace KvStore.Mvcc.Index;

/// <summary>A reader's walk over leaves from a key on: each is copied whole, then nothing disturbs the caller.</summary>
/// <remarks>
/// It goes on from leaf to leaf within a node as long as nothing in the tree has moved, else it looks up anew where the last leaf
/// ended. Between two leaves writes may happen; each leaf is consistent, and the caller filters by revision.
/// </remarks>
internal unsafe ref struct LeafScan(LeafTree tree, byte* copy)
{
    private long _structure;
    private InnerNode? _node;
    private int _child;

    // Where the node at hand ends: this separator of an ancestor; null when nothing comes after it.
    private InnerNode? _boundNode;
    private int _boundChild;

    // Which leaf of the node an end belongs to.
    private InnerNode? _endNode;
    private int _endChild;

    private byte[]? _next;

    /// <summary>The leaf at hand; valid after <see cref="Seek"/> or a <see cref="MoveNext"/> that was true.</summary>
    public readonly Leaf Leaf => new(copy);

    /// <summary>Copies the leaf that the key belongs to.</summary>
    public void Seek(scoped ReadOnlySpan<byte> key)
    {
        var spin = new SpinWait();
        while (!TrySeek(key))
            spin.SpinOnce(sleep1Threshold: -1);
    }

    /// <summary>Copies the next leaf.</summary>
    /// <param name="start">Keys below it were in the last leaf; empty when there are none in this.</param>
    public bool MoveNext(out ReadOnlySpan<byte> start)
    {
        start = default;
        InnerNode node = _node!;
        if (_child + 1 < node.Count && tree.TryCopy(Volatile.Read(ref node.Leaves![_child + 1]), _structure, copy))
        {
            _child++;
            return true;
        }
        bool isLastOfNode = _child + 1 == node.Count;
        InnerNode? bound = isLastOfNode ? _boundNode : node;
        if (bound is null)
            return false;
        start = TakeSeparator(bound, isLastOfNode ? _boundChild : _child);
        Seek(start);
        return true;
    }

    /// <summary>Counts the next leaf where it lies and steps over it, when it ends before <paramref name="end"/>.</summary>
    /// <param name="end">Empty: no end.</param>
    /// <param name="limit">See <see cref="LeafEntry.LimitAt"/>.</param>
    /// <returns>False when it must be copied and looked at.</returns>
    public bool TryCountNext(scoped ReadOnlySpan<byte> end, long limit, out int live)
    {
        InnerNode node = _node!;
        live = 0;
        if (_endNode != node)
            (_endNode, _endChild) = (node, end.IsEmpty ? node.Count : node.ChildOf(end));
        // The leaf that the end belongs to may hold keys beyond it.
        if (_child + 1 >= _endChild || !tree.TryCount(Volatile.Read(ref node.Leaves![_child + 1]), _structure, limit, out live))
            return false;
        _child++;
        return true;
    }

    public readonly void Dispose()
    {
        if (_next is not null)
            ArrayPool<byte>.Shared.Return(_next);
    }

    private bool TrySeek(scoped ReadOnlySpan<byte> key)
    {
        long structure = tree.Structure;
        if ((structure & 1) != 0)
            return false;
        InnerNode node = tree.Root;
        InnerNode? boundNode = null;
        int boundChild = 0;
        while (node.Nodes is not null)
        {
            int child = node.ChildOf(key);
            if (child < node.Count - 1)
                (boundNode, boundChild) = (node, child);
            node = Volatile.Read(ref node.Nodes[child]);
        }
        int leaf = node.ChildOf(key);
        if (!tree.TryCopy(Volatile.Read(ref node.Leaves![leaf]), structure, copy))
            return false;
        (_structure, _node, _child, _boundNode, _boundChild) = (structure, node, leaf, boundNode, boundChild);
        return true;
    }

    private ReadOnlySpan<byte> TakeSeparator(InnerNode node, int index)
    {
        int length = node.SeparatorLength(index);
        // The separator may be longer than the last one, but it never comes from the buffer itself.
        if (_next is null || _next.Length < length)
        {
            if (_next is not null)
                ArrayPool<byte>.Shared.Return(_next);
            _next = ArrayPool<byte>.Shared.Rent(Math.Max(length, 256));
        }
        node.CopySeparator(index, _next);
        return _next.AsSpan(0, length);
    }
}
