using Google.Protobuf;
using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;
using KvStore.Protocol;

namespace KvStore.Chaos.Checkers.Revisions;

/// <summary>Whose request made which revision.</summary>
/// <remarks>
/// What was acknowledged says so itself. A request of unknown outcome is recognized by the unique values that it would write,
/// wherever somebody saw one of them; what it only deletes is found later, when the state at its turn is known.
/// </remarks>
internal sealed class Writers
{
    private readonly CheckResult _result;
    private readonly RevisionSightings _sightings;
    private readonly Operation?[] _writerOf;
    private readonly Dictionary<long, List<Operation>> _revocations = [];
    private readonly Dictionary<long, GapEvidence> _gaps = [];
    private readonly Dictionary<(ByteString Key, ByteString Value), List<Operation>> _byValue = [];
    private readonly List<Operation> _unplaced = [];
    private readonly HashSet<long> _placedIds = [];

    public Writers(RunHistory history, RevisionSightings sightings, CheckResult result)
    {
        _result = result;
        _sightings = sightings;
        _writerOf = new Operation?[sightings.LastRevision + 1];
        foreach (var operation in history.Operations)
            Place(operation);
        GatherEvidence(history);
        foreach (var (revision, gap) in _gaps.OrderBy(pair => pair.Key))
            Recognize(revision, gap);
        _unplaced.RemoveAll(operation => _placedIds.Contains(operation.Id));
        _unplaced.Sort((left, right) => left.CalledAt.CompareTo(right.CalledAt));
    }

    /// <summary>Requests of unknown outcome that were not seen to do anything yet, by the time of their call.</summary>
    public IReadOnlyList<Operation> Unplaced => _unplaced;

    public Operation? At(long revision) => _writerOf[revision];

    public IReadOnlyList<Operation> RevocationsAt(long revision) => _revocations.GetValueOrDefault(revision) ?? [];

    /// <summary>What was seen of a revision that nobody was told to have made; null for nothing.</summary>
    public GapEvidence? Seen(long revision) => _gaps.GetValueOrDefault(revision);

    public void PlaceNow(Operation operation, long revision)
    {
        _writerOf[revision] = operation;
        _unplaced.Remove(operation);
    }

    private void Place(Operation operation)
    {
        if (operation.Outcome == Outcome.Unknown && operation.Request.MayWrite())
            _unplaced.Add(operation);
        if (operation.Outcome == Outcome.Ok && operation.Request.RpcCase == Request.RpcOneofCase.LeaseRevoke)
        {
            if (!_revocations.TryGetValue(operation.Revision(), out var revocations))
                _revocations.Add(operation.Revision(), revocations = []);
            revocations.Add(operation);
        }
        if (!operation.HasWritten())
            return;
        long revision = operation.Revision();
        if (revision <= Timeline.FirstRevision)
            _result.Violate("no revision", $"{Wording.Of(operation)} was acknowledged as done at revision {revision}",
                operation.ReturnedAt, Evidence.Of(operation));
        else if (_writerOf[revision] is { } other)
        {
            _result.Violate("revision given twice",
                $"{Wording.Of(other)} and {Wording.Of(operation)} were both acknowledged at revision {revision}",
                operation.ReturnedAt, Evidence.Of(other), Evidence.Of(operation));
        }
        else
            _writerOf[revision] = operation;
    }

    private void GatherEvidence(RunHistory history)
    {
        bool hasGap = false;
        for (long revision = Timeline.FirstRevision + 1; revision < _writerOf.Length && !hasGap; revision++)
            hasGap = _writerOf[revision] is null;
        if (!hasGap)
            return;
        foreach (var operation in history.Operations)
        {
            foreach (var kv in operation.Shown())
                SeePut(kv, operation.ReturnedAt, Evidence.Of(operation));
            // Also those acknowledged and refused: their values in a revision that is not theirs are wrong.
            foreach (var put in operation.Request.Puts())
                Index(put, operation);
        }
        foreach (var received in history.Watches.SelectMany(watch => watch.Responses))
        {
            foreach (var change in received.Response.Events)
                See(change, received);
        }
    }

    private void Index(PutRequest put, Operation operation)
    {
        if (!_byValue.TryGetValue((put.Key, put.Value), out var writers))
            _byValue.Add((put.Key, put.Value), writers = []);
        writers.Add(operation);
    }

