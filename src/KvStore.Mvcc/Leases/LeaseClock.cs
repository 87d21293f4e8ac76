using KvStore.Protocol;

namespace KvStore.Mvcc.Leases;

/// <summary>When each lease ends: the leader's half of leases, which is not replicated.</summary>
/// <remarks>
/// Time comes in as the owner's monotonic clock. Followers keep no deadlines: a new leader calls <see cref="Promote"/> and gives
/// every lease its time again. The apply loop reports grants and revocations, keep-alives come from any thread: a lock guards
/// it, held for a look-up. Deadlines stand in a heap, one place for each lease; a renewal only notes the later deadline, and the
/// place moves when the earlier one comes up, so that a keep-alive costs no more than the look-up.
/// </remarks>
public sealed class LeaseClock(LeaseTable leases)
{
    /// <summary>An expired lease whose revocation did not come is reported again after this time.</summary>
    public static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(3);

    /// <summary>From this many leases on, those that would expire together after a change of leader are spread.</summary>
    private const int SpreadFromLeases = 1000;

    private const int ExpiriesPerSecond = 750;

    private readonly Lock _lock = new();
    private readonly Dictionary<LeaseId, Deadline> _deadlines = [];
    private readonly PriorityQueue<LeaseId, long> _queue = new();
    private bool _isPrimary;

    /// <summary>Whether this member counts time.</summary>
    public bool IsPrimary
    {
        get
        {
            lock (_lock)
                return _isPrimary;
        }
    }

    /// <summary>This member leads now: every lease gets what it was granted, or what its checkpoint left, and
    /// <paramref name="extension"/> (an election timeout) for the time without a leader.</summary>
    /// <param name="expiriesPerSecondLimit">Leases that would end in the same second beyond this many end later.</param>
    public void Promote(TimeSpan now, TimeSpan extension, int expiriesPerSecondLimit = ExpiriesPerSecond)
    {
        lock (_lock)
        {
            _isPrimary = true;
            StartAll(now, extension, expiriesPerSecondLimit);
        }
    }

    /// <summary>Another member leads: time is its business.</summary>
    public void Demote()
    {
        lock (_lock)
        {
            _isPrimary = false;
            _deadlines.Clear();
            _queue.Clear();
        }
    }

    /// <summary>Another table is in force: that of a snapshot. It came to a follower, which may have been elected since: then all
    /// of these leases get their time, as in <see cref="Promote"/>.</summary>
    public void Replace(LeaseTable replacement, TimeSpan now, TimeSpan extension)
    {
        lock (_lock)
        {
            leases = replacement;
            if (_isPrimary)
                StartAll(now, extension, ExpiriesPerSecond);
        }
    }

    /// <summary>A grant was applied.</summary>
    public void Granted(LeaseId id, TimeSpan now)
    {
        if (!leases.TryGet(id, out var lease))
            return;
        lock (_lock)
        {
            if (_isPrimary)
                Set(lease, now + TimeSpan.FromSeconds(lease.TtlSeconds), now);
        }
    }

    /// <summary>A revocation was applied.</summary>
    public void Revoked(LeaseId id)
    {
        lock (_lock)
            _deadlines.Remove(id);
    }

    /// <summary>Gives a lease its whole time again.</summary>
    public LeaseRenewal Renew(LeaseId id, TimeSpan now)
    {
        lock (_lock)
        {
            if (!_isPrimary)
                return LeaseRenewal.NotPrimary;
            if (!_deadlines.TryGetValue(id, out var deadline))
                return LeaseRenewal.Unknown;
            if (deadline.At <= now)
                return LeaseRenewal.Expired;
            bool hadCheckpoint = deadline.IsCheckpointed;
            deadline.At = now + TimeSpan.FromSeconds(deadline.TtlSeconds);
            deadline.IsCheckpointed = false;
            deadline.CheckpointAfter = now;
            return new LeaseRenewal(LeaseRenewalKind.Renewed, deadline.TtlSeconds, hadCheckpoint ? Remainder(id, deadline, 0) : null);
        }
    }

    /// <summary>What is left of a lease; negative when it has expired and is not revoked yet, null when it is unknown or this
    /// member keeps no time.</summary>
    public TimeSpan? Remaining(LeaseId id, TimeSpan now)
    {
        lock (_lock)
            return _deadlines.TryGetValue(id, out var deadline) ? deadline.At - now : null;
    }

    /// <summary>Leases to revoke now, the earliest first; each comes again after <see cref="RetryInterval"/> until it is
    /// revoked.</summary>
    public IReadOnlyList<LeaseExpireRequest> TakeExpired(TimeSpan now, int limit)
    {
        var expired = new List<LeaseExpireRequest>();
        lock (_lock)
        {
            while (expired.Count < limit && _queue.TryPeek(out var id, out long due) && due <= now.Ticks)
            {
                _queue.Dequeue();
                if (!_deadlines.TryGetValue(id, out var deadline) || deadline.QueuedAt != due)
                    continue; // Revoked; or granted anew, and this is the old one's place.
                if (deadline.At > now)
                {
                    Enqueue(id, deadline, deadline.At);
                    continue;
                }
                expired.Add(new LeaseExpireRequest { Id = id.Value, GrantIndex = deadline.GrantIndex });
                Enqueue(id, deadline, now + RetryInterval);
            }
        }
        return expired;
    }

