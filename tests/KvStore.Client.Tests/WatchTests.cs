using Google.Protobuf;
using KvStore.Client.Tests.Servers;
using KvStore.Client.Tests.Support;
using KvStore.Grpc;
using KvStore.Protocol;
using Stream = KvStore.Client.Tests.Servers.ScriptedStream<KvStore.Protocol.WatchRequest, KvStore.Protocol.WatchResponse>;

namespace KvStore.Client.Tests;

/// <summary>Watches against a server that says what a test wants.</summary>
public class WatchTests
{
    private readonly ScriptedStreams<WatchRequest, WatchResponse> _streams = new();

    [Fact]
    public async Task A_broken_stream_is_opened_again_after_the_last_revision_delivered_and_repetitions_are_dropped()
    {
        await using var server = await ServerAsync();
        await using var client = Clients.PatientOf(server.Url);
        var starting = client.Watch.StartAsync("k");
        var stream = await _streams.NextAsync();
        var create = (await stream.NextAsync()).CreateRequest;
        Assert.Equal((0, true, "true"), (create.StartRevision, create.Fragment, stream.Header("hasleader")));
        await ConfirmAsync(stream, create.WatchId, revision: 10);
        await using var watch = await starting.Soon();
        await stream.SendAsync(EventsOf(create.WatchId, 11, 11, 13));
        Assert.Equal([11, 11, 13], await RevisionsAsync(watch));

        stream.Fail(StatusCode.Unavailable, "etcdserver: no leader");
        stream = await _streams.NextAsync();
        var again = (await stream.NextAsync()).CreateRequest;
        Assert.Equal(14, again.StartRevision);
        Assert.NotEqual(create.WatchId, again.WatchId);
        await ConfirmAsync(stream, again.WatchId, revision: 20);
        await stream.SendAsync(EventsOf(again.WatchId, 11, 13, 14));

        Assert.Equal([14], await RevisionsAsync(watch));
    }

    [Fact]
    public async Task A_watch_that_saw_no_event_goes_on_from_where_it_began_or_from_the_last_progress()
    {
        await using var server = await ServerAsync();
        await using var client = Clients.PatientOf(server.Url);
        await using var watch = await StartAsync(client, revision: 10);
        _stream.Fail(StatusCode.Unavailable, "");
        _stream = await _streams.NextAsync();
        var again = (await _stream.NextAsync()).CreateRequest;
        Assert.Equal(11, again.StartRevision);
        await ConfirmAsync(_stream, again.WatchId, revision: 50);

        watch.RequestProgress();
        Assert.NotNull((await _stream.NextAsync()).ProgressRequest);
        await _stream.SendAsync(new WatchResponse { WatchId = -1, Header = new ResponseHeader { Revision = 60 } });
        var progress = await watch.ReadAsync().Soon();
        Assert.Equal((60, true), (progress.Revision, progress.IsProgress));

        _stream.Fail(StatusCode.Unavailable, "");
        Assert.Equal(61, (await (await _streams.NextAsync()).NextAsync()).CreateRequest.StartRevision);
    }

    [Fact]
    public async Task Fragments_become_batches_of_whole_revisions()
    {
        await using var server = await ServerAsync();
        await using var client = Clients.PatientOf(server.Url);
        await using var watch = await StartAsync(client, revision: 1);
        long id = _lastId;

        await _stream.SendAsync(EventsOf(id, isFragment: true, 5, 5, 6, 6));
        await _stream.SendAsync(EventsOf(id, isFragment: true, 6));
        await _stream.SendAsync(EventsOf(id, isFragment: true, 6, 7));
        await _stream.SendAsync(EventsOf(id, 7, 8));

        Assert.Equal([5, 5], await RevisionsAsync(watch));
        Assert.Equal([6, 6, 6, 6], await RevisionsAsync(watch));
        Assert.Equal([7, 7, 8], await RevisionsAsync(watch));
    }

    [Fact]
    public async Task A_stream_that_breaks_within_a_revision_brings_it_once_and_whole()
    {
        await using var server = await ServerAsync();
        await using var client = Clients.PatientOf(server.Url);
        await using var watch = await StartAsync(client, revision: 1);
        await _stream.SendAsync(EventsOf(_lastId, isFragment: true, 5, 6));
        Assert.Equal([5], await RevisionsAsync(watch));

        _stream.Fail(StatusCode.Unavailable, "");
        _stream = await _streams.NextAsync();
        var again = (await _stream.NextAsync()).CreateRequest;
        await ConfirmAsync(_stream, again.WatchId, revision: 9);
        await _stream.SendAsync(EventsOf(again.WatchId, 6, 6));

        Assert.Equal(6, again.StartRevision);
        Assert.Equal([6, 6], await RevisionsAsync(watch));
    }

