using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Load;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Crash.Tests.Histories;

/// <summary>Holds a restarted store to everything that was acknowledged before.</summary>
/// <remarks>
/// The revision of each answer says where in the history it stands, so no search is needed: each revision is replayed once on a
/// model, must do exactly what its acknowledged operation does there, and a revision that nobody was told of must be an
/// operation of unknown outcome or the end of a lease.
/// </remarks>
internal sealed class HistoryChecker(Chronicle chronicle, Ledger ledger, Random random)
{
    private const int PastRevisionsRead = 3, LeasesRead = 3;

    /// <summary>States from the compacted revision on.</summary>
    private readonly SortedDictionary<long, StoreState> _states = new() { [StoreState.Empty.Revision] = StoreState.Empty };

    private StoreState _last = StoreState.Empty;
    private List<Operation> _open = [];
    private long _compacted;

    /// <summary>Operations of unknown outcome that turned out to have happened.</summary>
    public long SurvivedCount { get; private set; }

    /// <summary>Deletions by leases that ended by themselves.</summary>
    public long ExpiryCount { get; private set; }

    public long Revision => _last.Revision;

    /// <exception cref="HistoryException">The store broke its word.</exception>
    public async Task VerifyAsync(EtcdClient client)
    {
        var current = await client.GetAllAsync();
        long revision = current.Header.Revision;
        long known = Math.Max(ledger.LastRevision, chronicle.LastRevision);
        Require(revision >= known, $"the store is at revision {revision}, but {known} was told to a client: revisions went back");
        await ReadHistoryAsync(client, revision);
        Replay(revision);
        Compare(_last, current, "now");
        await ReadPastAsync(client);
        await VerifyLeasesAsync(client);
        ledger.CloseRound();
        Trim();
    }

    private async Task ReadHistoryAsync(EtcdClient client, long until)
    {
        _compacted = ledger.Compacted;
        long refused = await NewReader(client, Math.Max(2, _compacted + 1)).ReadAsync(until);
        if (refused > 0)
        {
            Require(
                refused > _compacted && ledger.WasCompactionTried(refused),
                $"the store says that it is compacted at {refused}: acknowledged is {_compacted}, and nobody asked for that");
            ledger.AcknowledgeCompaction(_compacted = refused);
            refused = await NewReader(client, refused + 1).ReadAsync(until);
            Require(refused == 0, $"a watch from behind the compaction at {_compacted} was refused with {refused}");
        }
        if (_compacted > 1)
            await VerifyCompactedAsync(client);
    }

    private WatchReader NewReader(EtcdClient client, long from) => new(client, chronicle, "the history", from);

    private async Task VerifyCompactedAsync(EtcdClient client)
    {
        long refused = await new WatchReader(client, chronicle, "a watch of compacted history", 1).ReadAsync(long.MaxValue);
        // A compaction at the very next revision, of unknown outcome, does not show in a watch from there on.
        Require(
            refused == _compacted || refused == _compacted + 1 && ledger.WasCompactionTried(refused),
            $"a watch from the beginning says compacted at {refused}, acknowledged was {_compacted}");
        if (refused != _compacted)
            ledger.AcknowledgeCompaction(_compacted = refused);
        try
        {
            await client.GetAllAsync(_compacted - 1);
            throw new HistoryException($"revision {_compacted - 1} can still be read, though {_compacted} is compacted");
        }
        catch (RpcException refusal)
        {
            Require(refusal.StatusCode == StatusCode.OutOfRange, $"a read of a compacted revision ended with {refusal.Status}");
        }
    }

    private void Replay(long until)
    {
        _open = [.. ledger.Unknown];
        var acknowledged = ledger.Acknowledged.ToLookup(entry => entry.Revision, entry => entry.Operation);
        var readings = ledger.Readings.ToLookup(reading => reading.Revision);
        long early = acknowledged.Concat<IGrouping<long, object>>(readings).Select(group => group.Key).DefaultIfEmpty(long.MaxValue).Min();
        Require(early >= _last.Revision, $"an answer bears revision {early}, but {_last.Revision} was there before it was asked");
        VerifyAt(_last, acknowledged[_last.Revision], readings[_last.Revision]);
        while (_last.Revision < until)
        {
            var before = _last;
            var events = chronicle.At(before.Revision + 1);
            _last = before.Next(events);
            _states[_last.Revision] = _last;
            var changer = FindChanger(before, events, acknowledged[_last.Revision]);
            VerifyAt(_last, acknowledged[_last.Revision].Where(operation => operation != changer), readings[_last.Revision]);
        }
    }

    /// <summary>Finds who made this revision, and sees that he made just this.</summary>
    /// <returns>Null for one who was never answered.</returns>
    private Operation? FindChanger(StoreState before, IReadOnlyList<KeyVersion> events, IEnumerable<Operation> acknowledged)
    {
        var claiming = acknowledged.Where(operation => operation.ClaimsChange == true).ToArray();
        Require(claiming.Length <= 1, $"revision {before.Revision + 1} was given to two: {string.Join(" and ", claiming.Select(Show))}");
        var changer = claiming.FirstOrDefault()
            ?? acknowledged.FirstOrDefault(operation => operation.ClaimsChange is null && operation.Effect(before).SequenceEqual(events));
        if (changer is null)
        {
            ExplainUnanswered(before, events);
            return null;
        }
        Require(
            changer.Effect(before).SequenceEqual(events),
            $"revision {before.Revision + 1} is {Chronicle.Show(events)}, but acknowledged was {changer}: {Chronicle.Show(changer.Effect(before))}");
        Require(changer.IsAnswerRight(before), $"the answer to {changer} at revision {before.Revision + 1} does not fit what was there");
        return changer;
    }

