using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Store;
using KvStore.Raft;

namespace KvStore.Mvcc.Leases;

/// <summary>The granted leases and the keys attached to them: the replicated half of leases, without any clock.</summary>
/// <remarks>
/// The apply loop changes it; any thread may read. A lock guards it rather than published copies: readers ask about one lease,
/// hold it for a look-up, and puts without leases never take it.
/// </remarks>
public sealed class LeaseTable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<LeaseId, Entry> _leases = [];
    private int _attachedKeyCount;

    /// <summary>Whether any key is attached to any lease; else a put need not look for an earlier one. Apply loop.</summary>
    public bool HasAttachedKeys => _attachedKeyCount > 0;

    public int Count
    {
        get
        {
            lock (_lock)
                return _leases.Count;
        }
    }

    public bool Contains(LeaseId id)
    {
        lock (_lock)
            return _leases.ContainsKey(id);
    }

    public bool TryGet(LeaseId id, out Lease lease)
    {
        lock (_lock)
        {
            bool isKnown = _leases.TryGetValue(id, out var entry);
            lease = isKnown ? entry!.Lease : default;
            return isKnown;
        }
    }

    /// <summary>The leases in the order of their ids.</summary>
    public Lease[] List()
    {
        Lease[] leases;
        lock (_lock)
            leases = [.. _leases.Values.Select(entry => entry.Lease)];
        Array.Sort(leases, (left, right) => left.Id.Value.CompareTo(right.Id.Value));
        return leases;
    }

    /// <summary>The keys attached to a lease, in key order; none when it is unknown.</summary>
    public byte[][] KeysOf(LeaseId id)
    {
        byte[][] keys;
        lock (_lock)
            keys = _leases.TryGetValue(id, out var entry) ? [.. entry.Keys] : [];
        Array.Sort(keys, KeyBytes.Compare);
        return keys;
    }

    /// <exception cref="EtcdException"><see cref="EtcdError.LeaseExists"/>; nothing is changed.</exception>
    internal void Grant(in Lease lease)
    {
        Invariant.Holds(lease.Id != LeaseId.None);
        lock (_lock)
        {
            if (!_leases.TryAdd(lease.Id, new Entry(lease)))
                throw new EtcdException(EtcdError.LeaseExists);
        }
    }

    /// <summary>Forgets a lease whose keys are deleted.</summary>
    internal void Remove(LeaseId id)
    {
        lock (_lock)
        {
            Invariant.Holds(_leases[id].Keys.Count == 0);
            _leases.Remove(id);
        }
    }

    /// <summary>Remembers how much of a lease was left, for the next leader; 0 is the whole again.</summary>
    /// <remarks>The lease that the leader spoke of may have ended since, and its id may have been granted anew: that changes
    /// nothing.</remarks>
    internal void Checkpoint(LeaseId id, ulong grantIndex, long remainingTtlSeconds)
    {
        lock (_lock)
        {
            if (_leases.TryGetValue(id, out var entry) && entry.Lease.IsOfGrant(grantIndex))
                entry.Lease = entry.Lease with { RemainingTtlSeconds = remainingTtlSeconds };
        }
    }

    /// <summary>Takes over saved leases; which keys are attached to them stands in the index.</summary>
    /// <exception cref="InvalidDataException">A key names a lease that was not saved.</exception>
    internal void Load(IEnumerable<Lease> leases, MvccStore store)
    {
        foreach (var lease in leases)
            Grant(lease);
        using var scope = store.Index.BeginRead();
        store.Index.Visit(KeyRange.All, store.CurrentRevision, (ReadOnlySpan<byte> key, in KeyState state) =>
        {
            if (state.Lease == LeaseId.None)
                return true;
            if (!Contains(state.Lease))
                throw new InvalidDataException($"a key is attached to lease {state.Lease.Value}, which the saved state lacks");
            Attach(state.Lease, key);
            return true;
        });
    }

    internal void Attach(LeaseId id, ReadOnlySpan<byte> key)
    {
        lock (_lock)
        {
            Invariant.Holds(_leases.TryGetValue(id, out var entry));
            if (entry.KeysBySpan.Add(key))
                _attachedKeyCount++;
        }
    }

    internal void Detach(LeaseId id, ReadOnlySpan<byte> key)
    {
        lock (_lock)
        {
            Invariant.Holds(_leases.TryGetValue(id, out var entry));
            bool wasAttached = entry.KeysBySpan.Remove(key);
            Invariant.Holds(wasAttached);
            _attachedKeyCount--;
        }
    }

    private sealed class Entry
    {
        public Entry(Lease lease)
        {
            Lease = lease;
            Keys = new HashSet<byte[]>(KeyBytes.Comparer);
            KeysBySpan = Keys.GetAlternateLookup<ReadOnlySpan<byte>>();
        }

        public Lease Lease { get; set; }

        public HashSet<byte[]> Keys { get; }

        public HashSet<byte[]>.AlternateLookup<ReadOnlySpan<byte>> KeysBySpan { get; }
    }
}

/// <summary>A lease as it was granted.</summary>
/// <param name="GrantIndex">The log's entry that granted it: tells it from an earlier or later one of the same id. 0 when a state
/// of the first format said nothing of it.</param>
/// <param name="RemainingTtlSeconds">What was left at the last checkpoint; 0 when none was made since it was renewed.</param>
public readonly record struct Lease(LeaseId Id, ulong GrantIndex, long TtlSeconds, long RemainingTtlSeconds = 0)
{
    /// <summary>Whether it is the one that was granted there; 0 means whichever there is.</summary>
    public bool IsOfGrant(ulong index) => index == 0 || index == GrantIndex;

    /// <summary>What a new leader gives the lease.</summary>
    public long EffectiveTtlSeconds => RemainingTtlSeconds > 0 ? RemainingTtlSeconds : TtlSeconds;
}
