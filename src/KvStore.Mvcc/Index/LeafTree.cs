using System.Runtime.CompilerServices;
using KvStore.Raft;

namespace KvStore.Mvcc.Index;

/// <summary>The tree from keys to leaves: one writer changes it in place, readers copy a leaf and check it.</summary>
/// <remarks>
/// Two kinds of sequence numbers, odd while something changes. A leaf's own guards its bytes. The structure's guards where leaves
/// are: it covers each leaf that moves, splits or goes away, whose block may then be used for anything. A reader notes both,
/// copies at most 2 KiB, and checks both again. Inner nodes are immutable but for their children, which are swapped whole.
/// <code>
///             [ pods/k | pods/t ]                     inner node: up to 128 children
///            /         |         \
///  pods/a..j      pods/k..s      pods/t..z            leaves: blocks of the heap, long keys alone in theirs
/// </code>
/// </remarks>
internal sealed unsafe class LeafTree
{
    private const int MaxDepth = 24;

    // Two random neighbours together are seldom below it, so that inserting does not split again what was just joined.
    private const int JoinedSizeLimit = 1400;

    // Insertions in order after which more of them are expected.
    private const int RunLength = 8;

    private const int SmallNode = InnerNode.Fanout / 4;
    private const int JoinedNodeLimit = InnerNode.Fanout * 3 / 4;

    private readonly NativeHeap _heap;
    private readonly LeafEditor _editor = new();
    private readonly ChildRun _leafRun = new();
    private readonly ChildRun[] _splicedRuns = new ChildRun[MaxDepth];
    private readonly ChildRun[] _partRuns = new ChildRun[MaxDepth];

    // The writer's way down to the leaf it works on.
    private readonly InnerNode[] _path = new InnerNode[MaxDepth];
    private readonly int[] _pathIndexes = new int[MaxDepth];
    private int _bottom;

    private InnerNode _root;
    private long _structure;
    private long _nodeBytes;

    // A run of insertions, each just behind the last: of keys that count up, perhaps in the middle of all keys.
    private uint _runLeaf;
    private int _runPosition;
    private int _runLength;

    public LeafTree(NativeHeap heap)
    {
        _heap = heap;
        for (int i = 0; i < MaxDepth; i++)
            (_splicedRuns[i], _partRuns[i]) = (new ChildRun(), new ChildRun());
        _leafRun.Add(NewEmptyLeaf(), default, default);
        _root = Build(_leafRun);
    }

    /// <summary>Managed bytes of the inner nodes.</summary>
    public long NodeBytes => Volatile.Read(ref _nodeBytes);

    /// <summary>For readers: even when nothing is moving, and unchanged as long as nothing has moved.</summary>
    public long Structure => Volatile.Read(ref _structure);

    /// <summary>For readers: where to start after noting <see cref="Structure"/>.</summary>
    public InnerNode Root => Volatile.Read(ref _root);

    /// <summary>Writer: the leaf that <see cref="Find"/> came to.</summary>
    public Leaf FoundLeaf => new(_heap.Address(FoundReference));

    /// <summary>Writer: whether the found leaf is the last of its node.</summary>
    public bool IsLastOfNode => _pathIndexes[_bottom] == _path[_bottom].Count - 1;

    private uint FoundReference => _path[_bottom].Leaves![_pathIndexes[_bottom]];

    /// <summary>Copies a leaf that a reader found while the structure was at <paramref name="structure"/>.</summary>
    /// <returns>False when it was being changed; nothing in the copy makes sense then.</returns>
    public bool TryCopy(uint reference, long structure, byte* copy)
    {
        var leaf = new Leaf(_heap.Address(reference));
        uint sequence = Volatile.Read(ref leaf.Sequence);
        int size = leaf.Size;
        if ((sequence & 1) != 0 || size > Leaf.MaxSize)
            return false;
        Unsafe.CopyBlockUnaligned(copy, leaf.Address, (uint)size);
        // The copy's loads must be over before the checks are made.
        Volatile.ReadBarrier();
        return leaf.Sequence == sequence && _structure == structure;
    }

