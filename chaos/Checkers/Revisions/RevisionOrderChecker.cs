using Google.Protobuf;
using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;

namespace KvStore.Chaos.Checkers.Revisions;

/// <summary>Replays the whole store in the order of its revisions, and holds every answer against it.</summary>
/// <remarks>
/// The store numbers its changes itself, so nothing is searched: if the order of the revisions fits all answers and real time,
/// it is a witness of strict serializability. The time taken is linear in the records, but for sorting them.
/// </remarks>
internal sealed class RevisionOrderChecker
{
    public const string Name = "revision order";

    private readonly RunHistory _history;
    private readonly CheckResult _result = new(Name);
    private readonly RevisionSightings _sightings;
    private readonly Writers _writers;
    private readonly StoreReplay _replay;

    private RevisionOrderChecker(RunHistory history)
    {
        _history = history;
        _sightings = new RevisionSightings(history);
        _writers = new Writers(history, _sightings, _result);
        Timeline = new Timeline(_sightings);
        _replay = new StoreReplay(Timeline);
    }

    private Timeline Timeline { get; }

    public static (CheckResult Result, Timeline Timeline) Check(RunHistory history)
    {
        var checker = new RevisionOrderChecker(history);
        checker.Replay();
        new RealTimeOrder(history, checker._sightings, checker._writers, checker._result).Check();
        new CompactionRule(history, checker._sightings, checker._result).Check();
        checker._result.Count("operations", history.Operations.Count);
        checker._result.Count("revisions", checker.Timeline.LastRevision - Timeline.FirstRevision);
        checker._result.Count("ranges not judged for unseen changes", checker._replay.SkippedCount);
        return (checker._result, checker.Timeline);
    }

    private void Replay()
    {
        var reads = ReadsByRevision();
        int next = 0;
        for (long revision = Timeline.FirstRevision; revision <= _sightings.LastRevision; revision++)
        {
            if (revision > Timeline.FirstRevision && !Step(revision))
                return;
            for (; next < reads.Count && reads[next].Revision == revision; next++)
                Compare(revision, reads[next].Operation);
            CheckRevocations(revision);
        }
    }

    /// <summary>Answers that changed nothing, by the revision that they show.</summary>
    private List<(long Revision, Operation Operation)> ReadsByRevision()
    {
        var reads = new List<(long Revision, Operation Operation)>();
        foreach (var operation in _history.Operations)
        {
            if (operation.Outcome != Outcome.Ok || operation.HasWritten())
                continue;
            if (operation.Request.RpcCase is Request.RpcOneofCase.Range or Request.RpcOneofCase.DeleteRange or Request.RpcOneofCase.Txn or Request.RpcOneofCase.Put)
                reads.Add((ShownRevision(operation), operation));
        }
        reads.Sort((left, right) => left.Revision.CompareTo(right.Revision));
        return reads;
    }

    private long ShownRevision(Operation operation)
    {
        long asked = operation.Request.Range?.Revision ?? 0, current = operation.Revision();
        if (current < Timeline.FirstRevision)
            _result.Violate("no revision", $"the answer to {Wording.Of(operation)} says revision {current}", operation.ReturnedAt,
                Evidence.Of(operation));
        if (asked > current)
            _result.Violate("read of the future",
                $"{Wording.Of(operation)} at revision {asked} was answered by a store at revision {current}",
                operation.ReturnedAt, Evidence.Of(operation));
        return asked > 0 ? asked : current;
    }

    /// <returns>Whether it makes sense to go on.</returns>
    private bool Step(long revision)
    {
        var cause = CauseOf(revision);
        if (cause is null)
            return false;
        Timeline.EndRevision(cause.Value);
        _result.Count(cause.Value.Kind switch
        {
            CauseKind.Operation when cause.Value.Operation!.Outcome == Outcome.Unknown =>
                "revisions by requests of unknown outcome",
            CauseKind.Operation => "revisions by acknowledged requests",
            CauseKind.Expiry => "revisions by leases that ran out",
            CauseKind.Unseen => "revisions that nobody saw",
            _ => "revisions without an explanation",
        });
        return true;
    }

    private RevisionCause? CauseOf(long revision)
    {
        var gap = _writers.Seen(revision);
        if (_writers.At(revision) is { } writer)
        {
            string? disagreement = _replay.Write(revision, writer.Request, writer.Outcome == Outcome.Ok ? writer.Response : null,
                gap?.IsSuccess);
            Report(writer, disagreement);
            return new RevisionCause(CauseKind.Operation, writer);
        }
        if (_writers.RevocationsAt(revision).FirstOrDefault(revocation => _replay.WouldDelete(revocation.Request).Count > 0)
            is { } revoked)
        {
            _replay.Write(revision, revoked.Request, revoked.Response);
            return new RevisionCause(CauseKind.Operation, revoked);
        }
        if (gap is null)
            return Unseen(revision);
        return gap.Puts.Count > 0 ? UnexplainedPut(revision, gap) : Deleted(revision, gap);
    }

