using Google.Protobuf;
using KvStore.Mvcc.Tests.Model;
using KvStore.Mvcc.Watches;
using KvStore.Protocol;

namespace KvStore.Simulation.Clients;

/// <summary>What one watch must be told: each change of its keys, once, in order, over all restarts of the member.</summary>
internal sealed class ExpectedWatch(ModelStore model, WatchCreateRequest request)
{
    /// <summary>Where in the model's events the next one is looked for.</summary>
    private int _next;

    /// <summary>Where that was before the message of which fragments have come, but not the last.</summary>
    private int? _beforeFragments;

    /// <summary>The first revision that it was not told of; 0 until the first creation says what "now" is.</summary>
    private long _resumeAt = request.StartRevision;

    public long EventCount { get; private set; }

    public bool IsCreated { get; private set; }

    public bool IsCompacted { get; private set; }

    /// <summary>The request that goes on where the last stream ended.</summary>
    public WatchCreateRequest Resume()
    {
        (IsCreated, IsCompacted) = (false, false);
        // Fragments without the last are no message: its events come again.
        _next = _beforeFragments ?? _next;
        _beforeFragments = null;
        return new WatchCreateRequest(request) { StartRevision = _resumeAt };
    }

    public void Take(WatchMessage message, long currentRevision)
    {
        Check.Holds(message.HeaderRevision <= currentRevision, $"a watch is told of revision {message.HeaderRevision}, the store is at {currentRevision}");
        if (message.IsCreated)
            Created(message);
        else if (message.IsCanceled)
            Canceled(message);
        else if (message.Events.Count == 0)
            Progressed(message.HeaderRevision);
        else
            TakeEvents(message);
    }

    /// <summary>A progress answer for the whole stream, or for this watch.</summary>
    public void Progressed(long revision)
    {
        Check.Holds(IsCreated, "progress of a watch that was not made");
        Seek();
        Check.Holds(!HasNext || NextRevision > revision, $"progress to {revision}, but the change at {NextOrNone()} was not told");
        _resumeAt = Math.Max(_resumeAt, revision + 1);
    }

    /// <summary>Whether everything up to now was told.</summary>
    public bool IsComplete()
    {
        Seek();
        return IsCreated && !HasNext;
    }

    private bool HasNext => _next < model.Events.Count;

    private long NextRevision => model.Events[_next].KeyValue.ModRevision;

    private string NextOrNone() => HasNext ? NextRevision.ToString() : "none";

    private void Created(WatchMessage message)
    {
        Check.Holds(!message.IsCanceled, $"a watch was refused: {message.CancelReason}");
        if (_resumeAt == 0)
            _resumeAt = message.HeaderRevision + 1;
        IsCreated = true;
    }

    private void Canceled(WatchMessage message)
    {
        bool isRight = message.CompactRevision > _resumeAt && message.CompactRevision <= model.Compacted && message.HeaderRevision == 0;
        Check.Holds(isRight, $"a watch from {_resumeAt} was canceled at compaction {message.CompactRevision}, the store's is {model.Compacted}");
        (IsCreated, IsCompacted, _resumeAt) = (false, true, message.CompactRevision);
    }

    private void TakeEvents(WatchMessage message)
    {
        Check.Holds(IsCreated, "events of a watch that was not made");
        int before = _next;
        long last = 0;
        foreach (var told in message.Events)
        {
            Seek();
            Check.Holds(HasNext, $"a change at {told.Event.Revision} that there never was");
            var expected = model.Events[_next++];
            Check.Equal(expected, new ModelEvent(told.Event.IsDelete, KeyValue.Parser.ParseFrom(told.Event.KeyValue.Span)), "watch event");
            TakePrevious(expected, told);
            last = told.Event.Revision.Main;
            EventCount++;
        }
        Check.Holds(message.HeaderRevision >= last, $"a message of revision {message.HeaderRevision} holds a change at {last}");
        Seek();
        Check.Holds(!HasNext || NextRevision > message.HeaderRevision || message.IsFragment,
            $"a message says that all up to {message.HeaderRevision} was told, but the change at {NextOrNone()} was not");
        if (message.IsFragment)
        {
            _beforeFragments ??= before;
            return;
        }
        _beforeFragments = null;
        _resumeAt = last + 1;
    }

    private void TakePrevious(ModelEvent expected, WatchedEvent told)
    {
        if (!request.PrevKv || told.Event.IsCreate)
        {
            Check.Holds(told.Previous.IsEmpty, $"a previous value that nobody asked for at {told.Event.Revision}");
            return;
        }
        var key = expected.KeyValue.Key;
        long revision = expected.KeyValue.ModRevision;
        // Where one transaction changes a key twice, the model does not know what lived in between.
        if (model.Events.Count(change => change.KeyValue.ModRevision == revision && change.KeyValue.Key.Equals(key)) > 1)
            return;
        if (told.Previous.IsEmpty)
            Check.Holds(revision - 1 < model.Compacted, $"the change at {told.Event.Revision} lacks its previous value");
        else
            Check.Equal(model.Before(key, revision), KeyValue.Parser.ParseFrom(told.Previous.Span), "previous value");
    }

    private void Seek()
    {
        if (_resumeAt == 0)
            return;
        while (HasNext && (NextRevision < _resumeAt || !Matches(model.Events[_next])))
            _next++;
    }

    private bool Matches(ModelEvent change)
    {
        var filter = change.IsDelete ? WatchCreateRequest.Types.FilterType.Nodelete : WatchCreateRequest.Types.FilterType.Noput;
        return !request.Filters.Contains(filter) && IsInRange(change.KeyValue.Key);
    }

    private bool IsInRange(ByteString key)
    {
        if (request.RangeEnd.IsEmpty)
            return key.Equals(request.Key);
        bool isOpen = request.RangeEnd.Length == 1 && request.RangeEnd[0] == 0;
        return key.Span.SequenceCompareTo(request.Key.Span) >= 0 && (isOpen || key.Span.SequenceCompareTo(request.RangeEnd.Span) < 0);
    }
}
