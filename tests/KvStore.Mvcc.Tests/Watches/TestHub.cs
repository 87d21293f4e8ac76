using KvStore.Mvcc.Watches;
using KvStore.Protocol;
using static KvStore.Mvcc.Tests.Support.Build;

namespace KvStore.Mvcc.Tests.Watches;

/// <summary>A hub over a fake history, stepped by the test.</summary>
internal sealed class TestHub
{
    private bool _isWoken;

    public TestHub(WatchHubOptions? options = null)
    {
        Hub = new WatchHub(Source, options ?? new WatchHubOptions(), () => _isWoken = true);
        Stream = Open();
    }

    public FakeWatchSource Source { get; } = new();

    public WatchHub Hub { get; }

    public WatchStream Stream { get; }

    /// <summary>How often receivers were told that they may go on.</summary>
    public int ReceiverWakes { get; private set; }

    public WatchStream Open() => Hub.OpenStream(() => { }, () => ReceiverWakes++);

    /// <summary>Applies one revision, as the apply loop does.</summary>
    public TestHub Commit(params string[] changes)
    {
        var events = Source.Commit(changes);
        Hub.Publish(Source.CurrentRevision, events);
        Hub.Wake();
        return this;
    }

    public TestHub Compact(long revision)
    {
        Source.CompactRevision = revision;
        return this;
    }

    public TestHub Watch(
        string key, string end = "", long start = 0, long id = 0, bool prevKv = false, bool fragment = false, bool progress = false,
        WatchCreateRequest.Types.FilterType[]? filters = null, WatchStream? stream = null)
    {
        var request = new WatchCreateRequest
        {
            Key = Bytes(key), RangeEnd = Bytes(end), StartRevision = start, WatchId = id, PrevKv = prevKv, Fragment = fragment, ProgressNotify = progress,
        };
        request.Filters.Add(filters ?? []);
        (stream ?? Stream).Create(request);
        return this;
    }

    /// <summary>Steps the hub as its loop would: while it was woken or says there is more.</summary>
    public TestHub Run()
    {
        for (int steps = 0; _isWoken; steps++)
        {
            Assert.True(steps < 10_000, "the hub never comes to rest");
            _isWoken = false;
            _isWoken |= Hub.Step();
        }
        return this;
    }

    /// <summary>What has come on the stream, a line each.</summary>
    public string[] Taken(WatchStream? stream = null, int most = int.MaxValue)
    {
        Run();
        var lines = new List<string>();
        while (lines.Count < most && (stream ?? Stream).TryTake(out var message))
            lines.Add(Text(message));
        return [.. lines];
    }

    /// <summary>All that comes, the hub running whenever the reader made room.</summary>
    public List<WatchMessage> TakeAll(WatchStream? stream = null)
    {
        var messages = new List<WatchMessage>();
        Run();
        while ((stream ?? Stream).TryTake(out var message))
        {
            messages.Add(message);
            Run();
        }
        return messages;
    }

    /// <summary>"0@3 2/0 a=1" is watch 0, header revision 3, a put at 2.0.</summary>
    public static string Text(WatchMessage message) => string.Join(' ', new[]
    {
        $"{message.WatchId}@{message.HeaderRevision}",
        message.IsCreated ? "created" : "",
        message.IsCanceled ? "canceled" : "",
        message.CompactRevision != 0 ? $"compacted {message.CompactRevision}" : "",
        message.CancelReason,
        string.Join(", ", message.Events.Select(Text)),
        message.IsFragment ? "..." : "",
    }.Where(part => part.Length > 0));

    private static string Text(WatchedEvent change)
    {
        string previous = change.Previous.IsEmpty ? "" : $" was {Value(change.Previous)}";
        return $"{change.Event.Revision} {(change.Event.IsDelete ? "-" : "")}{Value(change.Event.KeyValue)}{previous}";
    }

    private static string Value(ReadOnlyMemory<byte> bytes)
    {
        var kv = KeyValue.Parser.ParseFrom(bytes.Span);
        return kv.Value.IsEmpty ? kv.Key.ToStringUtf8() : $"{kv.Key.ToStringUtf8()}={kv.Value.ToStringUtf8()}";
    }
}
