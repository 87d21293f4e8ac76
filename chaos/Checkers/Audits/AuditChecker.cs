using KvStore.Chaos.History;
using Kind = KvStore.Chaos.History.ProcessChanged.Types.Kind;

namespace KvStore.Chaos.Checkers.Audits;

/// <summary>What the members say of themselves: one leader a term, nothing goes back, all are alike and up at the end.</summary>
internal sealed class AuditChecker(RunHistory history)
{
    public const string Name = "members";

    private readonly CheckResult _result = new(Name);

    public static CheckResult Check(RunHistory history)
    {
        var checker = new AuditChecker(history);
        checker.CheckLeaders();
        checker.CheckObservations();
        checker.CheckHashes();
        checker.CheckStarts();
        return checker._result;
    }

    private void CheckLeaders()
    {
        var leaders = new Dictionary<ulong, MemberObserved>();
        foreach (var observed in history.Observations.Where(observed => observed.Role == Role.Leader))
        {
            if (leaders.TryAdd(observed.Term, observed) || leaders[observed.Term].Member == observed.Member)
                continue;
            _result.Violate("two leaders",
                $"{leaders[observed.Term].Member} and {observed.Member} both led in term {observed.Term}", observed.At);
        }
        _result.Count("terms with a leader seen", leaders.Count);
    }

    /// <summary>Of one process, neither term nor index nor revision goes back; the term not over restarts either.</summary>
    private void CheckObservations()
    {
        var starts = history.Processes.Where(process => process.Kind == Kind.Started).ToLookup(process => process.Member,
            process => process.At);
        foreach (var member in history.Observations.Where(observed => observed.Role != Role.Unknown).GroupBy(observed =>
            (observed.Member, observed.MemberId)))
        {
            foreach (var (before, now) in member.Zip(member.Skip(1)))
            {
                _result.Count("observations");
                if (now.Term < before.Term)
                    _result.Violate("term went back", $"{now.Member} was in term {before.Term} and then in {now.Term}", now.At);
                if (starts[now.Member].Any(start => start >= before.At && start <= now.At))
                    continue;
                if (now.AppliedIndex < before.AppliedIndex || now.Revision < before.Revision)
                    _result.Violate("member went back",
                        $"{now.Member} had applied index {before.AppliedIndex} (revision {before.Revision}) and then {now.AppliedIndex} ({now.Revision})", now.At);
            }
        }
    }

    private void CheckHashes()
    {
        if (!history.IsComplete)
            return;
        if (history.Hashes.Count == 0)
            _result.LeaveUndecided("no member was asked for its hash at the end");
        foreach (var hash in history.Hashes.Where(hash => hash.Response is null))
            _result.Violate("no hash", $"{hash.Member} did not give its hash at revision {hash.Revision}: {hash.ErrorText}",
                hash.At);
        long last = history.Hashes.Select(hash => hash.Revision).DefaultIfEmpty().Max();
        // Members are asked now and then during a run: those asked for the same revision must agree.
        foreach (var atRevision in history.Hashes.Where(hash => hash.Response is not null).GroupBy(hash => hash.Revision))
            CheckHashes([.. atRevision], isLast: atRevision.Key == last);
    }

    private void CheckHashes(List<MemberHash> hashes, bool isLast)
    {
        _result.Count("hashes", hashes.Count);
        var first = hashes[0];
        foreach (var other in hashes.Skip(1))
        {
            bool isCompactedAlike = other.Response.CompactRevision == first.Response.CompactRevision;
            // A hash is of what compaction left: while one is under way, members need not be alike. At the end they are.
            if (isCompactedAlike ? other.Response.Hash == first.Response.Hash : !isLast)
                continue;
            _result.Violate("hashes differ",
                $"{first.Member} has hash {first.Response.Hash:x8} at revision {first.Revision}, compacted at {first.Response.CompactRevision}; "
                + $"{other.Member} has {other.Response.Hash:x8}, compacted at {other.Response.CompactRevision}", other.At);
        }
    }

    /// <summary>Whoever was not damaged comes up by itself.</summary>
    private void CheckStarts()
    {
        foreach (var member in history.Processes.GroupBy(process => process.Member))
        {
            ProcessChanged? started = null;
            foreach (var change in member)
            {
                if (change.Kind == Kind.Exited && started is { IsDamaged: false }
                    && !IsDisturbed(member.Key, started.At, change.At))
                    _result.Violate("did not come up",
                        $"{member.Key}, started at {Store.Wording.Seconds(started.At)}, ended with exit code {change.ExitCode} before it was ready: {change.Detail}", change.At);
                started = change.Kind switch
                {
                    Kind.Started => change,
                    Kind.Stopped or Kind.Continued => started,
                    _ => null,
                };
            }
            _result.Count("starts", member.Count(change => change.Kind == Kind.Started));
            if (history.IsComplete && started is { IsDamaged: false })
                _result.Violate("did not come up",
                    $"{member.Key}, started at {Store.Wording.Seconds(started.At)}, was not ready when the run ended",
                    history.EndedAt);
        }
    }

    private bool IsDisturbed(string member, long from, long to) =>
        history.Faults.Any(fault => fault.From <= to && fault.To >= from
            && fault.Injected.Targets.Any(target => target.Contains(member, StringComparison.Ordinal)));
}