    /// <summary>Counts the live entries below <paramref name="limit"/> in place, without copying the leaf.</summary>
    /// <returns>False when it was being changed, or has an entry that is not below the limit: its history decides.</returns>
    public bool TryCount(uint reference, long structure, long limit, out int live)
    {
        var leaf = new Leaf(_heap.Address(reference));
        live = 0;
        uint sequence = Volatile.Read(ref leaf.Sequence);
        int count = leaf.Count;
        if ((sequence & 1) != 0 || count > Leaf.MaxCount)
            return false;
        LeafEntry* entries = leaf.Entries;
        bool isBelow = true;
        for (int i = 0; i < count; i++)
        {
            isBelow &= entries[i].Mod < limit;
            live += entries[i].IsTombstone ? 0 : 1;
        }
        Volatile.ReadBarrier();
        return isBelow && leaf.Sequence == sequence && _structure == structure;
    }

    /// <summary>Writer: the leaf that the key belongs to; what follows works on it.</summary>
    public Leaf Find(ReadOnlySpan<byte> key)
    {
        InnerNode node = _root;
        int depth = 0;
        while (node.Nodes is not null)
        {
            Invariant.Holds(depth < MaxDepth - 1);
            int child = node.ChildOf(key);
            _path[depth] = node;
            _pathIndexes[depth++] = child;
            node = node.Nodes[child];
        }
        _path[depth] = node;
        _pathIndexes[depth] = node.ChildOf(key);
        _bottom = depth;
        return FoundLeaf;
    }

    /// <summary>Writer: where the leaf after the found one begins; false when the found one is the last.</summary>
    public bool TryGetNextStart(ref byte[] start, out int length)
    {
        for (int depth = _bottom; depth >= 0; depth--)
        {
            if (_pathIndexes[depth] == _path[depth].Count - 1)
                continue;
            length = _path[depth].SeparatorLength(_pathIndexes[depth]);
            if (start.Length < length)
                start = new byte[2 * length];
            _path[depth].CopySeparator(_pathIndexes[depth], start);
            return true;
        }
        length = 0;
        return false;
    }

    public static void BeginChange(Leaf leaf)
    {
        Volatile.Write(ref leaf.Sequence, leaf.Sequence + 1);
        // No byte may change before readers can see the odd number.
        Volatile.WriteBarrier();
    }

    public static void EndChange(Leaf leaf) => Volatile.Write(ref leaf.Sequence, leaf.Sequence + 1);

    /// <summary>Writer: inserts a key into the found leaf, at the position that its search gave.</summary>
    public void Insert(int position, ReadOnlySpan<byte> key, in LeafEntry entry)
    {
        Leaf leaf = FoundLeaf;
        if (leaf.IsLong || key.Length > Leaf.MaxInlineKey)
        {
            InsertBesideLong(leaf, position, key, entry);
            return;
        }
        _runLength = FoundReference == _runLeaf && position == _runPosition + 1 ? _runLength + 1 : 0;
        _runPosition = position;
        bool hasPrefix = leaf.HasPrefixOf(key);
        int size = leaf.Size + LeafEntry.Size + 2 + key.Length - leaf.PrefixLength;
        if (hasPrefix && size <= leaf.Capacity)
            InsertInPlace(leaf, position, key, entry);
        else if (hasPrefix && size <= Leaf.MaxSize)
            Grow(leaf, size, position, key, entry);
        else
            Rebuild(leaf, position, key, entry);
    }

    /// <summary>Writer: rewrites the found leaf without the keys at these positions.</summary>
    public void Remove(ReadOnlySpan<bool> isRemoved)
    {
        Leaf leaf = FoundLeaf;
        if (leaf.IsLong)
        {
            MoveFoundLeaf(NewEmptyLeaf());
            return;
        }
        _editor.Clear();
        for (int i = 0; i < leaf.Count; i++)
        {
            if (!isRemoved[i])
                _editor.Load(leaf, i, i + 1);
        }
        if (_editor.Count == 0 || Leaf.CapacityFor(_editor.PackedSize(0, _editor.Count)) <= leaf.Capacity * 3 / 4)
        {
            MoveFoundLeaf(_editor.Count == 0 ? NewEmptyLeaf() : NewLeaf(0, _editor.Count));
            return;
        }
        BeginChange(leaf);
        leaf.Fill(leaf.Capacity, _editor.Keys, _editor.Entries, 0, _editor.Count);
        EndChange(leaf);
    }

    /// <summary>Writer: a leaf for <see cref="Adopt"/>; no key leads to it yet.</summary>
    public uint NewLeaf(LeafEditor editor) => NewLeaf(editor, 0, editor.Count);

