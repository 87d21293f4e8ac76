using KvStore.Mvcc.Index;

namespace KvStore.Mvcc.Watches;

/// <summary>Finds the watchers of a key: a table for single keys, an interval tree for ranges.</summary>
/// <remarks>
/// Watchers of equal ranges share a group, since thousands often watch one prefix. The tree is a sorted array rebuilt when
/// enough new ranges have gathered; until then those few are tried one by one.
/// </remarks>
internal sealed class WatcherIndex
{
    private const int UnsortedLimit = 32;

    private readonly Dictionary<ReadOnlyMemory<byte>, List<Watcher>> _byKey = new(BytesComparer.Instance);
    private readonly Dictionary<(ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte> End), RangeGroup> _byRange = new(RangeComparer.Instance);
    private readonly List<RangeGroup> _unsorted = [];
    private RangeGroup[] _sorted = [];

    public void Add(Watcher watcher)
    {
        if (watcher.Range.IsSingleKey)
        {
            if (!_byKey.TryGetValue(watcher.Range.Start, out var watchers))
                _byKey.Add(watcher.Range.Start, watchers = []);
            watchers.Add(watcher);
            return;
        }
        var bounds = (watcher.Range.Start, watcher.Range.End);
        if (!_byRange.TryGetValue(bounds, out var group))
        {
            _byRange.Add(bounds, group = new RangeGroup(watcher.Range));
            _unsorted.Add(group);
            if (_unsorted.Count > UnsortedLimit + _sorted.Length / 64)
                Sort();
        }
        group.Watchers.Add(watcher);
    }

    public void Remove(Watcher watcher)
    {
        if (watcher.Range.IsSingleKey)
        {
            var watchers = _byKey[watcher.Range.Start];
            watchers.Remove(watcher);
            if (watchers.Count == 0)
                _byKey.Remove(watcher.Range.Start);
            return;
        }
        var bounds = (watcher.Range.Start, watcher.Range.End);
        var group = _byRange[bounds];
        group.Watchers.Remove(watcher);
        if (group.Watchers.Count > 0)
            return;
        _byRange.Remove(bounds);
        // An empty group in the sorted part costs nothing but its place, until the next sort drops it.
        if (!_unsorted.Remove(group) && _sorted.Length > 2 * (_byRange.Count + UnsortedLimit))
            Sort();
    }

    /// <summary>Adds to <paramref name="found"/> the groups of watchers whose range holds the key.</summary>
    public void Find(ReadOnlyMemory<byte> key, List<List<Watcher>> found)
    {
        if (_byKey.Count > 0 && _byKey.TryGetValue(key, out var watchers))
            found.Add(watchers);
        foreach (var group in _unsorted)
        {
            if (group.Range.Contains(key.Span))
                found.Add(group.Watchers);
        }
        Find(key.Span, 0, _sorted.Length, found);
    }

    /// <summary>The middle of each part of the array is the root of its subtree and knows the furthest end below it.</summary>
    private void Find(ReadOnlySpan<byte> key, int from, int to, List<List<Watcher>> found)
    {
        while (from < to)
        {
            int middle = (from + to) >>> 1;
            var group = _sorted[middle];
            if (!group.SubtreeReaches(key))
                return;
            Find(key, from, middle, found);
            if (key.SequenceCompareTo(group.Range.Start.Span) < 0)
                return;
            if (group.Watchers.Count > 0 && group.Range.Contains(key))
                found.Add(group.Watchers);
            from = middle + 1;
        }
    }

    private void Sort()
    {
        _unsorted.Clear();
        _sorted = [.. _byRange.Values];
        Array.Sort(_sorted, static (a, b) => a.Range.Start.Span.SequenceCompareTo(b.Range.Start.Span));
        SetReach(0, _sorted.Length);
    }

    private RangeGroup? SetReach(int from, int to)
    {
        if (from >= to)
            return null;
        int middle = (from + to) >>> 1;
        var group = _sorted[middle];
        group.ResetReach();
        group.ExtendReach(SetReach(from, middle));
        group.ExtendReach(SetReach(middle + 1, to));
        return group;
    }

    private sealed class RangeGroup(KeyRange range)
    {
        private ReadOnlyMemory<byte> _reach = range.End;
        private bool _isReachOpen = range.IsOpenEnded;

        public KeyRange Range { get; } = range;

        public List<Watcher> Watchers { get; } = [];

        public bool SubtreeReaches(ReadOnlySpan<byte> key) => _isReachOpen || key.SequenceCompareTo(_reach.Span) < 0;

        public void ResetReach() => (_reach, _isReachOpen) = (Range.End, Range.IsOpenEnded);

        public void ExtendReach(RangeGroup? below)
        {
            if (below is null)
                return;
            _isReachOpen |= below._isReachOpen;
            if (below._reach.Span.SequenceCompareTo(_reach.Span) > 0)
                _reach = below._reach;
        }
    }

    private sealed class BytesComparer : IEqualityComparer<ReadOnlyMemory<byte>>
    {
        public static readonly BytesComparer Instance = new();

        public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

        public int GetHashCode(ReadOnlyMemory<byte> bytes)
        {
            var hash = new HashCode();
            hash.AddBytes(bytes.Span);
            return hash.ToHashCode();
        }
    }

    private sealed class RangeComparer : IEqualityComparer<(ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte> End)>
    {
        public static readonly RangeComparer Instance = new();

        public bool Equals((ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte> End) x, (ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte> End) y) =>
            BytesComparer.Instance.Equals(x.Start, y.Start) && BytesComparer.Instance.Equals(x.End, y.End);

        public int GetHashCode((ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte> End) bounds) => HashCode.Combine(
            BytesComparer.Instance.GetHashCode(bounds.Start), BytesComparer.Instance.GetHashCode(bounds.End));
    }
}
