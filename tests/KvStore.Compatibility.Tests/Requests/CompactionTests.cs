using KvStore.Protocol;

namespace KvStore.Compatibility.Tests.Requests;

/// <summary>Compaction is for a store's whole history, so each test starts servers of its own.</summary>
[Collection(RequestCollection.Name)]
public sealed class CompactionTests(RequestServers servers)
{
    [Fact]
    public Task Compacting_nothing_is_allowed_once() => servers.CompareFreshAsync(async etcd =>
    {
        await etcd.CompactAsync(-1);
        await etcd.CompactAsync(2);
        await etcd.CompactAsync(0);
        await etcd.CompactAsync(0);
        await etcd.CompactAsync(-1);
        await etcd.CompactAsync(long.MinValue);
        await etcd.CompactAsync(long.MaxValue);
        await etcd.CompactAsync(1);
        await etcd.CompactAsync(1);
        await etcd.PutAsync("a", "1");
        await etcd.CompactAsync(1);
        await etcd.CompactAsync(2, physical: true);
        await etcd.CompactAsync(2, physical: true);
        await etcd.CompactAsync(3, physical: true);
    });

    [Fact]
    public Task What_is_compacted_is_out_of_reach_and_the_rest_is_not() => servers.CompareFreshAsync(async etcd =>
    {
        await etcd.PutAsync("a", "2");
        await etcd.PutAsync("a", "3");
        await etcd.PutAsync("b", "4");
        await etcd.DeleteAsync("a"); // 5
        await etcd.PutAsync("a", "6");
        await etcd.PutAsync("b", "7");
        await etcd.DeleteAsync("b"); // 8
        await etcd.MaintenanceAsync<HashKVRequest, HashKVResponse>("HashKV", new HashKVRequest());

        long compacted = 0;
        foreach (long revision in (long[])[3, 3, 2, 4, 5, 6, 8, 8, 9, 7])
        {
            if (await etcd.CompactAsync(revision, physical: true) is not null)
                compacted = revision;
            for (long asked = 0; asked <= 9; asked++)
            {
                await etcd.RangeAsync(new RangeRequest(Request.Range("a", "z")) { Revision = asked });
                await etcd.TxnAsync(Request.Txn(success: [Request.Op(new RangeRequest(Request.Range("a")) { Revision = asked })]));
                // Of revisions that were compacted to, etcd remembers the hash that it took then, and answers with it and with
                // the compaction before: that is its own affair.
                if (asked == 0 || asked > compacted)
                    await etcd.MaintenanceAsync<HashKVRequest, HashKVResponse>("HashKV", new HashKVRequest { Revision = asked });
            }
        }
    });

    [Fact]
    public Task A_watch_from_a_compacted_revision_is_created_and_then_cancelled() => servers.CompareFreshAsync(async etcd =>
    {
        await etcd.PutAsync("a", "2");
        await etcd.PutAsync("a", "3");
        await etcd.DeleteAsync("a"); // 4
        await etcd.PutAsync("b", "5");
        await etcd.CompactAsync(4, physical: true);

        using var watch = etcd.Watch();
        await watch.CreatedAsync(Request.Watch("a", start: 2));
        await watch.NextAsync();
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a", start: 3)) { WatchId = 77 });
        await watch.NextAsync();
        // A tombstone at the compacted revision itself is still told.
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a", start: 4)) { PrevKv = true });
        await watch.EventsAsync(1);
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a", "z", start: 4)) { PrevKv = true });
        await watch.EventsAsync(2);
        // The stream and its other watches go on.
        await etcd.PutAsync("b", "6");
        await watch.EventsAsync(1);
        // Not compared: etcd keeps the id of a watch that compaction ended until the client cancels it, too; ours frees it.
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("z")) { WatchId = 78 });
    });

    [Fact]
    public Task The_previous_value_is_left_out_where_it_was_compacted() => servers.CompareFreshAsync(async etcd =>
    {
        await etcd.PutAsync("a", "2");
        await etcd.PutAsync("a", "3");
        await etcd.PutAsync("a", "4");
        await etcd.CompactAsync(3, physical: true);

        using var watch = etcd.Watch();
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("a", start: 3)) { PrevKv = true });
        await watch.EventsAsync(2);
        await etcd.PutAsync("a", "5");
        await watch.NextAsync();
    });
}
