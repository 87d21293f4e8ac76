using System.Runtime.InteropServices;
using Google.Protobuf;
using KvStore.Protocol;

namespace KvStore.Chaos.Checkers.Store;

/// <summary>The keys of the store at one revision, which moves on.</summary>
/// <remarks>A sorted array: runs have thousands of keys, and reads outnumber creations.</remarks>
internal sealed class KeySpace
{
    private readonly List<KeyValue> _live = [];
    private readonly Dictionary<long, HashSet<ByteString>> _keysOfLease = [];

    /// <summary>Keys that something may have changed which nobody saw: nothing is known of them.</summary>
    private readonly HashSet<ByteString> _uncertain = [];

    public int Count => _live.Count;

    /// <summary>Good until the next change.</summary>
    public ReadOnlySpan<KeyValue> All => CollectionsMarshal.AsSpan(_live);

    public IEnumerable<ByteString> Leased => _keysOfLease.Values.SelectMany(keys => keys);

    public KeyValue? Get(ByteString key)
    {
        int at = IndexOf(key);
        return at < 0 ? null : _live[at];
    }

    /// <summary>Good until the next change.</summary>
    public ReadOnlySpan<KeyValue> In(KeyInterval interval)
    {
        int from = IndexOf(interval.Key);
        if (interval.IsSingle)
            return from < 0 ? [] : All.Slice(from, 1);
        if (from < 0)
            from = ~from;
        int to = _live.Count;
        if (!interval.IsOpen)
        {
            to = IndexOf(interval.End);
            if (to < 0)
                to = ~to;
        }
        return from >= to ? [] : All[from..to];
    }

    public IReadOnlyCollection<ByteString> KeysOf(long lease) => _keysOfLease.GetValueOrDefault(lease) ?? [];

    public void Set(KeyValue kv)
    {
        int at = IndexOf(kv.Key);
        if (at < 0)
            _live.Insert(~at, kv);
        else
        {
            Detach(_live[at]);
            _live[at] = kv;
        }
        if (kv.Lease == 0)
            return;
        if (!_keysOfLease.TryGetValue(kv.Lease, out var keys))
            _keysOfLease.Add(kv.Lease, keys = []);
        keys.Add(kv.Key);
    }

    public void Remove(ByteString key)
    {
        int at = IndexOf(key);
        if (at < 0)
            return;
        Detach(_live[at]);
        _live.RemoveAt(at);
    }

    public void MarkUncertain(ByteString key) => _uncertain.Add(key);

    public void MarkCertain(ByteString key) => _uncertain.Remove(key);

    public bool IsUncertain(ByteString key) => _uncertain.Count > 0 && _uncertain.Contains(key);

    public bool IsUncertain(KeyInterval interval)
    {
        if (_uncertain.Count == 0)
            return false;
        return interval.IsSingle ? _uncertain.Contains(interval.Key) : _uncertain.Any(interval.Contains);
    }

    private void Detach(KeyValue kv)
    {
        if (kv.Lease == 0 || !_keysOfLease.TryGetValue(kv.Lease, out var keys))
            return;
        keys.Remove(kv.Key);
        if (keys.Count == 0)
            _keysOfLease.Remove(kv.Lease);
    }

    /// <summary>Where the key is, or the complement of where it would be.</summary>
    private int IndexOf(ByteString key)
    {
        int low = 0, high = _live.Count - 1;
        var live = All;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = KeyInterval.Compare(live[middle].Key, key);
            if (order == 0)
                return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return ~low;
    }
}
