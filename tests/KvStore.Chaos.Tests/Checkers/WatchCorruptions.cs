using Google.Protobuf;
using KvStore.Chaos.History;
using KvStore.Chaos.Tests.Generation;
using KvStore.Protocol;

namespace KvStore.Chaos.Tests.Checkers;

/// <summary>What a watch would be told by a store that forgets, repeats, reorders or runs ahead.</summary>
internal static class WatchCorruptions
{
    public static Dictionary<string, Corrupt> All { get; } = new()
    {
        ["an event is missing"] = Missing,
        ["an event comes twice in a message"] = history => OnEvents(history, 1, response =>
            response.Events.Insert(0, response.Events[0].Clone())),
        ["a message comes twice"] = Repeated,
        ["a message is missing"] = Dropped,
        ["two messages are swapped"] = Swapped,
        ["two events are swapped"] = history => OnEvents(history, 2, response =>
            (response.Events[0], response.Events[1]) = (response.Events[1].Clone(), response.Events[0].Clone())),
        ["an event has another version"] = history => OnPut(history, change => change.Kv.Version++),
        ["an event has another creation"] = history => OnPut(history, change => change.Kv.CreateRevision--),
        ["an event has another value"] = history => OnPut(history, change =>
            change.Kv.Value = ByteString.CopyFromUtf8("9.999999")),
        ["an event has another key"] = history => OnPut(history, change => change.Kv.Key = ByteString.CopyFromUtf8("g/other")),
        ["a put is told as a delete"] = history => OnPut(history, change => change.Type = Event.Types.EventType.Delete),
        ["a previous value is another"] = history => OnPut(history, change => change.PrevKv.Version += 2, needsPrevious: true),
        ["a previous value is missing, though not compacted"] = LostPrevious,
        ["a previous value is told where there was none"] = InventedPrevious,
        ["an event is ahead of its member"] = AheadOfMember,
        ["a revision is split over two messages"] = Split,
        ["progress is ahead of the events"] = ProgressAhead,
        ["progress goes back"] = ProgressBack,
        ["a cancelled watch is told more"] = ToldAfterItsEnd,
        ["a compaction is told that nobody asked for"] = history => OnCompacted(history, response =>
            response.CompactRevision += 1000),
        ["a compaction ends a watch that is beyond it"] = EndedWithoutNeed,
        ["a watch is ended without a reason"] = history => OnCompacted(history, response => response.CompactRevision = 0),
        ["a filter lets something through"] = FilterLets,
        ["an answer is for no watch"] = history => OnEvents(history, 1, response => response.WatchId = 55),
        ["a watch goes on behind what it was told"] = ResumedPast,
    };

    /// <summary>Of the watch of everything: whatever is wrong there is seen by its next message at the latest.</summary>
    private static IEnumerable<HistoryRecord> Audited(CorruptedHistory history)
    {
        var streams = history.Records.Where(record => record.WatchSent is { Client: 1 }).Select(record =>
            record.WatchSent.Stream).ToHashSet();
        return history.Records.Where(record => record.WatchReceived is { } received && streams.Contains(received.Stream));
    }

    private static IEnumerable<HistoryRecord> Messages(CorruptedHistory history) =>
        Audited(history).Where(record => record.WatchReceived.Response.Events.Count > 0);

    private static bool OnEvents(CorruptedHistory history, int least, Action<WatchResponse> change)
    {
        if (!history.Pick(Messages(history).Where(record => record.WatchReceived.Response.Events.Count >= least), out var record))
            return false;
        change(record.WatchReceived.Response);
        return true;
    }

    private static bool OnPut(CorruptedHistory history, Action<Event> change, bool needsPrevious = false)
    {
        var events = Messages(history).SelectMany(record => record.WatchReceived.Response.Events)
            .Where(told => told.Type == Event.Types.EventType.Put && (!needsPrevious || told.PrevKv is not null));
        if (!history.Pick(events, out var picked))
            return false;
        change(picked);
        return true;
    }

    private static bool Repeated(CorruptedHistory history)
    {
        if (!history.Pick(Messages(history), out var record))
            return false;
        history.Records.Insert(history.Records.IndexOf(record), record.Clone());
        return true;
    }

    /// <summary>Of changes that were acknowledged: of others it may be the only trace.</summary>
    private static IEnumerable<HistoryRecord> AcknowledgedMessages(CorruptedHistory history)
    {
        var acknowledged = history.Operations.Where(operation =>
            operation.Request.RpcCase is Request.RpcOneofCase.Put or Request.RpcOneofCase.DeleteRange)
            .Select(CorruptedHistory.RevisionOf).ToHashSet();
        return Messages(history).Where(record => record.WatchReceived.Response.Events.All(change =>
            acknowledged.Contains(change.Kv.ModRevision)));
    }

    private static bool Missing(CorruptedHistory history)
    {
        if (!history.Pick(AcknowledgedMessages(history), out var record))
            return false;
        var events = record.WatchReceived.Response.Events;
        events.RemoveAt(history.Random.Next(events.Count));
        return events.Count > 0 || history.Records.Remove(record);
    }

    private static bool Dropped(CorruptedHistory history) => history.Pick(AcknowledgedMessages(history), out var record)
        && history.Records.Remove(record);

    private static bool Swapped(CorruptedHistory history)
    {
        var messages = Messages(history).ToList();
        for (int i = 1; i < messages.Count; i++)
        {
            var (first, second) = (messages[i - 1].WatchReceived, messages[i].WatchReceived);
            if (first.Stream != second.Stream)
                continue;
            (first.Response, second.Response) = (second.Response, first.Response);
            return true;
        }
        return false;
    }

