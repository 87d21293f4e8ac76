using Google.Protobuf;
using KvStore.Protocol;
using static KvStore.Protocol.WatchCreateRequest.Types;

namespace KvStore.Compatibility.Tests.Requests;

[Collection(RequestCollection.Name)]
public sealed class WatchTests(RequestServers servers)
{
    [Fact]
    public Task Ids_are_given_and_chosen_alike() => servers.CompareAsync(async etcd =>
    {
        using var watch = etcd.Watch();
        await watch.CreatedAsync(Request.Watch("a"));
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a")) { WatchId = 2 });
        await watch.CreatedAsync(Request.Watch("a"));
        await watch.CreatedAsync(Request.Watch("a"));
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a")) { WatchId = -5 });
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a")) { WatchId = 2 });
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a")) { WatchId = long.MaxValue });
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a")) { WatchId = -5 });
        await watch.CancelAsync(2);
        await watch.NextAsync();
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a")) { WatchId = 2 });
        await watch.CreatedAsync(Request.Watch("a"));
        await watch.CancelAsync(0);
        await watch.NextAsync();
        await watch.CreatedAsync(Request.Watch("a"));

        await etcd.PutAsync("a", "1");
        await watch.EventsAsync(7);
    });

    [Fact]
    public Task What_can_not_be_watched_is_refused_and_the_stream_goes_on() => servers.CompareAsync(async etcd =>
    {
        using var watch = etcd.Watch();
        await watch.CreatedAsync(Request.Watch("b", "a"));
        await watch.CreatedAsync(Request.Watch("a", "a"));
        await watch.CreatedAsync(Request.Watch("a", start: -1));
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("b", "a")) { WatchId = 5, StartRevision = -1 });
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("b", "a")) { WatchId = 5 });
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a")) { WatchId = 5 });
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a")) { Filters = { (FilterType)9 } });
        await etcd.PutAsync("a", "1");
        await watch.EventsAsync(2);
    });

    [Fact]
    public Task Ranges_follow_the_conventions_of_reads() => servers.CompareAsync(async etcd =>
    {
        using var watch = etcd.Watch();
        await watch.CreatedAsync(Request.Watch("b"));
        await watch.CreatedAsync(Request.Watch("b", "d"));
        await watch.CreatedAsync(Request.Watch("b", "\0"));
        await watch.CreatedAsync(Request.Watch("\0", "\0"));
        await watch.CreatedAsync(Request.Watch("", "\0"));
        await watch.CreatedAsync(Request.Watch(""));
        await watch.CreatedAsync(Request.Watch("", "b"));
        await watch.CreatedAsync(Request.Watch("\0"));

        foreach (var (key, events) in ((string, int)[])[("a", 3), ("b", 5), ("c", 4), ("d", 3), ("\0", 5)])
        {
            await etcd.PutAsync(key, "1");
            await watch.EventsAsync(events);
        }
    });

    [Fact]
    public Task Live_events_come_as_they_happen() => servers.CompareAsync(async etcd =>
    {
        using var watch = etcd.Watch();
        await watch.CreatedAsync(Request.Watch("a", "z"));

        await etcd.PutAsync("a", "1");
        await watch.NextAsync();
        await etcd.PutAsync("zz", "outside");
        await etcd.PutAsync("a", "2");
        await watch.NextAsync();
        await etcd.DeleteAsync("nothing");
        await etcd.DeleteAsync("a");
        await watch.NextAsync();
        await etcd.TxnAsync(Request.Txn(success: [Request.Op(Request.Put("b", "1")), Request.Op(Request.Put("c", "1"))]));
        await watch.NextAsync();
        await etcd.DeleteAsync("a", "z");
        await watch.NextAsync();
    });

    [Fact]
    public Task Previous_values_come_when_asked_for() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("a", "0");
        long start = etcd.Revision + 1;
        using var watch = etcd.Watch();
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a", "z")) { PrevKv = true });

        await etcd.PutAsync("a", "1");
        await watch.NextAsync();
        await etcd.DeleteAsync("a");
        await watch.NextAsync();
        await etcd.PutAsync("a", "2");
        await watch.NextAsync();
        await etcd.TxnAsync(Request.Txn(success: [Request.Op(Request.Put("a", "3")), Request.Op(Request.Put("b", "1"))]));
        await watch.NextAsync();
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a", "z", start)) { PrevKv = true });
        await watch.EventsAsync(5);
    });

    [Fact]
    public Task History_is_told_from_any_revision() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("a", "1");
        long first = etcd.Revision;
        await etcd.PutAsync("b", "1");
        await etcd.DeleteAsync("a");
        await etcd.PutAsync("a", "2");
        await etcd.TxnAsync(Request.Txn(success: [Request.Op(Request.Delete("b")), Request.Op(Request.Put("c", "1"))]));
        using var watch = etcd.Watch();

        for (long start = first; start <= etcd.Revision; start++)
        {
            await watch.CreatedAsync(Request.Watch("a", "z", start));
            await watch.EventsAsync((int)(first + 4 - start + 2));
        }
        await watch.CreatedAsync(Request.Watch("b", start: first));
        await watch.EventsAsync(2);
        await watch.CreatedAsync(Request.Watch("zz never written", start: first));
        await etcd.PutAsync("zz never written", "but now");
        await watch.EventsAsync(1);
    });

    [Fact]
    public Task A_future_start_waits_in_silence() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("a", "1");
        using var watch = etcd.Watch();
        await watch.CreatedAsync(Request.Watch("a", start: etcd.Revision + 3));

        await etcd.PutAsync("a", "2");
        await etcd.PutAsync("a", "3");
        await etcd.PutAsync("a", "4");
        await watch.EventsAsync(1);
        await etcd.PutAsync("a", "5");
        await watch.EventsAsync(1);
    });

    [Fact]
    public Task A_start_at_the_next_revision_tells_what_comes() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("a", "1");
        using var watch = etcd.Watch();
        await watch.CreatedAsync(Request.Watch("a", start: etcd.Revision + 1));
        await etcd.PutAsync("a", "2");
        await watch.NextAsync();
        await watch.CreatedAsync(Request.Watch("a", start: etcd.Revision));
        await watch.EventsAsync(1);
    });

    [Fact]
    public Task Filters_leave_events_out() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("a", "0");
        long start = etcd.Revision;
        await etcd.DeleteAsync("a");
        await etcd.PutAsync("a", "1");
        using var watch = etcd.Watch();
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a")) { Filters = { FilterType.Noput } });
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a")) { Filters = { FilterType.Nodelete } });
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a")) { Filters = { FilterType.Noput, FilterType.Nodelete } });
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a")) { Filters = { FilterType.Noput, FilterType.Noput } });

        await etcd.PutAsync("a", "2");
        await watch.EventsAsync(1);
        await etcd.DeleteAsync("a");
        await watch.EventsAsync(2);
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a", start: start)) { Filters = { FilterType.Noput } });
        await watch.EventsAsync(2);
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a", start: start)) { Filters = { FilterType.Nodelete }, PrevKv = true });
        await watch.EventsAsync(3);
    });

    [Fact]
    public Task A_cancel_is_answered_once_and_an_unknown_id_never() => servers.CompareAsync(async etcd =>
    {
        using var watch = etcd.Watch();
        await watch.CancelAsync(404);
        await watch.CreatedAsync(Request.Watch("a"));
        await watch.CancelAsync(0);
        await watch.NextAsync();
        await watch.CancelAsync(0);
        await watch.CancelAsync(-1);
        await watch.CreatedAsync(Request.Watch("b"));
        await etcd.PutAsync("a", "1");
        await etcd.PutAsync("b", "1");
        await watch.NextAsync();
        await watch.CancelAsync(1);
        await watch.NextAsync();
    });

    [Fact]
    public Task Progress_is_told_when_all_watches_are_up_to_date() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("a", "0");
        using var watch = etcd.Watch();
        await watch.AskProgressAsync(); // No watch: silence.
        await watch.CreatedAsync(Request.Watch("a"));
        await watch.AskProgressAsync();
        await watch.NextAsync();
        await etcd.PutAsync("other", "1");
        await watch.AskProgressAsync();
        await watch.NextAsync();
        await etcd.PutAsync("a", "1");
        await watch.NextAsync();
        await watch.AskProgressAsync();
        await watch.NextAsync();
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("b")) { ProgressNotify = true });
        await watch.AskProgressAsync();
        await watch.NextAsync();

        // One that starts in the future keeps all silent.
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("future", start: etcd.Revision + 100)) { WatchId = 9 });
        await watch.AskProgressAsync();
        await watch.CreatedAsync(Request.Watch("sentinel"));
        await watch.CancelAsync(9);
        await watch.NextAsync();
        await watch.AskProgressAsync();
        await watch.NextAsync();
    });

    [Fact]
    public Task Progress_comes_behind_the_events_it_speaks_of() => servers.CompareAsync(async etcd =>
    {
        using var watch = etcd.Watch();
        await watch.CreatedAsync(Request.Watch("a"));
        for (int round = 0; round < 20; round++)
        {
            await etcd.PutAsync("a", $"{round}");
            await watch.AskProgressAsync();
            await watch.NextAsync();
            await watch.NextAsync();
        }
    });

    [Fact]
    public Task Large_revisions_are_cut_only_when_asked() => servers.CompareAsync(async etcd =>
    {
        // Over 2 MiB in one revision: what one delete takes away, with the values that were there.
        const int keys = 30;
        for (int key = 0; key < keys; key++)
            await etcd.PutAsync(new PutRequest { Key = Request.Bytes($"k{key:00}"), Value = ByteString.CopyFrom(new byte[100_000]) });
        using var watch = etcd.Watch();
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("k", "l")) { PrevKv = true });
        using var fragmented = etcd.Watch();
        await fragmented.CreatedAsync(new WatchCreateRequest(Request.Watch("k", "l")) { PrevKv = true, Fragment = true });

        await etcd.DeleteAsync("k", "l");
        await watch.NextAsync();
        WatchResponse response;
        do
        {
            response = await fragmented.NextAsync();
        }
        while (response.Fragment);
        await etcd.PutAsync("k", "small");
        await fragmented.NextAsync();
    });

    [Fact]
    public Task The_end_of_the_requests_is_not_the_end_of_the_events() => servers.CompareAsync(async etcd =>
    {
        using var watch = etcd.Watch();
        await watch.CreatedAsync(Request.Watch("a"));
        await watch.CompleteAsync();

        await etcd.PutAsync("a", "1");
        await watch.NextAsync();
        await etcd.DeleteAsync("a");
        await watch.NextAsync();
    });

    [Fact]
    public Task A_request_without_content_is_ignored() => servers.CompareAsync(async etcd =>
    {
        using var watch = etcd.Watch();
        await watch.SendAsync(new WatchRequest());
        await watch.CreatedAsync(Request.Watch("a"));
        await watch.SendAsync(new WatchRequest());
        await etcd.PutAsync("a", "1");
        await watch.NextAsync();
    });

    [Fact]
    public Task Long_histories_are_told_whole() => servers.CompareAsync(async etcd =>
    {
        const int puts = 1500;
        await etcd.PutAsync("a", "0");
        long start = etcd.Revision + 1;
        for (int put = 0; put < puts / 100; put++)
        {
            await etcd.TxnAsync(Request.Txn(success: Request.Ops(100, key => Request.Op(Request.Put($"k{key}", $"{put}")))));
            await etcd.PutAsync("a", $"{put}");
        }
        using var watch = etcd.Watch();
        await watch.CreatedAsync(Request.Watch("\0", "\0", start));
        await watch.EventsAsync(puts + (puts / 100));
    });
}