    private RevisionCause UnexplainedPut(long revision, GapEvidence gap)
    {
        if (_history.IsComplete)
        {
            var (kind, sentence, writer) = _writers.Unexplained(revision, gap.Puts[0]);
            _result.Violate(kind, sentence, gap.At, writer is null ? [gap.Evidence] : [gap.Evidence, Evidence.Of(writer)]);
        }
        _replay.Adopt(revision, gap.Puts, gap.Deletes);
        return new RevisionCause(CauseKind.Unexplained);
    }

    /// <summary>Only deletes were seen: a lease ran out, or a request of unknown outcome was done.</summary>
    private RevisionCause Deleted(long revision, GapEvidence gap)
    {
        var requests = _writers.Unplaced.TakeWhile(operation => operation.CalledAt <= _sightings.SeenAt(revision))
            .Select(operation => (Operation: operation, Keys: _replay.WouldDelete(operation.Request)))
            .Where(candidate => gap.Deletes.IsSubsetOf(candidate.Keys))
            .OrderBy(candidate => candidate.Keys.Count)
            .ToList();
        long lease = _replay.Keys.Get(gap.Deletes.First())?.Lease ?? 0;
        var ofLease = _replay.Keys.KeysOf(lease);
        // Whoever deletes least beyond what was seen is the likelier one, a lease among equals.
        if (lease != 0 && gap.Deletes.IsSubsetOf(ofLease) && (requests.Count == 0 || ofLease.Count <= requests[0].Keys.Count))
        {
            _replay.Expire(revision, lease);
            return new RevisionCause(CauseKind.Expiry, null, lease, requests.Count > 0);
        }
        if (requests.Count > 0)
        {
            var chosen = requests[0].Operation;
            _replay.Write(revision, chosen.Request, null);
            // Where several fit, each of them may still be the one that is missing later.
            if (requests.Count == 1)
                _writers.PlaceNow(chosen, revision);
            return new RevisionCause(CauseKind.Operation, chosen);
        }
        if (_history.IsComplete)
            _result.Violate(UnexplainedKind(gap.Deletes), UnexplainedDelete(revision, gap.Deletes), gap.At, gap.Evidence);
        _replay.Adopt(revision, [], gap.Deletes);
        return new RevisionCause(CauseKind.Unexplained);
    }

    private string UnexplainedKind(HashSet<ByteString> keys) =>
        keys.Any(key => _replay.Keys.Get(key) is { Lease: not 0 }) ? "lease's keys mixed" : "deleted by nobody";

    private string UnexplainedDelete(long revision, HashSet<ByteString> keys)
    {
        var first = keys.First();
        return _replay.Keys.Get(first) is null
            ? $"revision {revision} deleted {Wording.Of(first)}, which did not exist"
            : $"revision {revision} deleted {keys.Count} keys, {Wording.Of(_replay.Keys.Get(first))} among them: no request of unknown "
                + "outcome would have, and they are not the keys of one lease";
    }

    private RevisionCause? Unseen(long revision)
    {
        if (!_history.IsComplete)
        {
            _result.LeaveUndecided($"nobody saw revision {revision}, and the run was cut short: what comes after it was not checked");
            return null;
        }
        var suspects = new HashSet<ByteString>(_replay.Keys.Leased);
        foreach (var operation in _writers.Unplaced.TakeWhile(operation => operation.CalledAt <= _sightings.SeenAt(revision)))
        {
            suspects.UnionWith(operation.Request.Puts().Select(put => put.Key));
            suspects.UnionWith(_replay.WouldDelete(operation.Request));
        }
        if (suspects.Count == 0)
        {
            _result.Violate("revision of nothing",
                $"there is a revision {revision}, but no request and no lease that could have made it",
                _sightings.SeenAt(revision));
        }
        foreach (var key in suspects)
            _replay.Keys.MarkUncertain(key);
        return new RevisionCause(CauseKind.Unseen);
    }

    private void Compare(long revision, Operation operation) =>
        Report(operation, _replay.Read(revision, operation.Request, operation.Response));

    private void Report(Operation operation, string? disagreement)
    {
        if (disagreement is null)
            return;
        string kind = operation.Request.RpcCase switch
        {
            Request.RpcOneofCase.Range => operation.Request.Range.Serializable ? "serializable read" : "read",
            Request.RpcOneofCase.Txn => "txn",
            Request.RpcOneofCase.DeleteRange => "delete",
            _ => "put",
        };
        _result.Violate(kind, $"{Wording.Of(operation)} was answered at revision {operation.Revision()}: {disagreement}",
            operation.ReturnedAt, Evidence.Of(operation));
    }

    /// <summary>Once a revocation is acknowledged, none of the lease's keys is left.</summary>
    private void CheckRevocations(long revision)
    {
        foreach (var revocation in _writers.RevocationsAt(revision))
        {
            var left = _replay.Keys.KeysOf(revocation.Request.LeaseRevoke.ID).Where(key =>
                !_replay.Keys.IsUncertain(key)).ToList();
            if (left.Count > 0)
                _result.Violate("revoked lease's key",
                    $"{Wording.Of(revocation)} was acknowledged at revision {revision}, where {Wording.Of(left[0])} is still attached to it",
                    revocation.ReturnedAt, Evidence.Of(revocation));
        }
    }
}
