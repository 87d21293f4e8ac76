using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;

namespace KvStore.Chaos.Checkers.Leases;

/// <summary>A lease never ends before its promised time, ends soon after it when the cluster is well, and ends once.</summary>
/// <remarks>
/// Measured on the clients' clock, from when they asked: the store's own time for the lease began no earlier, so there is no
/// slack. That all keys of a lease go in one revision is part of the revision order.
/// </remarks>
internal sealed class LeaseChecker
{
    public const string Name = "leases";

    /// <summary>For a leader to notice, and to get the revocation through its log.</summary>
    private const long RevocationLimit = 5 * LeasePromise.Second;

    private readonly RunHistory _history;
    private readonly Timeline _timeline;
    private readonly CheckResult _result = new(Name);

    /// <summary>At place r: when the last linearizable request was called that was answered below revision r.</summary>
    private readonly long[] _lastCallBelow;

    /// <summary>Those acknowledged, in the order of their calls; with each, when the first of it and the later ones was acknowledged.</summary>
    private readonly (long CalledAt, long FirstReturnedAt)[] _writes;

    private LeaseChecker(RunHistory history, Timeline timeline)
    {
        (_history, _timeline) = (history, timeline);
        _lastCallBelow = LastCalls();
        _writes = Writes();
    }

    public static CheckResult Check(RunHistory history, Timeline timeline)
    {
        var checker = new LeaseChecker(history, timeline);
        foreach (var life in new LeaseLives(history, timeline).All)
            checker.Check(life);
        return checker._result;
    }

    private void Check(LeaseLife life)
    {
        _result.Count("leases");
        _result.Count("renewals", life.Renewals.Count);
        if (life.Grants.Count > 1)
        {
            _result.Count("leases not judged since their id was granted twice");
            return;
        }
        if (life.ExpiryRevision > 0)
            _result.Count("leases that ran out with keys");
        foreach (var death in life.Deaths)
            CheckDeath(life, death);
        CheckRevoked(life);
        foreach (var question in life.Questions)
            CheckRemaining(life, question);
        CheckLate(life);
    }

    private void CheckDeath(LeaseLife life, LeaseDeath death)
    {
        // Before it was granted there was nothing to find.
        if (life.Grants.Exists(grant => death.AskedAt <= grant.ReturnedAt))
            return;
        foreach (var renewal in life.Renewals)
        {
            if (renewal.AskedAt > death.At)
                Violate("lives again", life,
                    $"was renewed {Wording.Seconds(renewal.AskedAt - death.At)} after it was gone: {death.How}",
                    renewal.ReturnedAt, death.Evidence, Evidence.Of(renewal.Operation));
        }
        foreach (var put in life.Attachments)
        {
            if (put.CalledAt > death.At)
                Violate("attached to a dead lease", life, $"got a key by {Wording.Of(put)} though it was gone: {death.How}",
                    put.ReturnedAt, death.Evidence, Evidence.Of(put));
        }
        if (life.MayBeRevokedBy(death.At))
            return;
        foreach (var promise in life.Grants.Concat(life.Renewals))
        {
            if (promise.AskedAt < death.At && death.At < promise.Until)
            {
                Violate("ended early", life,
                    $"was gone {Wording.Seconds(promise.Until - death.At)} before its time ({death.How}): "
                    + $"{promise.TtlSeconds} s were promised from {Wording.Seconds(promise.AskedAt)} on", death.At,
                        death.Evidence, Evidence.Of(promise.Operation));
                return;
            }
        }
    }

    private void CheckRevoked(LeaseLife life)
    {
        foreach (var revocation in life.Revocations.Where(revocation => revocation.Outcome == Outcome.Ok))
        {
            foreach (var later in life.Renewals.Select(renewal => renewal.Operation).Concat(life.Attachments))
            {
                if (later.CalledAt > revocation.ReturnedAt)
                    Violate("lives again", life, $"was used by {Wording.Of(later)} after it was revoked", later.ReturnedAt,
                        Evidence.Of(revocation), Evidence.Of(later));
            }
        }
    }