    private void See(Event change, WatchReceived received)
    {
        if (change.PrevKv is not null)
            SeePut(change.PrevKv, received.At, Evidence.Of(received));
        if (change.Type == Event.Types.EventType.Put)
            SeePut(change.Kv, received.At, Evidence.Of(received));
        else if (GapAt(change.Kv.ModRevision, received.At, Evidence.Of(received)) is { } gap)
            gap.Deletes.Add(change.Kv.Key);
    }

    private void SeePut(KeyValue kv, long at, Evidence evidence)
    {
        if (GapAt(kv.ModRevision, at, evidence) is { } gap && gap.Puts.TrueForAll(seen => !seen.Key.Equals(kv.Key)))
            gap.Puts.Add(kv);
    }

    private GapEvidence? GapAt(long revision, long at, Evidence evidence)
    {
        if (revision <= Timeline.FirstRevision || revision >= _writerOf.Length || _writerOf[revision] is not null)
            return null;
        if (!_gaps.TryGetValue(revision, out var gap))
            _gaps.Add(revision, gap = new GapEvidence());
        if (at < gap.At)
            (gap.At, gap.Evidence) = (at, evidence);
        return gap;
    }

    private void Recognize(long revision, GapEvidence gap)
    {
        foreach (var kv in gap.Puts)
        {
            var writer = First(_byValue.GetValueOrDefault((kv.Key, kv.Value)) ?? [], revision)
                ?? First(Keeping(kv.Key), revision);
            if (writer is not null)
            {
                _placedIds.Add(writer.Id);
                _writerOf[revision] = writer;
                gap.Writer = writer;
                gap.IsSuccess = writer.Request.RpcCase == Request.RpcOneofCase.Txn ? IsInSuccess(writer.Request.Txn, kv) : null;
                return;
            }
        }
    }

    private Operation? First(IEnumerable<Operation> candidates, long revision) => candidates
        .Where(operation => operation.Outcome == Outcome.Unknown && !_placedIds.Contains(operation.Id)
            && operation.CalledAt <= _sightings.SeenAt(revision))
        .MinBy(operation => operation.CalledAt);

    /// <summary>Requests that would leave the value as it was, whoever wrote it.</summary>
    private IEnumerable<Operation> Keeping(ByteString key) =>
        _unplaced.Where(operation => operation.Request.Puts().Any(put => put.IgnoreValue && put.Key.Equals(key)));

    private static bool? IsInSuccess(TxnRequest txn, KeyValue kv)
    {
        bool success = OperationFacts.Puts(txn.Success).Any(IsIt), failure = OperationFacts.Puts(txn.Failure).Any(IsIt);
        return success == failure ? null : success;

        bool IsIt(PutRequest put) => put.Key.Equals(kv.Key) && put.Value.Equals(kv.Value);
    }

    /// <summary>A sentence on a put that no request of unknown outcome explains.</summary>
    public (string Kind, string Sentence, Operation? Writer) Unexplained(long revision, KeyValue kv)
    {
        var writers = _byValue.GetValueOrDefault((kv.Key, kv.Value)) ?? [];
        if (writers.Find(operation => operation.Outcome == Outcome.Failed) is { } refused)
            return ("refused but done",
                $"{Wording.Of(refused)} was refused ({refused.ErrorText}), but revision {revision} is its doing", refused);
        if (writers.Find(operation => operation.Outcome == Outcome.Ok) is { } done)
            return ("done twice",
                $"{Wording.Of(done)} was acknowledged at revision {done.Revision()}, but revision {revision} wrote the same",
                done);
        if (writers.Find(operation => operation.CalledAt > _sightings.SeenAt(revision)) is { } later)
            return ("seen before its call",
                $"{Wording.Of(later)} was called at {Wording.Seconds(later.CalledAt)}, but its revision {revision} was seen before", later);
        if (writers.Count > 0)
            return ("done twice",
                $"{Wording.Of(writers[0])}, whose outcome was unknown, was done at revision {revision}, and once more",
                writers[0]);
        return ("written by nobody", $"revision {revision} put {Wording.Of(kv)}, which no client asked for", null);
    }
}
