using KvStore.Protocol;

namespace KvStore.Compatibility.Tests.Requests;

[Collection(RequestCollection.Name)]
public sealed class LeaseTests(RequestServers servers)
{
    [Fact]
    public Task Grants_take_the_same_ids_and_times() => servers.CompareAsync(async etcd =>
    {
        foreach (long ttl in (long[])[0, -7, 1, 2, 3, 100, 8_999_999_999, 9_000_000_000, 9_000_000_001, long.MaxValue, long.MinValue])
        {
            await etcd.GrantAsync(1000, ttl);
            await etcd.TimeToLiveAsync(1000);
            await etcd.RevokeAsync(1000);
        }
        foreach (long id in (long[])[-1, 1, long.MaxValue, long.MinValue, 0x7fff_ffff])
        {
            await etcd.GrantAsync(id, 1000);
            await etcd.GrantAsync(id, 2000);
            await etcd.TimeToLiveAsync(id, keys: true);
            await etcd.PutAsync("leased", "1", lease: id);
            await etcd.RangeAsync(Request.Range("leased"));
            await etcd.LeasesAsync();
            await etcd.RevokeAsync(id);
            await etcd.RangeAsync(Request.Range("leased"));
        }
    });

    [Fact]
    public async Task An_id_left_to_the_server_is_positive()
    {
        await servers.CompareAsync(async etcd =>
        {
            using var unrecorded = etcd.Unrecorded();
            var granted = await unrecorded.GrantAsync(0, 1000);
            etcd.Note("LeaseGrant without an id", $"{granted!.ID > 0} {granted.TTL} \"{granted.Error}\"");
            await unrecorded.RevokeAsync(granted.ID);
        });
    }

    [Fact]
    public Task An_unknown_lease_is_answered_alike() => servers.CompareAsync(async etcd =>
    {
        foreach (long id in (long[])[0, 1, -1, 404, long.MaxValue])
        {
            await etcd.RevokeAsync(id);
            await etcd.TimeToLiveAsync(id);
            await etcd.TimeToLiveAsync(id, keys: true);
        }
        using var keepAlive = etcd.KeepAlive();
        foreach (long id in (long[])[404, 0, -1])
        {
            await keepAlive.SendAsync(new LeaseKeepAliveRequest { ID = id });
            await keepAlive.NextAsync();
        }
    });

    [Fact]
    public Task A_keep_alive_renews_and_its_stream_goes_on() => servers.CompareAsync(async etcd =>
    {
        await etcd.GrantAsync(50, 1000);
        await etcd.GrantAsync(51, 1);
        using var keepAlive = etcd.KeepAlive();
        foreach (long id in (long[])[50, 404, 51, 50])
        {
            await keepAlive.SendAsync(new LeaseKeepAliveRequest { ID = id });
            await keepAlive.NextAsync();
        }
        await etcd.PutAsync("a", "1");
        await keepAlive.SendAsync(new LeaseKeepAliveRequest { ID = 50 });
        await keepAlive.NextAsync();
        await etcd.RevokeAsync(51);
        await keepAlive.SendAsync(new LeaseKeepAliveRequest { ID = 51 });
        await keepAlive.NextAsync();
        await etcd.RevokeAsync(50);
        await keepAlive.CompleteAsync();
        await keepAlive.EndAsync();
    });

    [Fact]
    public Task Revoking_deletes_the_keys_in_one_revision() => servers.CompareAsync(async etcd =>
    {
        await etcd.GrantAsync(60, 1000);
        await etcd.RevokeAsync(60);
        await etcd.GrantAsync(60, 1000);
        foreach (string key in (string[])["c", "a", "b"])
            await etcd.PutAsync(key, "1", lease: 60);
        await etcd.TimeToLiveAsync(60, keys: true);
        using var watch = etcd.Watch();
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("\0", "\0")) { PrevKv = true });

        await etcd.RevokeAsync(60);
        await watch.NextAsync();
        await etcd.RevokeAsync(60);
        await etcd.TimeToLiveAsync(60, keys: true);
        await etcd.RangeAsync(Request.Range("\0", "\0"));
    });

    [Fact]
    public Task A_lease_that_runs_out_takes_its_keys_along() => servers.CompareAsync(async etcd =>
    {
        await etcd.GrantAsync(61, 1);
        foreach (string key in (string[])["short2", "short1"])
            await etcd.PutAsync(key, "1", lease: 61);
        await etcd.PutAsync("stays", "1");
        using var watch = etcd.Watch();
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("\0", "\0", start: etcd.Revision + 1)) { PrevKv = true });

        await watch.NextAsync();
        await etcd.TimeToLiveAsync(61, keys: true);
        await etcd.LeasesAsync();
        await etcd.GrantAsync(61, 1000);
        await etcd.RevokeAsync(61);
    });

    [Fact]
    public Task Leases_are_listed() => servers.CompareAsync(async etcd =>
    {
        await etcd.LeasesAsync();
        await etcd.GrantAsync(92, 3000);
        await etcd.GrantAsync(90, 2000);
        await etcd.GrantAsync(91, 1000);
        await etcd.LeasesAsync();
        foreach (long id in (long[])[92, 90, 91])
            await etcd.RevokeAsync(id);
        await etcd.LeasesAsync();
    });
}
