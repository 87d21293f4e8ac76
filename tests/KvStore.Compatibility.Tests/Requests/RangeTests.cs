using KvStore.Protocol;

namespace KvStore.Compatibility.Tests.Requests;

[Collection(RequestCollection.Name)]
public sealed class RangeTests(RequestServers servers)
{
    [Fact]
    public Task A_range_is_read_by_the_same_conventions() => servers.CompareAsync(async etcd =>
    {
        await FillAsync(etcd);
        (string Key, string End)[] ranges =
        [
            ("b", ""), ("nothing", ""), ("b", "\0"), ("\0", "\0"), ("\0", ""), ("zz", "\0"), ("b", "d"), ("b", "b"), ("d", "b"), ("a", "b\0"),
            ("", ""), ("", "b"), ("", "\0"), ("b", "z"), ("c\0", "e"),
        ];

        foreach (var (key, end) in ranges)
        {
            await etcd.RangeAsync(Request.Range(key, end));
            var keysOnly = Request.Range(key, end);
            keysOnly.KeysOnly = true;
            await etcd.RangeAsync(keysOnly);
            var countOnly = Request.Range(key, end);
            countOnly.CountOnly = true;
            await etcd.RangeAsync(countOnly);
            var serializable = Request.Range(key, end);
            serializable.Serializable = true;
            await etcd.RangeAsync(serializable);
        }
    });

    [Fact]
    public Task Every_sort_limit_and_filter_goes_with_every_other() => servers.CompareAsync(async etcd =>
    {
        long first = await FillAsync(etcd);
        long[] limits = [0, 1, 3, -1, 100];
        (string Name, Action<RangeRequest> Set)[] filters =
        [
            ("none", _ => { }),
            ("min mod", range => range.MinModRevision = first + 4),
            ("max mod", range => range.MaxModRevision = first + 11),
            ("min create", range => range.MinCreateRevision = first + 3),
            ("max create", range => range.MaxCreateRevision = first + 6),
            ("empty window", range => (range.MinModRevision, range.MaxModRevision) = (first + 9, first + 2)),
            ("negative", range => (range.MinModRevision, range.MaxCreateRevision) = (-1, -1)),
        ];
        (bool KeysOnly, bool CountOnly)[] shapes = [(false, false), (true, false), (false, true), (true, true)];

        foreach (var target in Enum.GetValues<RangeRequest.Types.SortTarget>())
        {
            foreach (var order in Enum.GetValues<RangeRequest.Types.SortOrder>())
            {
                foreach (long limit in limits)
                {
                    foreach (var filter in filters)
                    {
                        foreach (var (keysOnly, countOnly) in shapes)
                        {
                            var request = Request.Range("a", "z");
                            (request.SortTarget, request.SortOrder, request.Limit) = (target, order, limit);
                            (request.KeysOnly, request.CountOnly) = (keysOnly, countOnly);
                            filter.Set(request);
                            await etcd.RangeAsync(request);
                        }
                    }
                }
            }
        }
    });

    [Fact]
    public Task An_unknown_sort_is_refused() => servers.CompareAsync(async etcd =>
    {
        await FillAsync(etcd);

        var unknownTarget = new RangeRequest(Request.Range("a", "z")) { SortTarget = (RangeRequest.Types.SortTarget)9 };
        await etcd.DepartsAsync(Departure.UnknownSortTarget, client => client.RangeAsync(unknownTarget));
        await etcd.DepartsAsync(
            Departure.UnknownSortTarget, client => client.TxnAsync(Request.Txn(success: [Request.Op(unknownTarget)])));
        await etcd.DepartsAsync(Departure.UnknownSortOrder, client => client.RangeAsync(
            new RangeRequest(Request.Range("a", "z")) { SortOrder = (RangeRequest.Types.SortOrder)9 }));
        await etcd.RangeAsync(Request.Range("a", "z"));
    });

    [Fact]
    public Task A_past_revision_reads_as_it_was() => servers.CompareAsync(async etcd =>
    {
        long first = await FillAsync(etcd);
        await etcd.DeleteAsync("a", "c");
        await etcd.PutAsync("a", "again");
        long last = etcd.Revision;

        for (long revision = first; revision <= last; revision++)
        {
            await etcd.RangeAsync(new RangeRequest(Request.Range("a", "z")) { Revision = revision });
            await etcd.RangeAsync(new RangeRequest(Request.Range("a", "z")) { Revision = revision, CountOnly = true });
            await etcd.RangeAsync(new RangeRequest(Request.Range("a", "z")) { Revision = revision, Limit = 2, Serializable = true });
        }
        foreach (long revision in (long[])[0, -1, -100, last + 1, last + 1000, long.MaxValue, long.MinValue])
        {
            await etcd.RangeAsync(new RangeRequest(Request.Range("a", "z")) { Revision = revision });
            await etcd.RangeAsync(new RangeRequest(Request.Range("a")) { Revision = revision, Serializable = true });
        }
    });

    [Fact]
    public Task Keys_are_bytes() => servers.CompareAsync(async etcd =>
    {
        byte[][] keys = [[0], [0, 0], [0xff], [0xff, 0xff], [0x61, 0], [0x61, 0xff], [0x80], [0xc3, 0x28], "é"u8.ToArray()];
        foreach (byte[] key in keys)
        {
            await etcd.PutAsync(new PutRequest
            {
                Key = Google.Protobuf.ByteString.CopyFrom(key),
                Value = Google.Protobuf.ByteString.CopyFrom(key),
            });
        }

        await etcd.RangeAsync(Request.Range("\0", "\0"));
        foreach (byte[] key in keys)
        {
            var bytes = Google.Protobuf.ByteString.CopyFrom(key);
            await etcd.RangeAsync(new RangeRequest { Key = bytes });
            await etcd.RangeAsync(new RangeRequest { Key = bytes, RangeEnd = Request.Bytes("\0"), Limit = 2 });
        }
    });

    [Fact]
    public Task A_lease_shows_on_its_keys() => servers.CompareAsync(async etcd =>
    {
        await etcd.GrantAsync(4711, 1000);
        await etcd.PutAsync("leased", "1", lease: 4711);

        await etcd.RangeAsync(Request.Range("leased"));
        await etcd.RangeAsync(new RangeRequest(Request.Range("leased")) { KeysOnly = true });
        await etcd.RevokeAsync(4711);
        await etcd.RangeAsync(Request.Range("leased"));
    });

    /// <summary>Eight keys with no two alike in version, value, create or mod revision: etcd leaves ties in any order.</summary>
    /// <returns>The first revision written.</returns>
    private static async Task<long> FillAsync(RecordedClient etcd)
    {
        string[] keys = ["c", "a", "f", "h", "b", "d", "g", "e"];
        foreach (string key in keys)
            await etcd.PutAsync(key, "first");
        long first = etcd.Revision - keys.Length + 1;
        for (int version = 1; version < keys.Length; version++)
        {
            for (int key = version; key < keys.Length; key++)
                await etcd.PutAsync(keys[key], $"{(char)('z' - ((key * 5) % 8))}{version}");
        }
        return first;
    }
}
