using KvStore.Chaos.Checkers.Store;
using KvStore.Protocol;
using FilterType = KvStore.Protocol.WatchCreateRequest.Types.FilterType;

namespace KvStore.Chaos.Checkers.Watches;

/// <summary>The events of the timeline that one watch asks for, from a revision on.</summary>
internal sealed class WantedEvents
{
    private readonly Timeline _timeline;
    private readonly KeyInterval _keys;
    private readonly bool _withPuts;
    private readonly bool _withDeletes;

    /// <summary>Of a watch of one key: where its events are; they are few among many.</summary>
    private readonly IReadOnlyList<int>? _places;
    private int _next;

    public WantedEvents(Timeline timeline, WatchCreateRequest request, long fromRevision)
    {
        _timeline = timeline;
        _keys = new KeyInterval(request.Key, request.RangeEnd);
        _withPuts = !request.Filters.Contains(FilterType.Noput);
        _withDeletes = !request.Filters.Contains(FilterType.Nodelete);
        int first = timeline.IndexAt(fromRevision);
        if (_keys.IsSingle)
        {
            _places = timeline.EventsOf(request.Key);
            while (_next < _places.Count && _places[_next] < first)
                _next++;
        }
        else
            _next = first;
    }

    /// <summary>The next one, which stays the next; null when there is none up to a revision.</summary>
    public StoreEvent? PeekUpTo(long revision)
    {
        for (; Current is { } change && change.Revision <= revision; _next++)
        {
            if (IsWanted(change))
                return change;
        }
        return null;
    }

    public void Skip() => _next++;

    public void SkipUpTo(long revision)
    {
        while (Current is { } change && change.Revision <= revision)
            _next++;
    }

    private StoreEvent? Current
    {
        get
        {
            if (_places is not null)
                return _next < _places.Count ? _timeline.Events[_places[_next]] : null;
            return _next < _timeline.Events.Count ? _timeline.Events[_next] : null;
        }
    }

    private bool IsWanted(StoreEvent change) => (change.After is null ? _withDeletes : _withPuts) && _keys.Contains(change.Key);
}
