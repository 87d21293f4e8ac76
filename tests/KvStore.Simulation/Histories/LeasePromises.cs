using KvStore.Protocol;

namespace KvStore.Simulation.Histories;

/// <summary>Until when each lease was promised to live.</summary>
/// <param name="fastestClock">Seconds of the fastest member's clock in one of the world's: leases end earlier by that.</param>
internal sealed class LeasePromises(double fastestClock)
{
    private readonly Dictionary<long, (long Incarnation, TimeSpan Until)> _promises = [];
    private long _incarnations;

    public long ExpiredCount { get; private set; }

    /// <summary>Tells the life of a lease from a later one of the same id; 0 when there is none.</summary>
    public long IncarnationOf(long id) => _promises.TryGetValue(id, out var promise) ? promise.Incarnation : 0;

    public void Granted(LeaseGrantRequest grant, TimeSpan now) =>
        _promises[grant.ID] = (++_incarnations, now + TimeSpan.FromSeconds(grant.TTL) / fastestClock);

    /// <summary>A renewal that was asked for at <paramref name="askedAt"/> was acknowledged.</summary>
    public void Renewed(long id, long incarnation, long ttlSeconds, TimeSpan askedAt)
    {
        if (!_promises.TryGetValue(id, out var promise) || promise.Incarnation != incarnation)
            return;
        var until = askedAt + TimeSpan.FromSeconds(ttlSeconds) / fastestClock;
        _promises[id] = (incarnation, until > promise.Until ? until : promise.Until);
    }

    public void Revoked(long id, bool isByClient, TimeSpan now)
    {
        if (!_promises.Remove(id, out var promise) || isByClient)
            return;
        ExpiredCount++;
        Check.Holds(now >= promise.Until, $"lease {id} expired at {now}, but was promised to live until {promise.Until}");
    }
}
