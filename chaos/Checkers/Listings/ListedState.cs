using Google.Protobuf;
using KvStore.Chaos.Checkers.Store;
using KvStore.Protocol;

namespace KvStore.Chaos.Checkers.Listings;

/// <summary>Keys with a sum over all of them, so that two states are compared in no time.</summary>
internal sealed class ListedState
{
    private readonly Dictionary<ByteString, KeyValue> _kvs = [];

    /// <summary>Of the hashes of all keys: equal states have equal sums, others hardly ever.</summary>
    public ulong Sum { get; private set; }

    public void Set(KeyValue kv)
    {
        Remove(kv.Key);
        _kvs.Add(kv.Key, kv);
        Sum += HashOf(kv);
    }

    public void Remove(ByteString key)
    {
        if (_kvs.Remove(key, out var before))
            Sum -= HashOf(before);
    }

    /// <summary>A sentence on the first key in which two states differ.</summary>
    public string DifferenceFrom(ListedState other)
    {
        var key = _kvs.Keys.Union(other._kvs.Keys).Order(Comparer<ByteString>.Create(KeyInterval.Compare))
            .FirstOrDefault(key => !Equals(_kvs.GetValueOrDefault(key), other._kvs.GetValueOrDefault(key)));
        return key is null ? "their sums differ"
            : $"{Wording.Of(_kvs.GetValueOrDefault(key))} instead of {Wording.Of(other._kvs.GetValueOrDefault(key))} under {Wording.Of(key)}";
    }

    private static ulong HashOf(KeyValue kv)
    {
        ulong hash = (ulong)(uint)HashCode.Combine(kv.Key, kv.Value) << 32 | (uint)HashCode.Combine(kv.ModRevision,
            kv.CreateRevision, kv.Version, kv.Lease);
        hash *= 0x9E3779B97F4A7C15;
        return hash ^ (hash >> 31);
    }
}
