using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;
using KvStore.Protocol;

namespace KvStore.Chaos.Checkers.Watches;

/// <summary>Holds all that one watch was told against the timeline.</summary>
internal sealed class WatchAudit(WatchHistory watch, Timeline timeline, IReadOnlyList<Operation> compactions, bool isComplete,
    CheckResult result)
{
    private readonly List<Event> _message = [];
    private WantedEvents? _wanted;
    private long _told;
    private bool _isCancelled;

    /// <summary>What it was told from here on is not judged: the timeline does not reach so far, or it has gone wrong
    /// already.</summary>
    private bool _isGivenUp;

    /// <summary>The first revision that it was not told of yet; 0 until the store said what "now" is.</summary>
    public long NextRevision { get; private set; } = watch.Request.StartRevision;

    public bool IsCompacted { get; private set; }

    public void Check()
    {
        foreach (var received in watch.Responses)
        {
            if (_isGivenUp)
                return;
            Take(received);
        }
    }

    private void Take(WatchReceived received)
    {
        var response = received.Response;
        // What is for all watches of a stream is not for those that are not there yet, or no longer.
        if (response.WatchId != watch.WatchId && (_wanted is null || _isCancelled))
            return;
        if (_isCancelled)
            Violate("told after its end", received, $"was told of {Describe(response)} after its end");
        else if (response.Canceled)
            Cancel(received);
        else if (response.Created)
            Create(received);
        else if (_wanted is null)
            Violate("told before its creation", received, $"was told of {Describe(response)} before it was created");
        else if (response.Events.Count > 0)
            TakeEvents(received);
        else
            TakeProgress(received);
    }

    private void Create(WatchReceived received)
    {
        if (_wanted is not null)
        {
            Violate("created twice", received, "was created twice");
            return;
        }
        if (NextRevision == 0)
            NextRevision = received.Response.Header.Revision + 1;
        _wanted = new WantedEvents(timeline, watch.Request, NextRevision);
        result.Count("watches");
    }

    private void TakeEvents(WatchReceived received)
    {
        var response = received.Response;
        if (response.Events.FirstOrDefault(change => change.Kv.ModRevision > response.Header.Revision) is { } ahead)
        {
            Violate("event ahead of its member", received,
                $"was told of revision {ahead.Kv.ModRevision} by a member that was at {response.Header.Revision}");
            return;
        }
        _message.AddRange(response.Events);
        result.Count("events", response.Events.Count);
        if (response.Fragment)
            return;
        int from = 0;
        while (from < _message.Count && !_isGivenUp)
        {
            long revision = _message[from].Kv.ModRevision;
            int to = from + 1;
            while (to < _message.Count && _message[to].Kv.ModRevision == revision)
                to++;
            TakeRevision(revision, _message[from..to], received);
            from = to;
        }
        _message.Clear();
    }

    /// <summary>All events of one revision that came in one message.</summary>
    private void TakeRevision(long revision, List<Event> events, WatchReceived received)
    {
        if (revision < NextRevision)
        {
            string why = revision <= _told ? "which it had been told before" : $"though it was to begin at {NextRevision}";
            Violate("old event", received, $"was told of {Describe(events[0])} at revision {revision}, {why}");
            return;
        }
        if (revision > timeline.LastRevision)
        {
            _isGivenUp = true;
            return;
        }
        if (_wanted!.PeekUpTo(revision - 1) is { } missed)
        {
            Violate("missing event", received,
                $"was told of revision {revision} without having been told of {Describe(missed)} at revision {missed.Revision}");
            return;
        }
        foreach (var told in events)
        {
            if (!IsNext(told, revision, received))
                return;
        }
        if (_wanted.PeekUpTo(revision) is { } rest)
        {
            Violate("revision split", received,
                $"was told of a part of revision {revision}: {Describe(rest)} is not in the same message");
            return;
        }
        (_told, NextRevision) = (revision, revision + 1);
    }

    private bool IsNext(Event told, long revision, WatchReceived received)
    {
        if (_wanted!.PeekUpTo(revision) is not { } expected)
        {
            Violate("event that was not", received,
                $"was told of {Describe(told)} at revision {revision}: there is no such event that it asked for");
            return false;
        }
        _wanted.Skip();
        if (!IsSame(told, expected))
        {
            Violate("wrong event", received,
                $"was told of {Describe(told)} at revision {revision}, the store made {Describe(expected)}");
            return false;
        }
        if (!expected.IsCertain || IsPreviousRight(told, expected, received.At))
            return true;
        Violate("wrong prev_kv", received,
            $"was told of {Describe(told)} at revision {revision} with {Wording.Of(told.PrevKv)} as what was before; it was {Wording.Of(expected.Before)}");
        return false;
    }

    private static bool IsSame(Event told, StoreEvent expected)
    {
        if (expected.After is null)
        {
            return told.Type == Event.Types.EventType.Delete && told.Kv.Key.Equals(expected.Key)
                && told.Kv.ModRevision == expected.Revision
                && told.Kv.Value.IsEmpty && told.Kv.CreateRevision == 0 && told.Kv.Version == 0 && told.Kv.Lease == 0;
        }
        if (told.Type != Event.Types.EventType.Put)
            return false;
        return expected.IsCertain ? told.Kv.Equals(expected.After) : told.Kv.Key.Equals(expected.Key)
            && told.Kv.Value.Equals(expected.After.Value);
    }

    /// <summary>It may be left out only where it is compacted: when the revision before the event's is.</summary>
    private bool IsPreviousRight(Event told, StoreEvent expected, long at)
    {
        if (!watch.Request.PrevKv || expected.Before is null)
            return told.PrevKv is null;
        if (told.PrevKv is not null)
            return told.PrevKv.Equals(expected.Before);
        return !isComplete || compactions.Any(compaction => compaction.CalledAt <= at
            && compaction.Request.Compaction.Revision >= expected.Revision);
    }

    private void TakeProgress(WatchReceived received)
    {
        long revision = received.Response.Header.Revision;
        if (_message.Count > 0)
            Violate("progress within a message", received, "was told of its progress between the fragments of one message");
        else if (revision < _told)
            Violate("progress went back", received,
                $"was told that it is at revision {revision}, and had been told of {_told} before");
        else if (_wanted!.PeekUpTo(revision) is { } missed)
            Violate("progress ahead of events", received,
                $"was told that it is at revision {revision}, but not of {Describe(missed)} at {missed.Revision}");
        else
        {
            _told = revision;
            NextRevision = Math.Max(NextRevision, revision + 1);
            result.Count("bookmarks");
        }
    }

    private void Cancel(WatchReceived received)
    {
        _isCancelled = true;
        long compacted = received.Response.CompactRevision;
        if (watch.CancelSentAt <= received.At)
            return;
        if (compacted == 0)
        {
            Violate("ended by the store", received, $"was ended by the store: {received.Response.CancelReason}");
            return;
        }
        IsCompacted = true;
        result.Count("watches ended by compaction");
        if (NextRevision >= compacted)
            Violate("compacted without need", received,
                $"was ended for the compaction at {compacted}, though it went on from {NextRevision}");
        else if (isComplete && !compactions.Any(compaction => compaction.CalledAt <= received.At
            && compaction.Request.Compaction.Revision == compacted))
            Violate("wrong compact revision", received,
                $"was told that revision {compacted} is compacted, for which nobody asked");
    }

    private void Violate(string kind, WatchReceived received, string what)
    {
        _isGivenUp = true;
        result.Violate(kind, $"{watch} of {Wording.Of(new KeyInterval(watch.Request.Key, watch.Request.RangeEnd))} {what}",
            received.At, Evidence.Of(received));
    }

    private static string Describe(WatchResponse response) =>
        response.Events.Count > 0 ? Describe(response.Events[0]) : response.Created ? "its creation"
            : $"revision {response.Header?.Revision}";

    private static string Describe(Event told) =>
        told.Type == Event.Types.EventType.Delete ? $"the delete of {Wording.Of(told.Kv.Key)}"
            : $"the put of {Wording.Of(told.Kv)}";

    private static string Describe(StoreEvent change) =>
        change.After is null ? $"the delete of {Wording.Of(change.Key)}" : $"the put of {Wording.Of(change.After)}";
}
