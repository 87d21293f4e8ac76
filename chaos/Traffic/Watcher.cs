using KvStore.Protocol;

namespace KvStore.Chaos.Traffic;

/// <summary>A client with some watches on one stream, which moves from member to member and goes on where it was.</summary>
internal sealed class Watcher(TrafficContext context, int number, string prefix, int keyCount) : Worker(context, number)
{
    private const int WatchesAtMost = 5;

    private readonly List<LastingWatch> _watches = [];
    private long _lastId;

    protected override TimeSpan Pause => TimeSpan.FromMilliseconds(200);

    // One life of the stream.
    protected override async Task StepAsync()
    {
        MoveOn();
        _watches.RemoveAll(watch => watch.IsOver || watch.IsEnding || Chance(.15));
        while (_watches.Count == 0 || (_watches.Count < WatchesAtMost && Chance(.7)))
            _watches.Add(new LastingWatch(++_lastId, NewWish()));
        using var client = new RecordedClient(Recorder, Context.Members);
        using var stream = new RecordedWatchStream(client, Member);
        using var life = CancellationTokenSource.CreateLinkedTokenSource(Stopping);
        life.CancelAfter(TimeSpan.FromSeconds(Random.Next(2, 20)));
        foreach (var watch in _watches)
        {
            if (!await watch.BeginAsync(stream))
                break;
        }
        if (Chance(.5))
            await stream.SendAsync(new WatchRequest { ProgressRequest = new WatchProgressRequest() });
        await ReadAsync(stream, life.Token);
    }

    private async Task ReadAsync(RecordedWatchStream stream, CancellationToken life)
    {
        while (await stream.ReadAsync(life) is { } response)
        {
            Context.SawRevision(response.Header.Revision);
            foreach (var watch in _watches.Where(watch => response.WatchId == -1 || watch.Id == response.WatchId))
                Context.Watched(watch, response);
            if (_watches.TrueForAll(watch => watch.IsOver))
                return;
            if (Chance(.01))
                await stream.SendAsync(new WatchRequest { ProgressRequest = new WatchProgressRequest() });
            else if (Chance(.003) && _watches[Random.Next(_watches.Count)] is { IsOver: false, IsEnding: false } some)
                await some.EndAsync(stream);
        }
    }

    private WatchCreateRequest NewWish()
    {
        var wish = new WatchCreateRequest
        {
            PrevKv = Chance(.4),
            ProgressNotify = Chance(.4),
            Fragment = Chance(.5),
            // The past: some of it may be compacted away.
            StartRevision = Random.Next(20) switch
            {
                < 8 => Math.Max(1, Context.LatestRevision - Random.Next(2000)),
                8 => Context.LatestRevision + 20,
                _ => 0,
            },
        };
        if (Chance(.15))
            wish.Filters.Add(WatchCreateRequest.Types.FilterType.Noput);
        else if (Chance(.15))
            wish.Filters.Add(WatchCreateRequest.Types.FilterType.Nodelete);
        SetRange(wish);
        return wish;
    }

    private void SetRange(WatchCreateRequest wish)
    {
        int first = Random.Next(keyCount);
        switch (Random.Next(3))
        {
            case 0:
                wish.Key = Requests.Utf8($"{prefix}{first:x2}");
                break;
            case 1:
                wish.Key = Requests.Utf8($"{prefix}{first:x2}");
                wish.RangeEnd = Requests.Utf8($"{prefix}{Random.Next(first, keyCount):x2}~");
                break;
            default:
                var all = Requests.GetPrefix(prefix);
                (wish.Key, wish.RangeEnd) = (all.Key, all.RangeEnd);
                break;
        }
    }
}
