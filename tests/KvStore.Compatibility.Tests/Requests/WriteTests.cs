using Google.Protobuf;
using KvStore.Protocol;

namespace KvStore.Compatibility.Tests.Requests;

[Collection(RequestCollection.Name)]
public sealed class WriteTests(RequestServers servers)
{
    [Fact]
    public Task Headers_carry_the_same_fields() => servers.CompareAsync(async etcd =>
    {
        await etcd.RangeAsync(Request.Range("a"));
        await etcd.DeleteAsync("a");
        await etcd.TxnAsync(new TxnRequest());
        await etcd.PutAsync("a", "1");
        await etcd.TxnAsync(Request.Txn(success: [Request.Op(Request.Put("a", "2")), Request.Op(Request.Range("a"))]));
        await etcd.RangeAsync(new RangeRequest(Request.Range("a")) { Revision = etcd.Revision - 1 });
        await etcd.MemberListAsync(linearizable: false);
        await etcd.MemberListAsync(linearizable: true);
        await etcd.MaintenanceAsync<StatusRequest, StatusResponse>("Status", new StatusRequest());
        await etcd.MaintenanceAsync<DefragmentRequest, DefragmentResponse>("Defragment", new DefragmentRequest());
        await etcd.MaintenanceAsync<HashRequest, HashResponse>("Hash", new HashRequest());
        await etcd.MaintenanceAsync<HashKVRequest, HashKVResponse>("HashKV", new HashKVRequest());
        await etcd.MaintenanceAsync<HashKVRequest, HashKVResponse>("HashKV", new HashKVRequest { Revision = etcd.Revision });
        await etcd.MaintenanceAsync<HashKVRequest, HashKVResponse>("HashKV", new HashKVRequest { Revision = etcd.Revision + 1 });
        await etcd.MaintenanceAsync<HashKVRequest, HashKVResponse>("HashKV", new HashKVRequest { Revision = -1 });
        await etcd.DeleteAsync("a");
    });

    [Fact]
    public Task What_came_with_3_6_is_told() => servers.AskKvStoreAsync(async kvStore =>
    {
        // Reads only: writes would part the revisions of the two servers.
        var status = await kvStore.MaintenanceAsync<StatusRequest, StatusResponse>("Status", new StatusRequest());
        var hash = await kvStore.MaintenanceAsync<HashKVRequest, HashKVResponse>("HashKV", new HashKVRequest());
        var past = await kvStore.MaintenanceAsync<HashKVRequest, HashKVResponse>("HashKV", new HashKVRequest { Revision = 1 });

        Assert.StartsWith("3.6.", status!.Version, StringComparison.Ordinal);
        Assert.Equal("3.6.0", status.StorageVersion);
        Assert.Equal(2L << 30, status.DbSizeQuota);
        Assert.Equal(new DowngradeInfo(), status.DowngradeInfo);
        Assert.Equal(kvStore.Revision, hash!.HashRevision);
        Assert.Equal(1, past!.HashRevision);
    });

