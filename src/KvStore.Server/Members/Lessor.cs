using System.Collections.Concurrent;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Leases;
using KvStore.Protocol;
using KvStore.Server.Members.Scheduling;

namespace KvStore.Server.Members;

/// <summary>Keeps the time of leases while this member leads: renews on request, and proposes to revoke what has run out.</summary>
public sealed class Lessor(LeaseClock clock, TimeProvider time)
{
    /// <summary>etcd's pace: how often it looks for leases that ran out ...</summary>
    private static readonly TimeSpan ScanInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>... and how many revocations it lets wait for the log at once.</summary>
    private const int RevocationLimit = 16;

    /// <summary>What is left of a lease is replicated this often, so that a new leader does not start it anew.</summary>
    private static readonly TimeSpan CheckpointInterval = TimeSpan.FromMinutes(5);

    private const int CheckpointLimit = 1000;

    private readonly ConcurrentQueue<LeaseId> _revoked = new();
    private readonly ConcurrentDictionary<LeaseId, TaskCompletionSource> _awaited = new();
    private ILoop _loop = null!;
    private ITimer? _scan;
    private int _inFlight;
    private ulong _term;
    private ulong _appliedTerm;

    /// <summary>Proposes the end of a lease that has run out if this member still leads in that term, and calls back when its outcome is known.</summary>
    /// <remarks>A leader that was held up does not know of its successor, at whom the lease may have been renewed since.</remarks>
    public required Action<LeaseExpireRequest, ulong, Action> Revoke { get; init; }

    /// <summary>Proposes that what is left of leases be replicated, if this member still leads in that term; completes when it is.</summary>
    public required Func<LeaseRemaindersRequest, ulong, Task> Checkpoint { get; init; }

    /// <summary>Completes when this member has been told by a quorum that it leads, and has applied what was agreed on before.</summary>
    public required Func<Task> ConfirmLeadership { get; init; }

    /// <summary>Told of each lease that was renewed ...</summary>
    public Action Renewed { get; init; } = () => { };

    /// <summary>... and of each that was revoked because its time was over.</summary>
    public Action Expired { get; init; } = () => { };

    private TimeSpan Now => time.GetElapsedTime(0);

    public void Start(ILoopScheduler scheduler)
    {
        _loop = scheduler.Start("leases", Step);
        _scan = time.CreateTimer(_ => _loop.Wake(), null, ScanInterval, ScanInterval);
    }

    public void Stop()
    {
        _scan?.Dispose();
        _loop.Stop();
        foreach (var awaited in _awaited.Values)
            awaited.TrySetException(new EtcdException(EtcdError.Stopped));
    }

    /// <summary>This member leads from now on: every lease gets its time, and an election's on top.</summary>
    public void Promote(ulong term, TimeSpan electionTimeout)
    {
        if (clock.IsPrimary && term == _term)
            return;
        Volatile.Write(ref _term, term);
        clock.Promote(Now, electionTimeout);
    }

    /// <summary>The first entry of a term is applied, and with it all that was agreed on before. Apply loop.</summary>
    /// <remarks>
    /// A leader is elected before it has applied all that: a predecessor's renewal may have been among it, which took back what an
    /// earlier checkpoint had left. So the leases get their time once more, as they are now, and none ends before.
    /// </remarks>
    public void CaughtUp(ulong term, TimeSpan electionTimeout)
    {
        Volatile.Write(ref _appliedTerm, term);
        if (clock.IsPrimary && term == Volatile.Read(ref _term))
            clock.Promote(Now, electionTimeout);
    }

    public void Demote() => clock.Demote();

    /// <summary>The leases of a snapshot are in force. Apply loop, to which it may come when this member leads already.</summary>
    public void Replace(LeaseTable leases, TimeSpan electionTimeout) => clock.Replace(leases, Now, electionTimeout);

    /// <summary>A grant was applied. Apply loop.</summary>
    public void Granted(LeaseId id) => clock.Granted(id, Now);

    /// <summary>A revocation was applied. Apply loop.</summary>
    public void Revoked(LeaseId id)
    {
        clock.Revoked(id);
        if (_awaited.TryRemove(id, out var awaited))
            awaited.TrySetResult();
    }

    /// <summary>Gives the lease its whole time again; of one that has run out, the answer waits for its revocation.</summary>
    /// <returns>The time in seconds; 0 when there is no such lease.</returns>
    public async ValueTask<long> RenewAsync(LeaseId id)
    {
        if (!clock.IsPrimary)
            throw new EtcdException(EtcdError.NotPrimaryLessor);
        // A leader that does not know of its successor would promise what that one does not keep; and the log of a new one may
        // hold the lease's end, which is not applied yet.
        await ConfirmLeadership();
        ulong term = Volatile.Read(ref _term);
        var renewal = clock.Renew(id, Now);
        switch (renewal.Kind)
        {
            case LeaseRenewalKind.Renewed:
                // Before the answer: else a crash could give back the little that an earlier checkpoint left.
                if (renewal.Checkpoint is { } whole)
                    await Checkpoint(new LeaseRemaindersRequest { Leases = { whole } }, term);
                Renewed();
                return renewal.TtlSeconds;
            case LeaseRenewalKind.Expired:
                await RevocationOf(id);
                return 0;
            case LeaseRenewalKind.NotPrimary:
                throw new EtcdException(EtcdError.NotPrimaryLessor);
            default:
                return 0;
        }
    }

    /// <summary>What is left of a lease; null when it is unknown.</summary>
    public TimeSpan? Remaining(LeaseId id) => clock.Remaining(id, Now);

    private Task RevocationOf(LeaseId id)
    {
        var awaited = _awaited.GetOrAdd(id, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        // It may have been revoked before the wait was noted.
        if (clock.Remaining(id, Now) is null && _awaited.TryRemove(id, out _))
            awaited.TrySetResult();
        _loop.Wake();
        return awaited.Task;
    }

    private bool Step()
    {
        while (_revoked.TryDequeue(out _))
            _inFlight--;
        // Read before the clock: what that says may then be of a later term, and is refused, but never of an earlier one.
        ulong term = Volatile.Read(ref _term);
        if (!clock.IsPrimary || Volatile.Read(ref _appliedTerm) < term)
            return false;
        foreach (var expired in clock.TakeExpired(Now, RevocationLimit - _inFlight))
        {
            _inFlight++;
            Revoke(expired, term, () => Settle(new LeaseId(expired.Id)));
        }
        var checkpoints = clock.TakeCheckpoints(Now, CheckpointInterval, CheckpointLimit);
        if (checkpoints.Count > 0)
            Checkpoint(new LeaseRemaindersRequest { Leases = { checkpoints } }, term);
        return false;
    }

    private void Settle(LeaseId id)
    {
        if (clock.Remaining(id, Now) is null)
            Expired();
        _revoked.Enqueue(id);
        _loop.Wake();
    }
}