    private void CheckRemaining(LeaseLife life, Operation question)
    {
        var answer = question.Response.LeaseTimeToLive;
        if (answer.TTL > answer.GrantedTTL)
            Violate("more time than granted", life, $"has {answer.TTL} s left of {answer.GrantedTTL}", question.ReturnedAt,
                Evidence.Of(question));
        if (life.MayBeRevokedBy(question.ReturnedAt))
            return;
        foreach (var promise in life.Grants.Concat(life.Renewals))
        {
            // The answer is in whole seconds, cut off.
            long leastSeconds = (promise.Until - question.ReturnedAt) / LeasePromise.Second;
            if (promise.ReturnedAt < question.CalledAt && answer.TTL < leastSeconds)
                Violate("time lost", life, $"has {answer.TTL} s left, when at least {leastSeconds} were promised",
                    question.ReturnedAt, Evidence.Of(question), Evidence.Of(promise.Operation));
        }
    }

    /// <summary>Somebody still saw the keys long after the time was over, and nothing kept the cluster from ending the
    /// lease.</summary>
    private void CheckLate(LeaseLife life)
    {
        bool isAlive = life.ExpiryRevision == 0 && life.HasKeysAtTheEnd;
        if (life.LongestTtlSeconds == 0 || (life.ExpiryRevision == 0 && !isAlive))
            return;
        long aliveAt = _lastCallBelow[isAlive ? _lastCallBelow.Length - 1 : life.ExpiryRevision];
        long lease = life.LongestTtlSeconds * LeasePromise.Second + RevocationLimit;
        // A new leader gives all leases their time anew, as soon as it can write.
        if (FirstWriteSince(LastUnrestBefore(aliveAt)) is { } wellAt && Math.Max(life.LastExtension, wellAt) is var begin && aliveAt > begin + lease)
            Violate("ended late", life,
                $"still had its keys {Wording.Seconds(aliveAt - begin)} after the last renewal, and the first write since the last fault and election, for a time of {life.LongestTtlSeconds} s", aliveAt);
        _result.Count("leases that ended in time");
    }

    /// <summary>The latest time up to one at which a fault lasted or another leader was seen.</summary>
    private long LastUnrestBefore(long at)
    {
        long last = 0;
        foreach (var fault in _history.Faults)
        {
            if (fault.From <= at)
                last = Math.Max(last, Math.Min(at, fault.To));
        }
        ulong term = 0;
        foreach (var observed in _history.Observations)
        {
            if (observed.Term > term)
            {
                term = observed.Term;
                if (observed.At <= at)
                    last = Math.Max(last, observed.At);
            }
        }
        return last;
    }

    /// <summary>When a request of the log that was made since then was first acknowledged; null if none was: the cluster can end no lease
    /// either.</summary>
    private long? FirstWriteSince(long time)
    {
        int place = Array.BinarySearch(_writes, (time, long.MinValue));
        if (place < 0)
            place = ~place;
        return place < _writes.Length ? _writes[place].FirstReturnedAt : null;
    }

    private (long CalledAt, long FirstReturnedAt)[] Writes()
    {
        (long CalledAt, long FirstReturnedAt)[] writes =
        [
            .. _history.Operations.Where(operation => operation.Outcome == Outcome.Ok && operation.Request.IsLogged()).Select(operation => (operation.CalledAt, operation.ReturnedAt)).Order(),
        ];
        for (int i = writes.Length - 2; i >= 0; i--)
            writes[i].FirstReturnedAt = Math.Min(writes[i].FirstReturnedAt, writes[i + 1].FirstReturnedAt);
        return writes;
    }

    private long[] LastCalls()
    {
        var calls = new long[_timeline.LastRevision + 2];
        foreach (var operation in _history.Operations)
        {
            long revision = operation.Revision();
            if (revision > 0 && revision <= _timeline.LastRevision && operation.IsLinearizable())
                calls[revision + 1] = Math.Max(calls[revision + 1], operation.CalledAt);
        }
        for (int i = 1; i < calls.Length; i++)
            calls[i] = Math.Max(calls[i], calls[i - 1]);
        return calls;
    }

    private void Violate(string kind, LeaseLife life, string what, long at, params Evidence[] evidence) =>
        _result.Violate(kind, $"lease {life.Id:x} {what}", at, evidence);
}