    /// <summary>Writer: takes a tree that was built apart in the place of its own, which must be empty.</summary>
    public void Adopt(InnerNode root)
    {
        Invariant.Holds(_root is { Count: 1, Leaves: not null } && Find(default).Count == 0);
        uint old = FoundReference;
        _nodeBytes -= _root.MemoryBytes;
        Publish(0, root);
        FreeLeaf(old);
    }

    /// <summary>
    /// Writer: joins small leaves of the found leaf's node, and the node with a neighbour when both are small. The work is
    /// bounded by the fan-out. Nothing is found afterwards.
    /// </summary>
    public void JoinSmallLeaves()
    {
        InnerNode node = _path[_bottom];
        if (!HasLeavesToJoin(node))
            return;
        var dropped = new List<uint>();
        _leafRun.Clear();
        for (int i = 0; i < node.Count;)
        {
            int next = LoadJoinable(node, i);
            bool isJoined = next > i + 1;
            bool isEmpty = isJoined ? _editor.Count == 0 : IsEmpty(LeafAt(node, i));
            ReadOnlySpan<byte> separator = i == 0 ? default : node.SeparatorSuffix(i - 1);
            if (!isEmpty)
                _leafRun.Add(isJoined ? NewLeaf(0, _editor.Count) : node.Leaves![i], node.Prefix, separator);
            if (isEmpty || isJoined)
                dropped.AddRange(node.Leaves.AsSpan(i, next - i));
            i = next;
        }
        if (_leafRun.Count == 0 && _bottom == 0)
            _leafRun.Add(NewEmptyLeaf(), default, default);
        ReplaceChildren(_bottom, 0, node.Count, _leafRun);
        foreach (uint leaf in dropped)
            FreeLeaf(leaf);
    }

    private void InsertInPlace(Leaf leaf, int position, ReadOnlySpan<byte> key, in LeafEntry entry)
    {
        BeginChange(leaf);
        leaf.Insert(position, key, entry);
        EndChange(leaf);
        _runLeaf = FoundReference;
    }

    private void Grow(Leaf leaf, int size, int position, ReadOnlySpan<byte> key, in LeafEntry entry)
    {
        int capacity = Leaf.CapacityFor(size);
        uint grown = NewBlock(capacity);
        var grownLeaf = new Leaf(_heap.Address(grown));
        leaf.CopyTo(grownLeaf, capacity);
        grownLeaf.Insert(position, key, entry);
        MoveFoundLeaf(grown);
        _runLeaf = grown;
    }

    /// <summary>Packs the leaf anew: as one when only its prefix has become shorter, else as two.</summary>
    private void Rebuild(Leaf leaf, int position, ReadOnlySpan<byte> key, in LeafEntry entry)
    {
        _editor.Clear();
        _editor.Load(leaf, 0, position);
        _editor.Add(key, default, entry);
        _editor.Load(leaf, position, leaf.Count);
        if (_editor.PackedSize(0, _editor.Count) <= Leaf.MaxSize)
        {
            MoveFoundLeaf(NewLeaf(0, _editor.Count));
            _runLeaf = FoundReference;
            return;
        }
        int split = SplitPoint(leaf, position);
        uint old = FoundReference;
        uint right = NewLeaf(split, _editor.Count);
        _leafRun.Clear();
        _leafRun.Add(NewLeaf(0, split), default, default);
        _leafRun.Add(right, _editor.Keys.SeparatorBefore(split), default);
        ReplaceChildren(_bottom, _pathIndexes[_bottom], 1, _leafRun);
        FreeLeaf(old);
        (_runLeaf, _runPosition) = (split == position ? right : 0, 0);
    }

    /// <summary>In the middle; but keys that come in order leave full leaves behind instead of halves.</summary>
    private int SplitPoint(Leaf leaf, int position)
    {
        bool isRun = _runLength >= RunLength || (position == leaf.Count && IsRightEdge(_bottom));
        return isRun && position > 0 && _editor.PackedSize(position, _editor.Count) <= Leaf.MaxSize
            ? position
            : _editor.SplitPoint();
    }

