using KvStore.Protocol;

namespace KvStore.Simulation.Histories;

/// <summary>Until when each lease was promised to live, and when it must have ended.</summary>
/// <param name="drift">By which part clocks run fast or slow at most: leases end so much earlier or later.</param>
internal sealed class LeasePromises(double drift)
{
    private readonly Dictionary<long, Promise> _promises = [];
    private readonly Dictionary<long, ulong> _lastGrants = [];

    public long ExpiredCount { get; private set; }

    /// <summary>When the last one ends that is there, if the member that leads keeps its time and can say so.</summary>
    public TimeSpan AllEndBy => _promises.Count == 0 ? TimeSpan.Zero : _promises.Values.Max(promise => promise.EndsBy);

    /// <summary>What the last checkpoint left of each, in seconds; 0 is the whole.</summary>
    public IEnumerable<string> Checkpoints => _promises.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key}:{pair.Value.LeftSeconds}");

    /// <summary>Of all leases that there ever were.</summary>
    public IReadOnlyCollection<long> Ids => _lastGrants.Keys;

    /// <summary>The entry that granted it, which tells a lease from a later one of the same id; 0 when there is none.</summary>
    public ulong GrantIndexOf(long id) => _promises.TryGetValue(id, out var promise) ? promise.GrantIndex : 0;

    /// <summary>The entry that granted the last lease of this id, ended or not; 0 when there never was one.</summary>
    public ulong LastGrantOf(long id) => _lastGrants.GetValueOrDefault(id);

    public void Granted(LeaseGrantRequest grant, ulong index, TimeSpan now)
    {
        _promises[grant.ID] = new Promise(index, now + TimeSpan.FromSeconds(grant.TTL) / (1 + drift));
        _lastGrants[grant.ID] = index;
    }

    public void Checkpointed(LeaseRemaindersRequest request)
    {
        foreach (var lease in request.Leases)
        {
            if (_promises.TryGetValue(lease.Id, out var promise) && promise.GrantIndex == lease.GrantIndex)
                promise.LeftSeconds = lease.RemainingTtl;
        }
    }

    /// <summary>A leader gives it so much time from now on.</summary>
    public void Timed(long id, double seconds, TimeSpan now)
    {
        if (!_promises.TryGetValue(id, out var promise))
            return;
        var end = now + TimeSpan.FromSeconds(seconds) / (1 - drift);
        promise.EndsBy = end > promise.EndsBy ? end : promise.EndsBy;
    }

    /// <summary>A renewal that was asked for at <paramref name="askedAt"/> was acknowledged.</summary>
    public void Renewed(long id, ulong grantIndex, long ttlSeconds, TimeSpan askedAt)
    {
        if (!_promises.TryGetValue(id, out var promise) || promise.GrantIndex != grantIndex)
            return;
        var until = askedAt + TimeSpan.FromSeconds(ttlSeconds) / (1 + drift);
        promise.Until = until > promise.Until ? until : promise.Until;
    }

    public void Revoked(long id, bool isByClient, TimeSpan now)
    {
        if (!_promises.Remove(id, out var promise))
            return;
        if (isByClient)
            return;
        ExpiredCount++;
        Check.Holds(now >= promise.Until, $"lease {id} expired at {now}, but was promised to live until {promise.Until}");
    }

    private sealed class Promise(ulong grantIndex, TimeSpan until)
    {
        public ulong GrantIndex => grantIndex;

        public TimeSpan Until { get; set; } = until;

        /// <summary>As far as any leader has ever given it time.</summary>
        public TimeSpan EndsBy { get; set; }

        public long LeftSeconds { get; set; }
    }
}
