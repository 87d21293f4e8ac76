using KvStore.Client.Tests.Servers;
using KvStore.Client.Tests.Support;
using KvStore.Grpc;
using KvStore.Protocol;
using KvStore.Testing;

namespace KvStore.Client.Tests;

/// <summary>The whole surface against real members, which the tests share.</summary>
public class LiveTests(SharedServers servers) : IClassFixture<SharedServers>
{
    [Theory]
    [ClassData(typeof(ServerKinds))]
    public async Task Keys_are_written_read_paged_changed_and_deleted(ServerKind kind)
    {
        var server = await servers.GetAsync(kind);
        await using var client = Clients.Of(server.Url);

        await Task.WhenAll(Enumerable.Range(0, 250).Select(i => client.Kv.PutAsync($"p/{i:000}", $"{i}"))).Soon();
        var seen = new List<string>();
        var revisions = new HashSet<long>();
        await foreach (var page in client.Kv.RangeStreamAsync(KeyRange.Prefix("p/"), pageSize: 60))
        {
            if (seen.Count == 60)
                await client.Kv.PutAsync("p/100a", "late"); // Not at that revision.
            seen.AddRange(page.Kvs.Select(kv => kv.Key.ToStringUtf8()));
        }

        Assert.Equal(Enumerable.Range(0, 250).Select(i => $"p/{i:000}"), seen);
        var txn = await client.Kv.TxnAsync(new Txn()
            .When(If.Value("p/001").Is("1"), If.Missing("q"))
            .Then(Do.Put("q", "yes"), Do.Delete(KeyRange.Prefix("p/")))
            .Else(Do.Get("q")));
        Assert.True(txn.Succeeded);
        Assert.Equal(251, txn.Responses[1].ResponseDeleteRange.Deleted);
        Assert.Equal("yes", (await client.Kv.GetAsync("q"))!.Value.ToStringUtf8());
        Assert.Equal(1, (await client.Kv.DeleteAsync("q")).Deleted);
        Assert.Null(await client.Kv.GetAsync("q"));

        await client.Kv.CompactAsync(txn.Header.Revision, isPhysical: true);
        var compacted = await Assert.ThrowsAsync<EtcdException>(() => client.Kv.RangeAsync("q", revision: 2));
        Assert.True(compacted.Is(EtcdErrors.Compacted));
        var refused = await Assert.ThrowsAsync<EtcdException>(() => client.Kv.PutAsync("q", "", new LeaseId(12345)));
        Assert.Equal((StatusCode.NotFound, true), (refused.Code, refused.Is(EtcdErrors.LeaseNotFound)));
    }

    [Theory]
    [ClassData(typeof(ServerKinds))]
    public async Task Leases_are_granted_listed_renewed_and_revoked(ServerKind kind)
    {
        var server = await servers.GetAsync(kind);
        await using var client = Clients.Of(server.Url);

        var lease = await client.Lease.GrantAsync(TimeSpan.FromSeconds(29.5), new LeaseId(0x77));
        await client.Kv.PutAsync("owned", "", lease.Id);

        Assert.Equal((new LeaseId(0x77), TimeSpan.FromSeconds(30)), (lease.Id, lease.TimeToLive));
        Assert.Equal("owned", Assert.Single((await client.Lease.TimeToLiveAsync(lease.Id, withKeys: true)).Keys).ToStringUtf8());
        Assert.Contains(0x77, (await client.Lease.ListAsync()).Leases.Select(listed => listed.ID));
        Assert.Equal(TimeSpan.FromSeconds(30), await client.Lease.RenewAsync(lease.Id).Soon());
        await client.Lease.RevokeAsync(lease.Id);
        Assert.Null(await client.Kv.GetAsync("owned"));
        Assert.Equal(-1, (await client.Lease.TimeToLiveAsync(lease.Id)).TTL);
        var refused = await Assert.ThrowsAsync<EtcdException>(() => client.Lease.RenewAsync(lease.Id).Soon());
        Assert.True(refused.Is(EtcdErrors.LeaseNotFound));
    }

    [Theory]
    [ClassData(typeof(ServerKinds))]
    public async Task A_watch_shows_what_it_is_asked_for(ServerKind kind)
    {
        var server = await servers.GetAsync(kind);
        await using var client = Clients.Of(server.Url);
        long first = (await client.Kv.PutAsync("w", "1")).Header.Revision;
        await using var all = await client.Watch.StartAsync("w", new WatchOptions { WithPrevKv = true });
        await using var deletes = await client.Watch.StartAsync("w", new WatchOptions { SkipPuts = true });
        await using var history = await client.Watch.StartAsync(KeyRange.All, new WatchOptions { StartRevision = first });

        await client.Kv.PutAsync("w", "2");
        long last = (await client.Kv.DeleteAsync("w")).Header.Revision;

        var events = new List<Event>();
        while (events.Count < 2)
            events.AddRange((await all.ReadAsync().Soon()).Events);
        Assert.Equal(["1", "2"], events.Select(change => change.PrevKv.Value.ToStringUtf8()));
        Assert.Equal([$"{last} Delete w="], await deletes.ReadUntilAsync(last));
        Assert.Equal([$"{last - 2} Put w=1", $"{last - 1} Put w=2", $"{last} Delete w="], await history.ReadUntilAsync(last));

        // A watch that is still catching up makes the server keep silent: ask again.
        WatchBatch? progress = null;
        while (progress is null)
        {
            all.RequestProgress();
            using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
            try
            {
                progress = await all.ReadAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                continue;
            }
        }

        Assert.Equal((last, true), (progress.Revision, progress.IsProgress));
    }