    /// <summary>A long key is alone in its leaf: what was there goes to its left and right.</summary>
    private void InsertBesideLong(Leaf leaf, int position, ReadOnlySpan<byte> key, in LeafEntry entry)
    {
        uint old = FoundReference;
        bool isSplit = position > 0 && position < leaf.Count;
        _editor.Clear();
        if (position > 0)
            LoadAny(leaf, isSplit ? 0 : leaf.Count - 1, position);
        int at = _editor.Count;
        _editor.Add(key, default, entry);
        if (position < leaf.Count)
            LoadAny(leaf, position, isSplit ? leaf.Count : position + 1);

        _leafRun.Clear();
        if (position > 0)
            _leafRun.Add(isSplit ? NewLeaf(0, at) : old, default, default);
        ReadOnlySpan<byte> separator = at > 0 ? _editor.Keys.SeparatorBefore(at) : default;
        _leafRun.Add(NewLeaf(at, at + 1), separator, default);
        if (position < leaf.Count)
            _leafRun.Add(isSplit ? NewLeaf(at + 1, _editor.Count) : old, _editor.Keys.SeparatorBefore(at + 1), default);
        ReplaceChildren(_bottom, _pathIndexes[_bottom], 1, _leafRun);
        if (!_leafRun.Leaves.Contains(old))
            FreeLeaf(old);
    }

    private void LoadAny(Leaf leaf, int from, int to)
    {
        if (leaf.IsLong)
            _editor.Add(leaf.LongKey, default, leaf.Entries[0]);
        else
            _editor.Load(leaf, from, to);
    }

    /// <summary>Loads leaf <paramref name="index"/> and as many after it as fit together into one.</summary>
    /// <returns>The first that does not.</returns>
    private int LoadJoinable(InnerNode node, int index)
    {
        int next = index + 1;
        _editor.Clear();
        while (next < node.Count && MayJoin(LeafAt(node, next - 1), LeafAt(node, next)))
        {
            if (next == index + 1)
                _editor.Load(LeafAt(node, index));
            int count = _editor.Count;
            _editor.Load(LeafAt(node, next));
            if (_editor.PackedSize(0, _editor.Count) > JoinedSizeLimit)
            {
                _editor.Truncate(count);
                break;
            }
            next++;
        }
        return next;
    }

    private bool HasLeavesToJoin(InnerNode node)
    {
        for (int i = 0; i < node.Count; i++)
        {
            if (IsEmpty(LeafAt(node, i)) && (node.Count > 1 || _bottom > 0))
                return true;
            if (i > 0 && MayJoin(LeafAt(node, i - 1), LeafAt(node, i)))
                return true;
        }
        return false;
    }

    private static bool MayJoin(Leaf left, Leaf right) =>
        !left.IsLong && !right.IsLong && left.Size + right.Size <= JoinedSizeLimit;

    private static bool IsEmpty(Leaf leaf) => leaf.Count == 0;

    private Leaf LeafAt(InnerNode node, int index) => new(_heap.Address(node.Leaves![index]));

    private bool IsRightEdge(int level)
    {
        for (int depth = level; depth >= 0; depth--)
        {
            if (_pathIndexes[depth] != _path[depth].Count - 1)
                return false;
        }
        return true;
    }

    /// <summary>Puts the run in the place of some children of the path's node, splitting or removing nodes upwards.</summary>
    private void ReplaceChildren(int level, int index, int count, ChildRun run)
    {
        InnerNode node = _path[level];
        ChildRun spliced = _splicedRuns[level].Clear();
        spliced.Add(node, 0, index);
        spliced.Add(run, node.Prefix, index == 0 ? default : node.SeparatorSuffix(index - 1));
        spliced.Add(node, index + count, node.Count);
        _nodeBytes -= node.MemoryBytes;

        if (spliced.Count > InnerNode.Fanout)
            Split(level, spliced);
        else if (spliced.Count == 0)
            ReplaceChildren(level - 1, _pathIndexes[level - 1], 1, _partRuns[level].Clear());
        else if (level > 0 && spliced.Count <= SmallNode && TryJoinNode(level, spliced))
            return;
        else
            Publish(level, Build(spliced));
    }