    /// <summary>When <see cref="TakeExpired"/> has something to look at next; null when no lease is there.</summary>
    public TimeSpan? NextDue
    {
        get
        {
            lock (_lock)
                return _queue.TryPeek(out _, out long due) ? TimeSpan.FromTicks(due) : null;
        }
    }

    /// <summary>What is left of leases that run longer than <paramref name="interval"/> and were neither renewed nor
    /// checkpointed within it: to be replicated, so that a new leader does not start them anew.</summary>
    public IReadOnlyList<LeaseRemainder> TakeCheckpoints(TimeSpan now, TimeSpan interval, int limit)
    {
        var due = new List<LeaseRemainder>();
        lock (_lock)
        {
            foreach (var (id, deadline) in _deadlines)
            {
                if (due.Count >= limit)
                    break;
                bool isLong = deadline.TtlSeconds > interval.TotalSeconds;
                if (!isLong || deadline.At <= now || now < deadline.CheckpointAfter + interval)
                    continue;
                deadline.CheckpointAfter = now;
                deadline.IsCheckpointed = true;
                due.Add(Remainder(id, deadline, (long)Math.Ceiling((deadline.At - now).TotalSeconds)));
            }
        }
        return due;
    }

    private void StartAll(TimeSpan now, TimeSpan extension, int expiriesPerSecondLimit)
    {
        // Listed under the lock: a lease granted meanwhile is in the list, or its grant waits and adds it.
        var all = leases.List();
        _deadlines.Clear();
        _queue.Clear();
        foreach (var lease in all)
            Set(lease, now + extension + TimeSpan.FromSeconds(lease.EffectiveTtlSeconds), now);
        if (all.Length >= SpreadFromLeases)
            Spread(now, expiriesPerSecondLimit);
    }

    private void Set(Lease lease, TimeSpan at, TimeSpan now)
    {
        var deadline = new Deadline
        {
            GrantIndex = lease.GrantIndex,
            TtlSeconds = lease.TtlSeconds,
            At = at,
            CheckpointAfter = now,
            IsCheckpointed = lease.RemainingTtlSeconds > 0,
        };
        _deadlines[lease.Id] = deadline;
        Enqueue(lease.Id, deadline, at);
    }

    private static LeaseRemainder Remainder(LeaseId id, Deadline deadline, long seconds) =>
        new() { Id = id.Value, GrantIndex = deadline.GrantIndex, RemainingTtl = seconds };

    private void Enqueue(LeaseId id, Deadline deadline, TimeSpan due)
    {
        deadline.QueuedAt = due.Ticks;
        _queue.Enqueue(id, due.Ticks);
    }

    /// <summary>Moves deadlines of full seconds into later ones, in their order.</summary>
    private void Spread(TimeSpan now, int expiriesPerSecondLimit)
    {
        long second = 0;
        int taken = 0;
        _queue.Clear();
        foreach (var (id, deadline) in _deadlines.OrderBy(pair => pair.Value.At).ThenBy(pair => pair.Key.Value).ToArray())
        {
            long wanted = (long)(deadline.At - now).TotalSeconds;
            if (wanted > second)
                (second, taken) = (wanted, 0);
            else if (taken == expiriesPerSecondLimit)
                (second, taken) = (second + 1, 0);
            taken++;
            if (second > wanted)
                deadline.At += TimeSpan.FromSeconds(second - wanted);
            Enqueue(id, deadline, deadline.At);
        }
    }

    private sealed class Deadline
    {
        public required ulong GrantIndex { get; init; }
        public required long TtlSeconds { get; init; }
        public TimeSpan At { get; set; }
        public long QueuedAt { get; set; }
        public TimeSpan CheckpointAfter { get; set; }
        public bool IsCheckpointed { get; set; }
    }
}

/// <summary>What came of a keep-alive.</summary>
/// <param name="TtlSeconds">The lease's whole time, when it was renewed.</param>
/// <param name="Checkpoint">To be replicated: an earlier one says that less is left than the whole.</param>
public readonly record struct LeaseRenewal(LeaseRenewalKind Kind, long TtlSeconds = 0, LeaseRemainder? Checkpoint = null)
{
    public static readonly LeaseRenewal Unknown = new(LeaseRenewalKind.Unknown);
    public static readonly LeaseRenewal Expired = new(LeaseRenewalKind.Expired);
    public static readonly LeaseRenewal NotPrimary = new(LeaseRenewalKind.NotPrimary);
}

public enum LeaseRenewalKind
{
    Renewed,

    /// <summary>Never granted, or revoked: the answer's TTL is 0.</summary>
    Unknown,

    /// <summary>Its time is over and its revocation is under way: the answer waits for that, then it is unknown.</summary>
    Expired,

    /// <summary>Another member counts time: ask the leader.</summary>
    NotPrimary,
}