    [Theory]
    [ClassData(typeof(ServerKinds))]
    public async Task A_watch_of_compacted_history_ends_with_the_revision_to_begin_at(ServerKind kind)
    {
        var server = await servers.GetAsync(kind);
        await using var client = Clients.Of(server.Url);
        long last = 0;
        for (int i = 0; i < 10; i++)
            last = (await client.Kv.PutAsync("w", $"{i}")).Header.Revision;
        await client.Kv.CompactAsync(last - 2);

        await using var watch = await client.Watch.StartAsync("w", new WatchOptions { StartRevision = last - 5 });

        var compacted = await Assert.ThrowsAsync<WatchCompactedException>(() => watch.ReadAsync().Soon());
        Assert.Equal(last - 2, compacted.CompactRevision);
    }

    [Theory]
    [ClassData(typeof(ServerKinds))]
    public async Task Large_history_arrives_in_fragments_and_a_slow_reader_holds_little_of_it(ServerKind kind)
    {
        var server = await servers.GetAsync(kind);
        await using var client = Clients.Of(server.Url);
        byte[] value = new byte[400_000];
        long last = 0;
        for (int i = 0; i < 30; i++)
            last = (await client.Kv.PutAsync($"big/{i % 3}", value)).Header.Revision;
        await using var slow = await client.Watch.StartAsync(
            KeyRange.Prefix("big/"), new WatchOptions { StartRevision = last - 29, BufferBytes = 1_000_000 });
        await using var quick = await client.Watch.StartAsync("other");

        await Waiting.Until(() => slow.BufferedBytes >= 1_000_000);
        long other = (await client.Kv.PutAsync("other", "")).Header.Revision;
        Assert.Equal([$"{other} Put other="], await quick.ReadUntilAsync(other));
        var revisions = new List<long>();
        while (revisions.Count < 30)
        {
            // What waits is what the buffer holds and one message more: about 2 MiB, as the server cuts them.
            Assert.InRange(slow.BufferedBytes, 0, 4_000_000);
            revisions.AddRange((await slow.ReadAsync().Soon()).Events.Select(change => change.Kv.ModRevision));
        }

        Assert.Equal(Enumerable.Range(0, 30).Select(i => last - 29 + i), revisions);
    }

    [Theory]
    [ClassData(typeof(ServerKinds))]
    public async Task Thousands_of_watches_share_few_streams(ServerKind kind)
    {
        var server = await servers.GetAsync(kind);
        await using var client = Clients.Of(server.Url);
        int count = Lanes.Pick(2_000, 5_000, 10_000);
        long before = GC.GetTotalMemory(forceFullCollection: true);

        var watches = await Task.WhenAll(Enumerable.Range(0, count).Select(i => client.Watch.StartAsync($"t/{i}"))).Soon();
        long bytesPerWatch = (GC.GetTotalMemory(forceFullCollection: true) - before) / count;
        Assert.Equal(4, client.Watch.OpenStreamCount);
        await Task.WhenAll(Enumerable.Range(0, count).Select(i => client.Kv.PutAsync($"t/{i}", $"{i}"))).Soon();
        for (int i = 0; i < count; i++)
            Assert.Equal($"t/{i}", Assert.Single((await watches[i].ReadAsync().Soon()).Events).Kv.Key.ToStringUtf8());

        Assert.InRange(bytesPerWatch, 0, 8_000);
        await Task.WhenAll(watches.Select(watch => watch.DisposeAsync().AsTask()));
        await Waiting.Until(() => client.Watch.OpenStreamCount == 0);
        Figures.Report($"client, {kind}: {count} watches on 4 streams, {bytesPerWatch} bytes each");
    }

    [Theory]
    [ClassData(typeof(ServerKinds))]
    public async Task Members_are_looked_after(ServerKind kind)
    {
        var server = await servers.GetAsync(kind);
        await using var client = Clients.Of(server.Url);
        await client.Kv.PutAsync("a", "1");

        var member = Assert.Single((await client.Cluster.ListAsync()).Members);
        var status = await client.Maintenance.StatusAsync(new RequestOptions { Endpoint = server.Url });

        Assert.Equal((server.Url, member.ID), (Assert.Single(member.ClientURLs), status.Leader));
        Assert.Empty((await client.Maintenance.AlarmsAsync()).Alarms);
        Assert.NotEqual(0u, (await client.Maintenance.HashKvAsync()).Hash);
        Assert.NotNull(await client.Maintenance.HashAsync());
        Assert.NotNull(await client.Maintenance.DefragmentAsync());
        await client.SyncEndpointsAsync();
        Assert.Equal([server.Url], client.Endpoints);
    }