    private void ExplainUnanswered(StoreState before, IReadOnlyList<KeyVersion> events)
    {
        var values = events.Where(change => !change.IsDelete).Select(change => change.Value).ToHashSet();
        var open = _open.Find(operation => (values.Count == 0 ? operation.UniqueValue is null : operation.UniqueValue is { } value && values.Contains(value))
            && operation.Effect(before).SequenceEqual(events));
        if (open is not null)
        {
            _open.Remove(open);
            SurvivedCount++;
            return;
        }
        Require(
            values.Count == 0 && IsEndOfLease(before, events),
            $"revision {before.Revision + 1} is {Chronicle.Show(events)}, which nobody asked for");
        ExpiryCount++;
    }

    private bool IsEndOfLease(StoreState before, IReadOnlyList<KeyVersion> events)
    {
        long id = before.Find(events[0].Key)?.Lease ?? 0;
        return ledger.FindLease(id) is { IsShort: true } && new RevokeOperation(id).Effect(before).SequenceEqual(events);
    }

    /// <summary>What was answered at this revision without making it must fit the state there.</summary>
    private static void VerifyAt(StoreState state, IEnumerable<Operation> withoutChange, IEnumerable<Reading> readings)
    {
        foreach (var operation in withoutChange)
        {
            Require(
                operation.Effect(state).Count == 0 && operation.IsAnswerRight(state),
                $"{Show(operation)} was answered at revision {state.Revision}, but nothing of it is there: an acknowledged write is lost");
        }
        foreach (var reading in readings)
        {
            var stored = state.Within(reading.From, reading.End);
            Require(
                stored.SequenceEqual(reading.Found),
                $"a read of [{reading.From}, {reading.End}) at revision {state.Revision} found {Chronicle.Show(reading.Found)}, there was {Chronicle.Show(stored)}");
        }
    }

    private async Task ReadPastAsync(EtcdClient client)
    {
        long oldest = Math.Max(_states.Keys.First(), _compacted);
        for (int i = 0; i < PastRevisionsRead; i++)
        {
            long revision = random.NextInt64(oldest, _last.Revision + 1);
            Compare(_states[revision], await client.GetAllAsync(revision), $"at revision {revision}");
        }
    }

    private static void Compare(StoreState state, RangeResponse found, string when)
    {
        var keys = found.Kvs.Select(KeyVersion.Of).ToArray();
        var wrong = keys.Except(state.Keys.Values).Take(3).ToArray();
        var missing = state.Keys.Values.Except(keys).Take(3).ToArray();
        Require(
            wrong.Length == 0 && missing.Length == 0 && found.Count == state.Keys.Count,
            $"the keys {when} are not those of the history: wrong {Chronicle.Show(wrong)}, missing {Chronicle.Show(missing)}, count {found.Count}");
    }

    private async Task VerifyLeasesAsync(EtcdClient client)
    {
        var found = (await client.LeasesAsync()).Leases.Select(lease => lease.ID).ToHashSet();
        foreach (long id in found)
            Require(ledger.FindLease(id) is not null, $"there is a lease {id:x} that nobody asked for");
        foreach (var lease in ledger.Leases)
            Settle(lease, found.Contains(lease.Id));
        foreach (var lease in ledger.Leases.Where(lease => !lease.IsShort).OrderBy(_ => random.Next()).Take(LeasesRead))
        {
            var attached = (await client.TimeToLiveAsync(lease.Id)).Keys.Select(key => key.ToStringUtf8()).Order(StringComparer.Ordinal);
            var expected = _last.AttachedTo(lease.Id).Select(version => version.Key);
            Require(attached.SequenceEqual(expected), $"to lease {lease.Id:x} {string.Join(' ', attached)} are attached, not {string.Join(' ', expected)}");
        }
    }

    private void Settle(Lease lease, bool isThere)
    {
        if (isThere)
        {
            Require(!lease.IsRevoked, $"the lease {lease.Id:x} is there again after its revocation was acknowledged");
            (lease.IsGranted, lease.IsRevocationTried) = (true, false);
            return;
        }
        Require(
            !lease.IsGranted || lease.IsShort || lease.IsRevocationTried,
            $"the lease {lease.Id:x} is lost, though it was acknowledged and nobody asked to revoke it");
        // One that expired just now still has its keys at the revision that is looked at: their end is told next time.
        if (!_last.AttachedTo(lease.Id).Any())
            ledger.Forget(lease);
    }

    private void Trim()
    {
        chronicle.Forget(_compacted);
        foreach (long revision in _states.Keys.TakeWhile(revision => revision < _compacted).ToArray())
            _states.Remove(revision);
    }

    private static string Show(Operation operation) => $"{operation.GetType().Name} {operation}";

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new HistoryException(message);
    }
}
