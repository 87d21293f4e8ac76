namespace Orchestrator.Runtime.ApiServer.Caching;

/// <summary>All objects of a resource at one revision, sorted by key; immutable. A change makes a new snapshot that shares all
/// but one leaf with the old one.</summary>
/// <remarks>Leaves of at most <see cref="LeafLimit"/> objects under one array: with 10,000 objects a change copies about 2 KiB.
/// <code>
/// [ "a/x" .. "a/z" ]  [ "b/a" .. "b/q" ]  ...
/// </code></remarks>
internal sealed class ObjectSnapshot
{
    private const int LeafLimit = 128;

    private readonly StoredObject[][] _leaves;

    private ObjectSnapshot(StoredObject[][] leaves, int count) => (_leaves, Count) = (leaves, count);

    public static ObjectSnapshot Empty { get; } = new([], 0);

    public int Count { get; }

    /// <param name="sorted">By key, ordinally, each key once.</param>
    public static ObjectSnapshot Of(IReadOnlyList<StoredObject> sorted)
    {
        const int fill = LeafLimit * 3 / 4;
        var leaves = new StoredObject[(sorted.Count + fill - 1) / fill][];
        for (int leaf = 0; leaf < leaves.Length; leaf++)
        {
            var objects = new StoredObject[Math.Min(fill, sorted.Count - leaf * fill)];
            for (int index = 0; index < objects.Length; index++)
                objects[index] = sorted[leaf * fill + index];
            leaves[leaf] = objects;
        }

        return new ObjectSnapshot(leaves, sorted.Count);
    }

    public StoredObject? Find(string key)
    {
        int leaf = LeafOf(key);
        if (leaf < 0)
            return null;
        int index = IndexIn(_leaves[leaf], key);
        return index >= 0 ? _leaves[leaf][index] : null;
    }

    public ObjectSnapshot Set(StoredObject value)
    {
        if (_leaves.Length == 0)
            return new ObjectSnapshot([[value]], 1);
        int leaf = Math.Max(0, LeafOf(value.Key));
        var objects = _leaves[leaf];
        int index = IndexIn(objects, value.Key);
        if (index >= 0)
            return Replace(leaf, With(objects, index, value), Count);
        var grown = Inserted(objects, ~index, value);
        return grown.Length <= LeafLimit
            ? Replace(leaf, grown, Count + 1)
            : Split(leaf, grown);
    }

    public ObjectSnapshot Remove(string key)
    {
        int leaf = LeafOf(key);
        int index = leaf < 0 ? -1 : IndexIn(_leaves[leaf], key);
        if (index < 0)
            return this;
        var objects = _leaves[leaf];
        if (objects.Length > 1)
            return Replace(leaf, [.. objects.AsSpan(0, index), .. objects.AsSpan(index + 1)], Count - 1);
        return new ObjectSnapshot([.. _leaves.AsSpan(0, leaf), .. _leaves.AsSpan(leaf + 1)], Count - 1);
    }

    /// <summary>The objects whose keys begin with the prefix, from the key <paramref name="start"/> on (inclusive).</summary>
    public IEnumerable<StoredObject> Range(string prefix, string start = "")
    {
        string from = string.CompareOrdinal(start, prefix) > 0 ? start : prefix;
        int leaf = Math.Max(0, LeafOf(from));
        int index = leaf < _leaves.Length ? IndexIn(_leaves[leaf], from) : 0;
        if (index < 0)
            index = ~index;
        for (; leaf < _leaves.Length; leaf++, index = 0)
        {
            var objects = _leaves[leaf];
            for (; index < objects.Length; index++)
            {
                if (!objects[index].Key.StartsWith(prefix, StringComparison.Ordinal))
                    yield break;
                yield return objects[index];
            }
        }
    }

    /// <summary>How many objects <see cref="Range"/> would give.</summary>
    public int CountOf(string prefix, string start = "")
    {
        string from = string.CompareOrdinal(start, prefix) > 0 ? start : prefix;
        return prefix.Length == 0 ? Count - CountBefore(from) : CountBefore(prefix + char.MaxValue) - CountBefore(from);
    }

    private int CountBefore(string key)
    {
        int leaf = LeafOf(key);
        if (leaf < 0)
            return 0;
        int index = IndexIn(_leaves[leaf], key);
        int count = index < 0 ? ~index : index;
        for (int before = 0; before < leaf; before++)
            count += _leaves[before].Length;
        return count;
    }

    /// <summary>The last leaf whose first key is not above the key; -1 if the key is before all.</summary>
    private int LeafOf(string key)
    {
        int low = 0;
        int high = _leaves.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            if (string.CompareOrdinal(_leaves[middle][0].Key, key) <= 0)
                low = middle + 1;
            else
                high = middle - 1;
        }

        return high;
    }

    /// <summary>As <see cref="Array.BinarySearch(Array, object?)"/>: the complement of the place where it would stand if it is
    /// not there.</summary>
    private static int IndexIn(StoredObject[] objects, string key)
    {
        int low = 0;
        int high = objects.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = string.CompareOrdinal(objects[middle].Key, key);
            if (order == 0)
                return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }

        return ~low;
    }

    private static StoredObject[] With(StoredObject[] objects, int index, StoredObject value)
    {
        var changed = (StoredObject[])objects.Clone();
        changed[index] = value;
        return changed;
    }

    private static StoredObject[] Inserted(StoredObject[] objects, int index, StoredObject value) =>
        [.. objects.AsSpan(0, index), value, .. objects.AsSpan(index)];

    private ObjectSnapshot Replace(int leaf, StoredObject[] objects, int count)
    {
        var leaves = (StoredObject[][])_leaves.Clone();
        leaves[leaf] = objects;
        return new ObjectSnapshot(leaves, count);
    }

    private ObjectSnapshot Split(int leaf, StoredObject[] objects)
    {
        int half = objects.Length / 2;
        return new ObjectSnapshot(
            [.. _leaves.AsSpan(0, leaf), objects[..half], objects[half..], .. _leaves.AsSpan(leaf + 1)], Count + 1);
    }
}