    [Fact]
    public async Task A_snapshot_is_saved_and_matches_its_digest()
    {
        if (Lanes.IsFast)
            return;
        var server = await servers.GetAsync(ServerKind.Etcd);
        await using var client = Clients.Of(server.Url);
        using var saved = new MemoryStream();

        await client.Maintenance.SaveSnapshotAsync(saved).Soon();

        Assert.Equal(32, saved.Length % 512);
    }

    [Fact]
    public async Task A_lock_and_an_election_have_one_owner_at_a_time()
    {
        if (Lanes.IsFast)
            return;
        var server = await servers.GetAsync(ServerKind.Etcd);
        await using var client = Clients.Of(server.Url);
        var mine = (await client.Lease.GrantAsync(TimeSpan.FromSeconds(60))).Id;
        var yours = (await client.Lease.GrantAsync(TimeSpan.FromSeconds(60))).Id;

        var key = await client.Lock.LockAsync("lock", mine).Soon();
        var waiting = client.Lock.LockAsync("lock", yours);
        Assert.False(waiting.IsCompleted);
        await client.Lock.UnlockAsync(key);
        Assert.EndsWith($"/{yours}", (await waiting.Soon()).ToStringUtf8());

        var none = await Assert.ThrowsAsync<EtcdException>(() => client.Election.LeaderAsync("election"));
        Assert.True(none.Is(EtcdErrors.ElectionNoLeader));
        var leader = await client.Election.CampaignAsync("election", mine, "me").Soon();
        using var isSeen = new CancellationTokenSource();
        var observed = new List<string>();
        var observing = ObserveAsync();
        await Waiting.Until(() => observed.Count == 1);
        await client.Election.ProclaimAsync(leader, "still me");
        await Waiting.Until(() => observed.Count == 2);
        await client.Election.ResignAsync(leader);
        await client.Election.CampaignAsync("election", yours, "you").Soon();
        await Waiting.Until(() => observed.Count == 3);
        await isSeen.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => observing.Soon());

        Assert.Equal(["me", "still me", "you"], observed);

        async Task ObserveAsync()
        {
            await foreach (var seen in client.Election.ObserveAsync("election", isSeen.Token))
                observed.Add(seen.Kv.Value.ToStringUtf8());
        }
    }

    [Fact]
    public async Task A_user_signs_in_and_again_when_the_server_has_forgotten_the_token()
    {
        if (Lanes.IsFast)
            return;
        await using var server = await ServerUnderTest.StartAsync(ServerKind.Etcd);
        await using var admin = Clients.Of(server.Url);
        await admin.Auth.UserAddAsync("root", "r");
        await admin.Auth.UserGrantRoleAsync("root", "root");
        await admin.Auth.UserAddAsync("me", "secret");
        await admin.Auth.RoleAddAsync("mine");
        await admin.Auth.RoleGrantPermissionAsync("mine", Permission.Types.Type.Readwrite, KeyRange.Prefix("mine/"));
        await admin.Auth.UserGrantRoleAsync("me", "mine");
        await admin.Auth.EnableAsync();
        await using var client = new EtcdClient(new ClientOptions
        {
            Endpoints = [server.Url],
            UserName = "me",
            Password = "secret",
            MaxBackOff = TimeSpan.FromMilliseconds(200),
        });

        await client.Kv.PutAsync("mine/a", "1").Soon();
        await using var watch = await client.Watch.StartAsync(KeyRange.Prefix("mine/")).Soon();
        await using var lease = client.Lease.KeepAlive(await client.Lease.GrantAsync(TimeSpan.FromSeconds(30)));
        var refused = await Assert.ThrowsAsync<EtcdException>(() => client.Kv.PutAsync("yours/a", "1").Soon());
        var unwatched = await Assert.ThrowsAsync<WatchEndedException>(() => client.Watch.StartAsync("yours/a").Soon());
        Assert.True(refused.Is(EtcdErrors.PermissionDenied));
        Assert.True(unwatched.Is(EtcdErrors.PermissionDenied));
        var nobody = await Assert.ThrowsAsync<EtcdException>(() => admin.Kv.PutAsync("mine/a", "1").Soon());
        Assert.True(nobody.Is(EtcdErrors.UserEmpty));

        await server.KillAsync(); // Its tokens are in memory.
        await server.StartAsync();

        long last = (await client.Kv.PutAsync("mine/a", "2").Soon()).Header.Revision;
        Assert.Equal([$"{last} Put mine/a=2"], await watch.ReadUntilAsync(last));
        await using var wrong = new EtcdClient(
            new ClientOptions { Endpoints = [server.Url], UserName = "me", Password = "guess" });
        var guess = await Assert.ThrowsAsync<EtcdException>(() => wrong.Kv.GetAsync("mine/a").Soon());
        Assert.True(guess.Is(EtcdErrors.AuthenticationFailed));
        Assert.True(lease.IsAlive);
    }
}