    [Fact]
    public async Task A_refusal_without_an_id_concerns_the_oldest_creation()
    {
        await using var server = await ServerAsync();
        await using var client = Clients.PatientOf(server.Url);
        await using var first = await StartAsync(client, revision: 1);
        var refused = client.Watch.StartAsync("secret");
        Assert.Equal("secret", (await _stream.NextAsync()).CreateRequest.Key.ToStringUtf8());
        var allowed = client.Watch.StartAsync("open");
        long id = (await _stream.NextAsync()).CreateRequest.WatchId;

        await _stream.SendAsync(new WatchResponse
        {
            Header = new ResponseHeader(),
            WatchId = -1,
            Created = true,
            Canceled = true,
            CancelReason = "rpc error: code = PermissionDenied desc = etcdserver: permission denied",
        });
        await ConfirmAsync(_stream, id, revision: 3);

        var ended = await Assert.ThrowsAsync<WatchEndedException>(() => refused.Soon());
        Assert.True(ended.Is(EtcdErrors.PermissionDenied));
        Assert.Equal(StatusCode.PermissionDenied, ended.Code);
        await using var watch = await allowed.Soon();
        await _stream.SendAsync(EventsOf(id, 4));
        Assert.Equal([4], await RevisionsAsync(watch));
    }

    [Fact]
    public async Task Compaction_ends_a_watch_with_the_revision_after_all_that_came_before_it()
    {
        await using var server = await ServerAsync();
        await using var client = Clients.PatientOf(server.Url);
        await using var watch = await StartAsync(client, revision: 1);
        await _stream.SendAsync(EventsOf(_lastId, 2));
        await _stream.SendAsync(new WatchResponse
        {
            Header = new ResponseHeader(),
            WatchId = _lastId,
            Canceled = true,
            CompactRevision = 99,
        });

        Assert.Equal([2], await RevisionsAsync(watch));
        var compacted = await Assert.ThrowsAsync<WatchCompactedException>(() => watch.ReadAsync().Soon());
        Assert.Equal(99, compacted.CompactRevision);
        await Assert.ThrowsAsync<WatchCompactedException>(() => watch.ReadAsync().Soon());
    }

    [Fact]
    public async Task A_slow_reader_is_held_back_alone_and_misses_nothing()
    {
        await using var server = await ServerAsync();
        await using var client = Clients.PatientOf(server.Url);
        await using var quick = await StartAsync(client, revision: 1);
        long quickId = _lastId;
        await using var slow = await StartAsync(client, revision: 1, new WatchOptions { BufferBytes = 1000 });
        long slowId = _lastId;

        // Four events fill it; the fifth is too many.
        for (long revision = 2; revision <= 6; revision++)
            await _stream.SendAsync(EventsOf(slowId, revision));
        Assert.Equal(slowId, (await _stream.NextAsync()).CancelRequest.WatchId);
        await _stream.SendAsync(EventsOf(slowId, 7)); // Under way already.
        await _stream.SendAsync(new WatchResponse { Header = new ResponseHeader(), WatchId = slowId, Canceled = true });
        await _stream.SendAsync(EventsOf(quickId, 7));
        Assert.Equal([7], await RevisionsAsync(quick));
        Assert.InRange(slow.BufferedBytes, 1000, 2000);
        Assert.False(_stream.TryNext(out _));

        var read = new List<long>();
        while (slow.TryRead(out var batch))
            read.Add(batch.Revision);
        var again = (await _stream.NextAsync()).CreateRequest;
        Assert.Equal(read[^1] + 1, again.StartRevision);
        await ConfirmAsync(_stream, again.WatchId, revision: 8);
        for (long revision = again.StartRevision; revision <= 8; revision++)
        {
            await _stream.SendAsync(EventsOf(again.WatchId, revision));
            read.AddRange(await RevisionsAsync(slow));
        }

        Assert.Equal([2, 3, 4, 5, 6, 7, 8], read);
    }

    [Fact]
    public async Task A_disposed_watch_is_cancelled_at_the_server_and_the_last_one_closes_the_stream()
    {
        await using var server = await ServerAsync();
        await using var client = Clients.PatientOf(server.Url);
        var first = await StartAsync(client, revision: 1);
        long firstId = _lastId;
        var second = await StartAsync(client, revision: 1);

        await first.DisposeAsync();
        Assert.Equal(firstId, (await _stream.NextAsync()).CancelRequest.WatchId);
        Assert.Equal(1, client.Watch.OpenStreamCount);
        await second.DisposeAsync();
        await Waiting.Until(() => client.Watch.OpenStreamCount == 0);

        await Assert.ThrowsAsync<ObjectDisposedException>(() => first.ReadAsync().Soon());
        // And a watch after that finds a stream again.
        await using var third = await StartAsync(client, revision: 1);
    }

