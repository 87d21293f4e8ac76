namespace KvStore.Mvcc.Index;

/// <summary>A reader's walk over the keys of a range, leaf by leaf.</summary>
internal unsafe ref struct RangeWalk
{
    private readonly KeyRange _range;
    private LeafScan _scan;
    private bool _isStarted;
    private bool _isOver;

    public RangeWalk(LeafTree tree, in KeyRange range, byte* copy)
    {
        _range = range;
        _scan = new LeafScan(tree, copy);
        _isOver = range.IsEmpty;
    }

    public readonly Leaf Leaf => _scan.Leaf;

    /// <summary>The leaf's positions that are in the range: [<see cref="From"/>, <see cref="To"/>).</summary>
    public int From { get; private set; }

    public int To { get; private set; }

    public bool MoveNext()
    {
        if (_isOver)
            return false;
        ReadOnlySpan<byte> start = _range.Start.Span;
        if (!_isStarted)
            _scan.Seek(start);
        else if (!_scan.MoveNext(out start))
            return false;
        _isStarted = true;
        From = start.IsEmpty ? 0 : Leaf.LowerBound(start, out _);
        To = End();
        return true;
    }

    /// <summary>Steps over the next leaf, counting, when all of it is in the range and needs no history.</summary>
    public bool TryCountNext(long limit, out int live)
    {
        live = 0;
        return !_isOver && _scan.TryCountNext(_range.IsOpenEnded ? default : _range.End.Span, limit, out live);
    }

    public readonly void Dispose() => _scan.Dispose();

    private int End()
    {
        int count = Leaf.Count;
        if (_range.IsOpenEnded)
            return count;
        int end;
        if (_range.IsSingleKey)
        {
            end = Leaf.LowerBound(_range.Start.Span, out bool isFound) + (isFound ? 1 : 0);
            _isOver = true;
        }
        else
        {
            end = Leaf.LowerBound(_range.End.Span, out _);
            _isOver = end < count;
        }
        return end;
    }
}

/// <summary>Puts the keys of a leaf together, one at a time.</summary>
internal readonly unsafe ref struct LeafKeys
{
    private readonly Leaf _leaf;
    private readonly Span<byte> _buffer;
    private readonly int _prefixLength;
    private readonly ushort* _ends;
    private readonly byte* _suffixes;

    public LeafKeys(Leaf leaf, Span<byte> buffer)
    {
        _leaf = leaf;
        _buffer = buffer;
        _prefixLength = leaf.PrefixLength;
        _ends = leaf.Ends;
        _suffixes = leaf.Suffixes;
        leaf.Prefix.CopyTo(buffer);
    }

    /// <summary>Valid until the next call.</summary>
    public ReadOnlySpan<byte> this[int position]
    {
        get
        {
            if (_leaf.IsLong)
                return _leaf.LongKey;
            int start = position == 0 ? 0 : _ends[position - 1];
            int length = _ends[position] - start;
            new ReadOnlySpan<byte>(_suffixes + start, length).CopyTo(_buffer[_prefixLength..]);
            return _buffer[..(_prefixLength + length)];
        }
    }
}