    [Fact]
    public Task A_put_says_what_it_replaced() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync(new PutRequest(Request.Put("a", "1")) { PrevKv = true });
        await etcd.PutAsync(new PutRequest(Request.Put("a", "2")) { PrevKv = true });
        await etcd.PutAsync(new PutRequest(Request.Put("a", "")) { PrevKv = true });
        await etcd.PutAsync(new PutRequest(Request.Put("a", "3")) { PrevKv = true });
        await etcd.DeleteAsync("a", prevKv: true);
        await etcd.PutAsync(new PutRequest(Request.Put("a", "4")) { PrevKv = true });
        await etcd.RangeAsync(Request.Range("a"));
    });

    [Fact]
    public Task A_put_may_keep_the_value_or_the_lease() => servers.CompareAsync(async etcd =>
    {
        await etcd.GrantAsync(70, 1000);
        await etcd.PutAsync("a", "1", lease: 70);

        await etcd.PutAsync(new PutRequest { Key = Request.Bytes("a"), IgnoreValue = true });
        await etcd.RangeAsync(Request.Range("a"));
        await etcd.PutAsync("a", "1", lease: 70);
        await etcd.PutAsync(new PutRequest(Request.Put("a", "2")) { IgnoreLease = true });
        await etcd.RangeAsync(Request.Range("a"));
        await etcd.PutAsync(new PutRequest { Key = Request.Bytes("a"), IgnoreLease = true, IgnoreValue = true, PrevKv = true });
        await etcd.RangeAsync(Request.Range("a"));
        await etcd.PutAsync(new PutRequest { Key = Request.Bytes("a"), IgnoreValue = true, Lease = 70 });
        await etcd.RangeAsync(Request.Range("a"));
        await etcd.RevokeAsync(70);
    });

    [Fact]
    public Task A_bad_put_is_refused() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("", "1");
        await etcd.PutAsync("a", "1", lease: 404);
        await etcd.PutAsync("a", "1", lease: -404);
        await etcd.PutAsync(new PutRequest(Request.Put("a", "1")) { IgnoreValue = true });
        await etcd.PutAsync(new PutRequest(Request.Put("a", "1", lease: 1)) { IgnoreLease = true });
        await etcd.PutAsync(new PutRequest(Request.Put("", "1", lease: 1)) { IgnoreLease = true, IgnoreValue = true });
        await etcd.PutAsync(new PutRequest(Request.Put("a", "1", lease: 1)) { IgnoreLease = true, IgnoreValue = true });
        await etcd.PutAsync(new PutRequest { Key = Request.Bytes("missing"), IgnoreValue = true });
        await etcd.PutAsync(new PutRequest { Key = Request.Bytes("missing"), Value = Request.Bytes("1"), IgnoreLease = true });
        await etcd.PutAsync(new PutRequest { Key = Request.Bytes("missing"), IgnoreValue = true, Lease = 404 });
        await etcd.RangeAsync(Request.Range("\0", "\0"));
    });

    [Fact]
    public Task A_lease_is_replaced_and_taken_off_by_a_put() => servers.CompareAsync(async etcd =>
    {
        await etcd.GrantAsync(71, 1000);
        await etcd.GrantAsync(72, 1000);
        await etcd.PutAsync("a", "1", lease: 71);
        await etcd.PutAsync("b", "1", lease: 71);
        await etcd.TimeToLiveAsync(71, keys: true);

        await etcd.PutAsync("a", "2", lease: 72);
        await etcd.PutAsync("b", "2");
        await etcd.TimeToLiveAsync(71, keys: true);
        await etcd.TimeToLiveAsync(72, keys: true);
        await etcd.DeleteAsync("a");
        await etcd.TimeToLiveAsync(72, keys: true);
        await etcd.PutAsync("c", "1", lease: 72);
        await etcd.RevokeAsync(71);
        await etcd.RevokeAsync(72);
        await etcd.RangeAsync(Request.Range("\0", "\0"));
    });

    [Fact]
    public Task A_delete_counts_and_shows_what_went() => servers.CompareAsync(async etcd =>
    {
        (string Key, string End)[] ranges =
        [
            ("b", ""), ("nothing", ""), ("b", "d"), ("d", "b"), ("b", "b"), ("b", "\0"), ("\0", "\0"), ("", ""), ("", "z"), ("zz", "\0"),
        ];
        foreach (bool prevKv in (bool[])[false, true])
        {
            foreach (var (key, end) in ranges)
            {
                foreach (string each in (string[])["d", "a", "c", "b"])
                    await etcd.PutAsync(each, $"{each} before {key}");
                await etcd.DeleteAsync(key, end, prevKv);
                await etcd.DeleteAsync(key, end, prevKv);
                await etcd.RangeAsync(Request.Range("\0", "\0"));
            }
        }
    });

    [Theory]
    [InlineData(1_572_000)]
    [InlineData(1_572_352)]
    [InlineData(1_572_800)]
    [InlineData(1_572_864)]
    [InlineData(1_572_865)]
    [InlineData(2_093_056)]
    [InlineData(2_097_100)]
    [InlineData(2_097_152)]
    [InlineData(2_097_153)]
    [InlineData(3_000_000)]
    public Task A_request_that_is_too_large_is_refused(int size) => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync(new PutRequest { Key = Request.Bytes("large"), Value = ByteString.CopyFrom(new byte[size]) });
        await etcd.RangeAsync(new RangeRequest(Request.Range("large")) { KeysOnly = true });
        await etcd.PutAsync("small", "1");
    });

    [Fact]
    public Task An_answer_may_be_larger_than_any_request() => servers.CompareAsync(async etcd =>
    {
        for (int key = 0; key < 6; key++)
            await etcd.PutAsync(new PutRequest { Key = Request.Bytes($"k{key}"), Value = ByteString.CopyFrom(new byte[1_000_000]) });

        await etcd.RangeAsync(Request.Range("k", "l"));
        await etcd.DeleteAsync("k", "l", prevKv: true);
    });
}
