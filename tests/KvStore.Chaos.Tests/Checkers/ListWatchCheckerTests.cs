using Google.Protobuf;
using KvStore.Chaos.Checkers.Listings;
using KvStore.Chaos.Checkers.Revisions;
using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;
using KvStore.Chaos.Tests.Generation;
using KvStore.Protocol;

namespace KvStore.Chaos.Tests.Checkers;

public sealed class ListWatchCheckerTests
{
    private static readonly TrafficMix Mix = new() { Listings = 1, OperationCount = 50, ClientCount = 4, UnknownPercent = 4 };

    private static readonly KeyInterval Objects = KeyInterval.Prefix(ListWatchChecker.Prefix);

    private static readonly Dictionary<string, Corrupt> All = new()
    {
        ["a list lacks an object"] = history => OnList(history, range => range.Kvs.RemoveAt(0)),
        ["a list has an object of another version"] = history => OnList(history, range => range.Kvs[0].Version++),
        ["a list has an object of another time"] = history => OnList(history, range => range.Kvs[^1].ModRevision--),
        ["an event is missing"] = history => OnEvents(history, events => events.RemoveAt(events.Count - 1)),
        ["an event has another value"] = history => OnEvents(history, events =>
            events[0].Kv.Value = ByteString.CopyFromUtf8("9.999999"), isPut: true),
        ["an event is of another object"] = history => OnEvents(history, events =>
            events[0].Kv.Key = ByteString.CopyFromUtf8("o/other"), isPut: true),
        ["a delete is told as a put"] = DeleteToldAsPut,
    };

    public static TheoryData<string> Corruptions() => [.. All.Keys];

    [Theory]
    [MemberData(nameof(Corruptions))]
    public void A_history_is_rejected_in_which(string corruption) => Assert.Empty(CorruptedHistory.Undetected(
        corruption, All[corruption], Mix, count: 30, history => ListWatchChecker.Check(history,
            RevisionOrderChecker.Check(history).Timeline)));

    private static IEnumerable<WatchSent> Mirrors(CorruptedHistory history) => history.Records.Select(record => record.WatchSent)
        .Where(sent => sent?.Request.CreateRequest is { } create && sent.ResumesStream == 0 && create.Key.Equals(Objects.Key)
            && create.RangeEnd.Equals(Objects.End));

    /// <summary>Pages of a list from which a watch went on.</summary>
    private static bool OnList(CorruptedHistory history, Action<RangeResponse> change)
    {
        var clients = Mirrors(history).Select(sent =>
            (sent.Client, Revision: sent.Request.CreateRequest.StartRevision - 1)).ToHashSet();
        var pages = history.Operations.Where(operation => operation.Outcome == Outcome.Ok && operation.Request.Range is { } range
            && range.RangeEnd.Equals(Objects.End)
            && clients.Contains((operation.Client, range.Revision == 0 ? CorruptedHistory.RevisionOf(operation) : range.Revision))
                && operation.Response.Range.Kvs.Count > 0
            && !operation.Response.Range.More);
        if (!history.Pick(pages, out var page))
            return false;
        change(page.Response.Range);
        return true;
    }

    /// <summary>Messages of such a watch that are followed by another on the same stream.</summary>
    private static IEnumerable<WatchResponse> Messages(CorruptedHistory history)
    {
        var streams = Mirrors(history).Select(sent => sent.Stream).ToHashSet();
        return history.Received.Where(received => streams.Contains(received.Stream) && received.Response.Events.Count > 0
            && history.Received.Any(later => later.Stream == received.Stream && later.At > received.At
                && !later.Response.Canceled)).Select(received => received.Response);
    }

    private static bool OnEvents(CorruptedHistory history, Action<Google.Protobuf.Collections.RepeatedField<Event>> change,
        bool isPut = false)
    {
        if (!history.Pick(Messages(history).Where(message => !isPut || message.Events[0].Type == Event.Types.EventType.Put),
            out var message))
            return false;
        change(message.Events);
        // Without events it would be a bookmark.
        if (message.Events.Count == 0)
            history.Records.RemoveAll(record => ReferenceEquals(record.WatchReceived?.Response, message));
        return true;
    }

    private static bool DeleteToldAsPut(CorruptedHistory history)
    {
        if (!history.Pick(Messages(history).SelectMany(message => message.Events).Where(change =>
            change.Type == Event.Types.EventType.Delete), out var picked))
            return false;
        picked.Type = Event.Types.EventType.Put;
        return true;
    }
}
