using KvStore.Protocol;

namespace KvStore.Simulation.Histories;

/// <summary>Until when each lease was promised to live, and when it must have ended.</summary>
/// <param name="drift">By which part clocks run fast or slow at most: leases end so much earlier or later.</param>
internal sealed class LeasePromises(double drift)
{
    /// <summary>As long as a revocation may wait for its place in the log.</summary>
    private static readonly TimeSpan RevocationDelay = TimeSpan.FromSeconds(8);

    private readonly Dictionary<long, Promise> _promises = [];
    private readonly Dictionary<long, (TimeSpan Until, TimeSpan EndedAt)> _ended = [];
    private readonly Dictionary<long, long> _lastIncarnations = [];
    private long _incarnations;

    public long ExpiredCount { get; private set; }

    /// <summary>When the last one ends that is there, if the member that leads keeps its time and can say so.</summary>
    public TimeSpan AllEndBy => _promises.Count == 0 ? TimeSpan.Zero : _promises.Values.Max(promise => promise.EndsBy);

    /// <summary>What the last checkpoint left of each, in seconds; 0 is the whole.</summary>
    public IEnumerable<string> Checkpoints => _promises.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key}:{pair.Value.LeftSeconds}");

    /// <summary>Of all leases that there ever were.</summary>
    public IReadOnlyCollection<long> Ids => _lastIncarnations.Keys;

    /// <summary>Tells the life of a lease from a later one of the same id; 0 when there is none.</summary>
    public long IncarnationOf(long id) => _promises.TryGetValue(id, out var promise) ? promise.Incarnation : 0;

    /// <summary>The last life that a lease of this id had, ended or not; 0 when there never was one.</summary>
    public long LastIncarnationOf(long id) => _lastIncarnations.GetValueOrDefault(id);

    public void Granted(LeaseGrantRequest grant, TimeSpan now)
    {
        _promises[grant.ID] = new Promise(++_incarnations, now + TimeSpan.FromSeconds(grant.TTL) / (1 + drift))
        {
            Before = _ended.TryGetValue(grant.ID, out var before) ? before : null,
        };
        _lastIncarnations[grant.ID] = _incarnations;
    }

    public void Checkpointed(LeaseCheckpointRequest request)
    {
        foreach (var checkpoint in request.Checkpoints)
        {
            if (_promises.TryGetValue(checkpoint.ID, out var promise))
                promise.LeftSeconds = checkpoint.RemainingTTL;
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
    public void Renewed(long id, long incarnation, long ttlSeconds, TimeSpan askedAt)
    {
        if (!_promises.TryGetValue(id, out var promise) || promise.Incarnation != incarnation)
            return;
        var until = askedAt + TimeSpan.FromSeconds(ttlSeconds) / (1 + drift);
        promise.Until = until > promise.Until ? until : promise.Until;
    }

    public void Revoked(long id, bool isByClient, TimeSpan now)
    {
        if (!_promises.Remove(id, out var promise))
            return;
        _ended[id] = (promise.Until, now);
        if (isByClient || IsOfTheOneBefore(promise, now))
            return;
        ExpiredCount++;
        Check.Holds(now >= promise.Until, $"lease {id} expired at {now}, but was promised to live until {promise.Until}");
    }

    /// <summary>A revocation names a lease by its id, as etcd's does: one that a client revoked and granted anew just then ends with it.</summary>
    private static bool IsOfTheOneBefore(Promise promise, TimeSpan now) =>
        promise.Before is { } before && now >= before.Until && now - before.EndedAt < RevocationDelay;

    private sealed class Promise(long incarnation, TimeSpan until)
    {
        public long Incarnation => incarnation;

        /// <summary>The one that had this id before.</summary>
        public (TimeSpan Until, TimeSpan EndedAt)? Before { get; init; }

        public TimeSpan Until { get; set; } = until;

        /// <summary>As far as any leader has ever given it time.</summary>
        public TimeSpan EndsBy { get; set; }

        public long LeftSeconds { get; set; }
    }
}
