using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;
using KvStore.Protocol;

namespace KvStore.Chaos.Checkers.Listings;

/// <summary>Who lists at a revision and watches from the next has, at each later revision, what the store has: Kubernetes lives
/// by it.</summary>
internal sealed class ListWatchChecker
{
    public const string Name = "list and watch";
    public const string Prefix = "o/";

    private static readonly KeyInterval Objects = KeyInterval.Prefix(Prefix);

    private readonly CheckResult _result = new(Name);
    private readonly Timeline _timeline;
    private readonly CompletedLists _lists;
    private readonly ILookup<WatchHistory, WatchHistory> _resumptions;

    /// <summary>At place r: the sum of the store's objects at revision r.</summary>
    private readonly ulong[] _sums;

    /// <summary>From here on something was changed unseen, or is not known.</summary>
    private readonly long _uncertainFrom;

    private ListWatchChecker(RunHistory history, Timeline timeline)
    {
        _timeline = timeline;
        _lists = new CompletedLists(history, Objects);
        _resumptions = history.Watches.Where(watch => watch.Resumes is not null).ToLookup(watch => watch.Resumes!);
        (_sums, _uncertainFrom) = Sums();
    }

    public static CheckResult Check(RunHistory history, Timeline timeline)
    {
        var checker = new ListWatchChecker(history, timeline);
        checker._result.Count("lists", checker._lists.Count);
        foreach (var watch in history.Watches.Where(watch => watch.Resumes is null && IsOfObjects(watch.Request)))
        {
            foreach (var list in checker._lists.At(watch.Request.StartRevision - 1))
                checker.Follow(watch, list);
        }
        return checker._result;
    }

    private static bool IsOfObjects(WatchCreateRequest request) =>
        request.Key.Equals(Objects.Key) && request.RangeEnd.Equals(Objects.End) && request.Filters.Count == 0
            && request.StartRevision > 1;

    private void Follow(WatchHistory first, List<KeyValue> list)
    {
        _result.Count("mirrors");
        var mirror = new ListedState();
        foreach (var kv in list)
            mirror.Set(kv);
        long revision = first.Request.StartRevision - 1;
        if (!IsEqual(mirror, revision, first, first.SentAt, []))
            return;
        // Its streams, one after another; a watch is resumed once.
        for (var watch = first; watch is not null; watch = _resumptions[watch].FirstOrDefault())
        {
            if (!Follow(watch, mirror, ref revision))
                return;
        }
    }

    /// <returns>Whether it makes sense to go on.</returns>
    private bool Follow(WatchHistory watch, ListedState mirror, ref long revision)
    {
        var message = new List<Event>();
        bool isCreated = false;
        foreach (var received in watch.Responses)
        {
            var response = received.Response;
            if (response.Canceled)
                return false;
            isCreated |= response.Created;
            if (response.Created || !isCreated)
                continue;
            message.AddRange(response.Events);
            if (response.Fragment)
                continue;
            foreach (var atOnce in message.GroupBy(change => change.Kv.ModRevision))
            {
                // All before it was told: the mirror is the store just before, and just after.
                if (atOnce.Key <= revision)
                    continue;
                if (!IsEqual(mirror, atOnce.Key - 1, watch, received.At, [Evidence.Of(received)]))
                    return false;
                foreach (var change in atOnce)
                    Apply(mirror, change);
                revision = atOnce.Key;
                if (!IsEqual(mirror, revision, watch, received.At, [Evidence.Of(received)]))
                    return false;
            }
            if (message.Count == 0)
            {
                revision = Math.Max(revision, response.Header.Revision);
                if (!IsEqual(mirror, revision, watch, received.At, [Evidence.Of(received)]))
                    return false;
            }
            message.Clear();
        }
        return true;
    }

    private static void Apply(ListedState mirror, Event change)
    {
        if (change.Type == Event.Types.EventType.Delete)
            mirror.Remove(change.Kv.Key);
        else
            mirror.Set(change.Kv);
    }

    private bool IsEqual(ListedState mirror, long revision, WatchHistory watch, long at, IReadOnlyList<Evidence> evidence)
    {
        if (revision >= _uncertainFrom)
            return false;
        _result.Count("states compared");
        if (mirror.Sum == _sums[revision])
            return true;
        _result.Violate("mirror differs",
            $"who listed {Prefix} and followed {watch} has, at revision {revision}, {mirror.DifferenceFrom(StateAt(revision))}",
            at, evidence);
        return false;
    }

    private (ulong[] Sums, long UncertainFrom) Sums()
    {
        var state = new ListedState();
        var sums = new ulong[_timeline.LastRevision + 1];
        for (long revision = Timeline.FirstRevision + 1; revision <= _timeline.LastRevision; revision++)
        {
            foreach (var change in _timeline.EventsAt(revision))
            {
                if (!Objects.Contains(change.Key))
                    continue;
                if (!change.IsCertain)
                    return (sums, revision);
                Apply(state, change);
            }
            sums[revision] = state.Sum;
        }
        return (sums, _timeline.LastRevision + 1);
    }

    private ListedState StateAt(long revision)
    {
        var state = new ListedState();
        foreach (var change in _timeline.Events.Take(_timeline.IndexAt(revision + 1)))
        {
            if (Objects.Contains(change.Key))
                Apply(state, change);
        }
        return state;
    }

    private static void Apply(ListedState state, StoreEvent change)
    {
        if (change.After is null)
            state.Remove(change.Key);
        else
            state.Set(change.After);
    }
}
