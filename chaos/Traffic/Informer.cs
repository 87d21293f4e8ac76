using Google.Protobuf;
using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>List and watch as Kubernetes does: a list in pages, all at the revision of the first, then a watch from there on with
/// bookmarks; after a break it goes on elsewhere, and lists anew only where that cannot be.</summary>
internal sealed class Informer(TrafficContext context, int number, string prefix) : Worker(context, number)
{
    private const int PageSize = 10;

    private LastingWatch? _watch;
    private long _lastId;

    protected override TimeSpan Pause => TimeSpan.FromMilliseconds(300);

    protected override async Task StepAsync()
    {
        MoveOn();
        if (_watch is null || _watch.IsOver || Chance(.1))
        {
            long revision = await ListAsync();
            if (revision == 0)
                return;
            _watch = new LastingWatch(++_lastId, Wish(revision + 1));
        }
        await WatchAsync(_watch);
    }

    /// <returns>The revision of the list; 0 if it did not come to its end.</returns>
    private async Task<long> ListAsync()
    {
        var page = Requests.GetPrefix(prefix);
        page.Limit = PageSize;
        while (true)
        {
            var answer = await CallAsync(Rpcs.Range, page);
            if (!answer.IsOk)
                return 0;
            if (page.Revision == 0)
                page.Revision = answer.Response.Header.Revision;
            if (!answer.Response.More)
                return page.Revision;
            // The key behind the last one.
            page = page.Clone();
            page.Key = ByteString.CopyFrom([.. answer.Response.Kvs[^1].Key.Span, 0]);
        }
    }

    private async Task WatchAsync(LastingWatch watch)
    {
        // The client that has listed, unless it was retired since.
        using var stream = new RecordedWatchStream(Client, Member);
        using var life = CancellationTokenSource.CreateLinkedTokenSource(Stopping);
        life.CancelAfter(TimeSpan.FromSeconds(Random.Next(3, 25)));
        if (!await watch.BeginAsync(stream))
            return;
        while (!watch.IsOver && await stream.ReadAsync(life.Token) is { } response)
            Context.Watched(watch, response);
    }

    private WatchCreateRequest Wish(long start)
    {
        var all = Requests.GetPrefix(prefix);
        return new WatchCreateRequest
        {
            Key = all.Key, RangeEnd = all.RangeEnd, StartRevision = start, PrevKv = true, ProgressNotify = true,
        };
    }
}