    private void Split(int level, ChildRun spliced)
    {
        ChildRun parts = _partRuns[level].Clear();
        bool isRightEdge = IsRightEdge(level);
        int partCount = (spliced.Count + InnerNode.Fanout - 1) / InnerNode.Fanout;
        int size = isRightEdge ? InnerNode.Fanout : (spliced.Count + partCount - 1) / partCount;
        for (int from = 0; from < spliced.Count; from += size)
        {
            InnerNode part = Build(spliced, from, Math.Min(from + size, spliced.Count));
            parts.Add(part, from == 0 ? default : spliced.SeparatorBefore(from), default);
        }
        if (level == 0)
            Publish(0, Build(parts));
        else
            ReplaceChildren(level - 1, _pathIndexes[level - 1], 1, parts);
    }

    /// <summary>Makes one node of a small one and a neighbour under the same parent, when they are small together.</summary>
    private bool TryJoinNode(int level, ChildRun spliced)
    {
        InnerNode parent = _path[level - 1];
        int own = _pathIndexes[level - 1];
        int left = own > 0 ? own - 1 : own;
        if (left + 1 >= parent.Count)
            return false;
        InnerNode neighbour = parent.Nodes![left == own ? own + 1 : left];
        if (neighbour.Count + spliced.Count > JoinedNodeLimit)
            return false;

        byte[] separator = new byte[parent.SeparatorLength(left)];
        parent.CopySeparator(left, separator);
        var joined = new ChildRun();
        if (left != own)
            joined.Add(neighbour, 0, neighbour.Count);
        joined.Add(spliced, separator, default);
        if (left == own)
            joined.Add(neighbour, 0, neighbour.Count, separator);
        _nodeBytes -= neighbour.MemoryBytes;
        ChildRun parts = _partRuns[level].Clear();
        parts.Add(Build(joined), default, default);
        ReplaceChildren(level - 1, left, 2, parts);
        return true;
    }

    public InnerNode Build(ChildRun run) => Build(run, 0, run.Count);

    private InnerNode Build(ChildRun run, int from, int to)
    {
        InnerNode node = run.Build(from, to);
        Volatile.Write(ref _nodeBytes, _nodeBytes + node.MemoryBytes);
        return node;
    }

    private void Publish(int level, InnerNode node)
    {
        while (level == 0 && node.Nodes is { Length: 1 })
        {
            _nodeBytes -= node.MemoryBytes;
            node = node.Nodes[0];
        }
        BeginMove();
        if (level == 0)
            Volatile.Write(ref _root, node);
        else
            Volatile.Write(ref _path[level - 1].Nodes![_pathIndexes[level - 1]], node);
        EndMove();
    }

    private void MoveFoundLeaf(uint moved)
    {
        uint old = FoundReference;
        BeginMove();
        Volatile.Write(ref _path[_bottom].Leaves![_pathIndexes[_bottom]], moved);
        EndMove();
        FreeLeaf(old);
    }

    private void BeginMove()
    {
        Volatile.Write(ref _structure, _structure + 1);
        // No pointer may change before readers can see the odd number.
        Volatile.WriteBarrier();
    }

    private void EndMove() => Volatile.Write(ref _structure, _structure + 1);

    private uint NewBlock(int capacity)
    {
        uint block = _heap.Allocate(capacity);
        new Leaf(_heap.Address(block)).Sequence = 0;
        return block;
    }

    private uint NewEmptyLeaf()
    {
        uint reference = NewBlock(Leaf.MinSize);
        new Leaf(_heap.Address(reference)).Initialize(Leaf.MinSize);
        return reference;
    }

    private uint NewLeaf(int from, int to) => NewLeaf(_editor, from, to);

    /// <summary>A leaf of these keys, which fit into one, or of a single long key.</summary>
    private uint NewLeaf(LeafEditor editor, int from, int to)
    {
        if (editor.Keys[from].Length > Leaf.MaxInlineKey)
            return NewLongLeaf(editor.Keys[from], editor.Entries[from]);
        int capacity = Leaf.CapacityFor(editor.PackedSize(from, to));
        uint reference = NewBlock(capacity);
        new Leaf(_heap.Address(reference)).Fill(capacity, editor.Keys, editor.Entries, from, to);
        return reference;
    }

    private uint NewLongLeaf(ReadOnlySpan<byte> key, in LeafEntry entry)
    {
        uint reference = NewBlock(Leaf.MinSize);
        new Leaf(_heap.Address(reference)).InitializeLong(Leaf.MinSize, _heap.AllocateKeyBlock(key), key.Length, entry);
        return reference;
    }

    private void FreeLeaf(uint reference) => _heap.Free(reference, new Leaf(_heap.Address(reference)).Capacity);
}
