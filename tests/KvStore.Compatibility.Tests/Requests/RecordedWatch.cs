using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Compatibility.Tests.Requests;

/// <summary>A watch stream whose requests and answers are noted.</summary>
internal sealed class RecordedWatch(RecordedClient client, AsyncDuplexStreamingCall<WatchRequest, WatchResponse> call)
    : RecordedStream<WatchRequest, WatchResponse>(client, call)
{
    public Task CreateAsync(WatchCreateRequest request) => SendAsync(new WatchRequest { CreateRequest = request });

    /// <summary>Creates a watch and notes what comes back.</summary>
    public async Task<WatchResponse> CreatedAsync(WatchCreateRequest request)
    {
        await CreateAsync(request);
        return await NextAsync();
    }

    public Task CancelAsync(long id) =>
        SendAsync(new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = id } });

    public Task AskProgressAsync() => SendAsync(new WatchRequest { ProgressRequest = new WatchProgressRequest() });

    /// <summary>Waits for so many events and notes them watch by watch, whatever messages they came in.</summary>
    /// <remarks>How history is cut into messages, and how those of several watches mix, is a server's own matter. That a
    /// revision is never cut, and that no message runs ahead of its header, is not.</remarks>
    public Task EventsAsync(int count) => EventsAsync((seen, _) => seen >= count);

    /// <summary>The same up to the last event of a revision that changed something.</summary>
    public Task UntilAsync(long revision) => EventsAsync((_, reached) => reached >= revision);

    private async Task EventsAsync(Func<int, long, bool> isEnough)
    {
        var events = new SortedDictionary<long, List<Event>>();
        int seen = 0;
        long reached = 0;
        while (!isEnough(seen, reached))
        {
            var response = await ReadAsync();
            Assert.True(response.Events.Count > 0, $"no events: {MessageText.Of(response)}");
            Assert.True(response.Header.Revision >= response.Events[^1].Kv.ModRevision, MessageText.Of(response));
            if (!events.TryGetValue(response.WatchId, out var known))
                events.Add(response.WatchId, known = []);
            Assert.True(known.Count == 0 || known[^1].Kv.ModRevision < response.Events[0].Kv.ModRevision, "a revision was cut");
            known.AddRange(response.Events);
            seen += response.Events.Count;
            reached = response.Events[^1].Kv.ModRevision;
        }
        foreach (var (id, ofWatch) in events)
            Note($"watch {id}: {string.Join(' ', ofWatch.Select(MessageText.Of))}");
    }
}