    [Fact]
    public async Task A_token_that_is_out_of_date_moves_the_stream_to_a_new_one()
    {
        int tokens = 0;
        await using var server = await ServerAsync();
        server.OnAuthenticate = (_, _) => Task.FromResult(new AuthenticateResponse { Token = $"{++tokens}" });
        await using var client = new EtcdClient(new ClientOptions { Endpoints = [server.Url], UserName = "me" });
        await using var first = await StartAsync(client, revision: 1);
        var second = client.Watch.StartAsync("other");
        await _stream.NextAsync();
        await _stream.SendAsync(new WatchResponse
        {
            Header = new ResponseHeader(),
            WatchId = -1,
            Created = true,
            Canceled = true,
            CancelReason = "rpc error: code = Unauthenticated desc = etcdserver: invalid auth token",
        });

        var stream = await _streams.NextAsync();
        Assert.Equal("2", stream.Header("token"));
        for (int i = 0; i < 2; i++)
            await ConfirmAsync(stream, (await stream.NextAsync()).CreateRequest.WatchId, revision: 1);
        await using var watch = await second.Soon();
    }

    [Fact]
    public async Task A_member_that_confirms_no_watch_is_left_for_another()
    {
        await using var silent = await new ScriptedServer().StartAsync();
        await using var server = await ServerAsync();
        await using var client = new EtcdClient(new ClientOptions
        {
            Endpoints = [silent.Url, server.Url],
            ConnectTimeout = TimeSpan.FromMilliseconds(300),
        });

        // Whichever it begins with, it ends with the one that answers.
        await using var watch = await StartAsync(client, revision: 1);
    }

    [Fact]
    public async Task In_memory_a_watch_works_alike()
    {
        await using var server = new ScriptedServer { OnWatch = _streams.ServeAsync };
        await using var client = new EtcdClient(new ClientOptions { Channel = server.InMemory });
        await using var watch = await StartAsync(client, revision: 1);
        await _stream.SendAsync(EventsOf(_lastId, 2));
        Assert.Equal([2], await RevisionsAsync(watch));

        _stream.Fail(StatusCode.Unavailable, "");
        _stream = await _streams.NextAsync();
        var again = (await _stream.NextAsync()).CreateRequest;
        await ConfirmAsync(_stream, again.WatchId, revision: 2);
        await _stream.SendAsync(EventsOf(again.WatchId, 3));
        Assert.Equal([3], await RevisionsAsync(watch));
    }

    [Fact]
    public async Task Streams_are_added_only_when_those_there_are_full()
    {
        await using var server = await new ScriptedServer { OnWatch = ConfirmAllAsync }.StartAsync();
        await using var client = new EtcdClient(new ClientOptions
        {
            Endpoints = [server.Url],
            WatchesPerStream = 10,
            MaxWatchStreams = 3,
        });

        foreach (int expected in new[] { 1, 2, 3, 3 })
        {
            await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => client.Watch.StartAsync("k"))).Soon();
            Assert.Equal(expected, client.Watch.OpenStreamCount);
        }

        Assert.Equal(3, server.CountOf("Watch"));
    }

    private Stream _stream = null!;
    private long _lastId;

    private Task<ScriptedServer> ServerAsync() => new ScriptedServer { OnWatch = _streams.ServeAsync }.StartAsync();

    private async Task<Watch> StartAsync(EtcdClient client, long revision, WatchOptions? options = null)
    {
        bool isFirst = client.Watch.OpenStreamCount == 0;
        var starting = client.Watch.StartAsync("k", options);
        if (isFirst)
            _stream = await _streams.NextAsync();
        _lastId = (await _stream.NextAsync()).CreateRequest.WatchId;
        await ConfirmAsync(_stream, _lastId, revision);
        return await starting.Soon();
    }

    private static Task ConfirmAsync(Stream stream, long id, long revision) => stream.SendAsync(
        new WatchResponse { WatchId = id, Created = true, Header = new ResponseHeader { Revision = revision } });

    private static async Task ConfirmAllAsync(
        IAsyncStreamReader<WatchRequest> requests, IServerStreamWriter<WatchResponse> responses, ServerCallContext context)
    {
        while (await requests.MoveNext(context.CancellationToken))
        {
            if (requests.Current.CreateRequest is { } create)
                await responses.WriteAsync(new WatchResponse
                {
                    WatchId = create.WatchId,
                    Created = true,
                    Header = new ResponseHeader { Revision = 1 },
                });
        }
    }

    private static WatchResponse EventsOf(long id, params long[] revisions) => EventsOf(id, isFragment: false, revisions);

    private static WatchResponse EventsOf(long id, bool isFragment, params long[] revisions) => new()
    {
        WatchId = id,
        Fragment = isFragment,
        Header = new ResponseHeader { Revision = revisions[^1] + 100 },
        Events =
        {
            revisions.Select(revision => new Event
            {
                Kv = new KeyValue { Key = ByteString.CopyFromUtf8("k"), ModRevision = revision },
            }),
        },
    };

    private static async Task<List<long>> RevisionsAsync(Watch watch)
    {
        var batch = await watch.ReadAsync().Soon();
        Assert.Equal(batch.Events[^1].Kv.ModRevision, batch.Revision);
        return [.. batch.Events.Select(change => change.Kv.ModRevision)];
    }
}