    private static bool LostPrevious(CorruptedHistory history)
    {
        long compacted = history.Operations.Where(operation => operation.Request.Compaction is not null)
            .Select(operation => operation.Request.Compaction.Revision).DefaultIfEmpty().Max();
        var events = Messages(history).SelectMany(record => record.WatchReceived.Response.Events)
            .Where(told => told.PrevKv is not null && told.Kv.ModRevision > compacted);
        if (!history.Pick(events, out var picked))
            return false;
        picked.PrevKv = null;
        return true;
    }

    private static bool InventedPrevious(CorruptedHistory history)
    {
        var events = Messages(history).SelectMany(record => record.WatchReceived.Response.Events)
            .Where(told => told.Type == Event.Types.EventType.Put && told.Kv.CreateRevision == told.Kv.ModRevision);
        if (!history.Pick(events, out var picked))
            return false;
        picked.PrevKv = picked.Kv.Clone();
        return true;
    }

    private static bool AheadOfMember(CorruptedHistory history) =>
        OnEvents(history, 1, response => response.Header.Revision = response.Events[^1].Kv.ModRevision - 1);

    private static bool Split(CorruptedHistory history)
    {
        foreach (var record in Messages(history))
        {
            var events = record.WatchReceived.Response.Events;
            for (int i = 1; i < events.Count; i++)
            {
                if (record.WatchReceived.Response.Fragment || events[i - 1].Kv.ModRevision != events[i].Kv.ModRevision)
                    continue;
                var rest = record.Clone();
                rest.WatchReceived.Response.Events.Clear();
                rest.WatchReceived.Response.Events.Add(events.Skip(i));
                var kept = events.Take(i).ToList();
                events.Clear();
                events.Add(kept);
                history.Records.Insert(history.Records.IndexOf(record) + 1, rest);
                return true;
            }
        }
        return false;
    }

    private static bool ProgressAhead(CorruptedHistory history)
    {
        if (!history.Pick(Messages(history).Where(record => record.WatchReceived.Response.Events.Count > 0), out var record))
            return false;
        var progress = record.Clone();
        progress.WatchReceived.Response.Header.Revision = record.WatchReceived.Response.Events[0].Kv.ModRevision;
        progress.WatchReceived.Response.Events.Clear();
        history.Records.Insert(history.Records.IndexOf(record), progress);
        return true;
    }

    private static bool ProgressBack(CorruptedHistory history)
    {
        if (!history.Pick(Messages(history).Where(record => !record.WatchReceived.Response.Fragment), out var record))
            return false;
        var progress = record.Clone();
        progress.WatchReceived.Response.Header.Revision = record.WatchReceived.Response.Events[^1].Kv.ModRevision - 1;
        progress.WatchReceived.Response.Events.Clear();
        history.Records.Insert(history.Records.IndexOf(record) + 1, progress);
        return true;
    }

    private static bool ToldAfterItsEnd(CorruptedHistory history)
    {
        if (!history.Pick(history.Records.Where(record => record.WatchReceived is { Response.Canceled: true }), out var record))
            return false;
        var more = record.Clone();
        more.WatchReceived.Response.Canceled = false;
        history.Records.Insert(history.Records.IndexOf(record) + 1, more);
        return true;
    }

    private static bool OnCompacted(CorruptedHistory history, Action<WatchResponse> change)
    {
        if (!history.Pick(history.Received.Where(received => received.Response.CompactRevision > 0), out var received))
            return false;
        change(received.Response);
        return true;
    }

    private static bool EndedWithoutNeed(CorruptedHistory history)
    {
        if (!history.Pick(Audited(history).Where(record => record.WatchReceived.Response.Created), out var record))
            return false;
        var sent = history.Records.Select(other => other.WatchSent).First(sent => sent?.Stream == record.WatchReceived.Stream);
        var end = record.Clone();
        end.WatchReceived.Response.Created = false;
        end.WatchReceived.Response.Canceled = true;
        end.WatchReceived.Response.CompactRevision = sent.Request.CreateRequest.StartRevision;
        history.Records.Insert(history.Records.IndexOf(record) + 1, end);
        return true;
    }

    private static bool FilterLets(CorruptedHistory history)
    {
        // What it was told becomes what it did not want.
        foreach (var received in Messages(history).Select(record => record.WatchReceived))
        {
            var sent = history.Records.Select(other => other.WatchSent).First(sent => sent?.Stream == received.Stream);
            sent.Request.CreateRequest.Filters.Add(received.Response.Events[0].Type == Event.Types.EventType.Put
                ? WatchCreateRequest.Types.FilterType.Noput : WatchCreateRequest.Types.FilterType.Nodelete);
            return true;
        }
        return false;
    }

    private static bool ResumedPast(CorruptedHistory history)
    {
        // The changes between the two starts are in no answer, and the one before had not been told of them.
        var resumed = history.Records.Where(record => record.WatchSent is { ResumesStream: > 0, Client: 1 }
            && history.Records.Exists(other => other.WatchReceived is { } received && received.Stream == record.WatchSent.Stream
                && received.Response.Events.Count > 0));
        if (!history.Pick(resumed, out var record))
            return false;
        record.WatchSent.Request.CreateRequest.StartRevision = history.Origin.Model.Revision + 5;
        history.Records.RemoveAll(other => other.WatchReceived?.Stream == record.WatchSent.Stream);
        return true;
    }
}
