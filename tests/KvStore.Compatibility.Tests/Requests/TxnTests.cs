using KvStore.Protocol;
using static KvStore.Protocol.Compare.Types;

namespace KvStore.Compatibility.Tests.Requests;

[Collection(RequestCollection.Name)]
public sealed class TxnTests(RequestServers servers)
{
    private static readonly RequestOp[] None = [];

    [Fact]
    public Task Compares_decide_alike() => servers.CompareAsync(async etcd =>
    {
        await etcd.GrantAsync(80, 1000);
        await etcd.PutAsync("a", "m");
        await etcd.PutAsync("a", "n", lease: 80);
        await etcd.PutAsync("b", "n", lease: 80);
        long mod = etcd.Revision - 1;

        foreach (string key in (string[])["a", "missing"])
        {
            foreach (var result in Enum.GetValues<CompareResult>())
            {
                foreach (long step in (long[])[-1, 0, 1])
                {
                    await DecideAsync(etcd, new Compare { Key = Request.Bytes(key), Result = result, Target = CompareTarget.Version, Version = 2 + step });
                    await DecideAsync(etcd, new Compare { Key = Request.Bytes(key), Result = result, Target = CompareTarget.Version, Version = step });
                    await DecideAsync(etcd, new Compare { Key = Request.Bytes(key), Result = result, Target = CompareTarget.Mod, ModRevision = mod + step });
                    await DecideAsync(etcd, new Compare { Key = Request.Bytes(key), Result = result, Target = CompareTarget.Mod, ModRevision = step });
                    await DecideAsync(etcd, new Compare { Key = Request.Bytes(key), Result = result, Target = CompareTarget.Create, CreateRevision = mod - 1 + step });
                    await DecideAsync(etcd, new Compare { Key = Request.Bytes(key), Result = result, Target = CompareTarget.Create, CreateRevision = step });
                    await DecideAsync(etcd, new Compare { Key = Request.Bytes(key), Result = result, Target = CompareTarget.Lease, Lease = 80 + step });
                    await DecideAsync(etcd, new Compare { Key = Request.Bytes(key), Result = result, Target = CompareTarget.Lease, Lease = step });
                }
                foreach (string value in (string[])["", "m", "n", "na", "o"])
                    await DecideAsync(etcd, new Compare { Key = Request.Bytes(key), Result = result, Target = CompareTarget.Value, Value = Request.Bytes(value) });
            }
        }
        await etcd.RevokeAsync(80);
    });

    [Fact]
    public Task A_compare_without_its_own_operand_takes_zero() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("a", "1");
        foreach (string key in (string[])["a", "missing"])
        {
            foreach (var target in Enum.GetValues<CompareTarget>())
            {
                foreach (var result in Enum.GetValues<CompareResult>())
                {
                    var compare = new Compare { Key = Request.Bytes(key), Target = target, Result = result };
                    await DecideAsync(etcd, compare);
                    await DecideAsync(etcd, new Compare(compare) { Version = 1 });
                    await DecideAsync(etcd, new Compare(compare) { CreateRevision = 1 });
                    await DecideAsync(etcd, new Compare(compare) { ModRevision = 1 });
                    await DecideAsync(etcd, new Compare(compare) { Value = Request.Bytes("1") });
                    await DecideAsync(etcd, new Compare(compare) { Lease = 1 });
                }
            }
        }
    });

    [Fact]
    public Task An_unknown_target_or_result_is_answered_alike() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("a", "1");
        foreach (string key in (string[])["a", "missing"])
        {
            await DecideAsync(etcd, new Compare { Key = Request.Bytes(key), Target = (CompareTarget)9, Version = 1 });
            await DecideAsync(etcd, new Compare { Key = Request.Bytes(key), Target = (CompareTarget)(-1), Version = 1 });
            await DecideAsync(etcd, new Compare { Key = Request.Bytes(key), Result = (CompareResult)9, Target = CompareTarget.Version, Version = 5 });
            await DecideAsync(etcd, new Compare { Key = Request.Bytes(key), Result = (CompareResult)9, Target = CompareTarget.Value, Value = Request.Bytes("5") });
            await DecideAsync(etcd, new Compare { Key = Request.Bytes(key), Result = (CompareResult)(-1), Target = CompareTarget.Mod, ModRevision = 5 });
        }
    });

    [Fact]
    public Task A_compare_over_a_range_holds_for_every_key_or_not_at_all() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("r1", "same");
        await etcd.PutAsync("r2", "same");
        await etcd.PutAsync("r3", "same");
        await etcd.PutAsync("s", "other");
        (string Key, string End)[] ranges = [("r", "s"), ("r", "t"), ("r1", "\0"), ("\0", "\0"), ("x", "z"), ("s", "r"), ("r1", "r1"), ("r1", "r2")];

        foreach (var (key, end) in ranges)
        {
            foreach (var result in Enum.GetValues<CompareResult>())
            {
                var compare = new Compare { Key = Request.Bytes(key), RangeEnd = Request.Bytes(end), Result = result };
                await DecideAsync(etcd, new Compare(compare) { Target = CompareTarget.Value, Value = Request.Bytes("same") });
                await DecideAsync(etcd, new Compare(compare) { Target = CompareTarget.Version, Version = 1 });
                await DecideAsync(etcd, new Compare(compare) { Target = CompareTarget.Version, Version = 0 });
                await DecideAsync(etcd, new Compare(compare) { Target = CompareTarget.Create, CreateRevision = etcd.Revision - 1 });
                await DecideAsync(etcd, new Compare(compare) { Target = CompareTarget.Lease, Lease = 0 });
            }
        }
    });

    [Fact]
    public Task All_compares_must_hold() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("a", "1");
        var holds = new Compare { Key = Request.Bytes("a"), Target = CompareTarget.Version, Version = 1 };
        var fails = new Compare(holds) { Version = 2 };

        await etcd.TxnAsync(Branches(holds, holds));
        await etcd.TxnAsync(Branches(holds, fails));
        await etcd.TxnAsync(Branches(fails, holds));
        await etcd.TxnAsync(Branches(fails, fails));
        await etcd.TxnAsync(Branches());
        await etcd.TxnAsync(Request.Txn(compare: [new Compare { Target = CompareTarget.Version }]));
        await etcd.TxnAsync(Request.Txn(compare: [holds]));
        await etcd.TxnAsync(Request.Txn(compare: [fails]));
    });

    [Fact]
    public Task A_transaction_reads_its_own_writes() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("a", "before");
        await etcd.PutAsync("b", "before");

        await etcd.TxnAsync(Request.Txn(success:
        [
            Request.Op(Request.Range("a", "z")),
            Request.Op(new PutRequest(Request.Put("a", "after")) { PrevKv = true }),
            Request.Op(Request.Range("a", "z")),
            Request.Op(Request.Delete("b", prevKv: true)),
            Request.Op(Request.Range("a", "z")),
            Request.Op(Request.Put("c", "new")),
            Request.Op(new RangeRequest(Request.Range("a", "z")) { CountOnly = true }),
            Request.Op(new RangeRequest(Request.Range("a", "z")) { KeysOnly = true, Limit = 1 }),
            Request.Op(Request.Delete("b", "d", prevKv: true)),
            Request.Op(Request.Range("a", "z")),
            Request.Op(new RangeRequest(Request.Range("a", "z")) { SortOrder = RangeRequest.Types.SortOrder.Descend }),
        ]));
        await etcd.RangeAsync(Request.Range("a", "z"));
    });

    [Fact]
    public Task A_range_at_a_revision_is_judged_before_the_writes() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("a", "1");
        await etcd.PutAsync("a", "2");
        long revision = etcd.Revision;

        foreach (long asked in (long[])[revision - 1, revision, revision + 1, revision + 2, -1])
        {
            await etcd.TxnAsync(Request.Txn(success:
                [Request.Op(Request.Put("a", $"at {asked}")), Request.Op(new RangeRequest(Request.Range("a")) { Revision = asked - revision + etcd.Revision })]));
            await etcd.TxnAsync(Request.Txn(success: [Request.Op(new RangeRequest(Request.Range("a")) { Revision = asked })]));
            await etcd.TxnAsync(Request.Txn(success: [Request.Op(new RangeRequest(Request.Range("a")) { Revision = asked, Serializable = true })]));
            await etcd.RangeAsync(Request.Range("a"));
        }
    });

    [Fact]
    public Task What_can_not_be_done_is_refused_as_a_whole() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("a", "1");
        RequestOp[] bad =
        [
            Request.Op(Request.Put("x", "1", lease: 404)),
            Request.Op(new PutRequest { Key = Request.Bytes("missing"), IgnoreValue = true }),
            Request.Op(new PutRequest { Key = Request.Bytes("missing"), IgnoreLease = true }),
            Request.Op(new PutRequest(Request.Put("a", "1")) { IgnoreValue = true }),
            Request.Op(new PutRequest(Request.Put("a", "1", lease: 1)) { IgnoreLease = true }),
            Request.Op(new RangeRequest(Request.Range("a")) { Revision = etcd.Revision + 100 }),
            Request.Op(Request.Put("", "1")),
            Request.Op(Request.Range("")),
            Request.Op(Request.Delete("")),
            new RequestOp(),
            Request.Op(Request.Txn(success: [Request.Op(Request.Put("", "1"))])),
            Request.Op(Request.Txn(success: [Request.Op(Request.Put("y", "1", lease: 404))])),
            Request.Op(Request.Txn(failure: [Request.Op(Request.Put("y", "1", lease: 404))])),
            Request.Op(Request.Txn(failure: [new RequestOp()])),
            Request.Op(Request.Txn(compare: [new Compare()])),
        ];
        foreach (var op in bad)
        {
            await etcd.TxnAsync(Request.Txn(success: [Request.Op(Request.Put("first", "1")), op, Request.Op(Request.Put("last", "1"))]));
            await etcd.TxnAsync(Request.Txn(success: [Request.Op(Request.Put("first", "1"))], failure: [op]));
            await etcd.TxnAsync(Request.Txn(success: [op]));
            await etcd.RangeAsync(Request.Range("\0", "\0"));
        }
    });

    [Fact]
    public Task A_key_may_be_written_once() => servers.CompareAsync(async etcd =>
    {
        var putA = Request.Op(Request.Put("a", "1"));
        var putB = Request.Op(Request.Put("b", "1"));
        var deleteA = Request.Op(Request.Delete("a"));
        var deleteAll = Request.Op(Request.Delete("\0", "\0"));
        var deleteToB = Request.Op(Request.Delete("a", "b"));
        var deleteFromB = Request.Op(Request.Delete("b", "\0"));
        RequestOp Nested(RequestOp[] success, RequestOp[]? failure = null) => Request.Op(Request.Txn(success: success, failure: failure));

        RequestOp[][] lists =
        [
            [putA, putA], [putA, putB], [putA, deleteA], [deleteA, putA], [putA, deleteToB], [putB, deleteToB], [deleteToB, putB],
            [deleteAll, putB], [putB, deleteAll], [putB, deleteFromB], [putA, deleteFromB], [deleteA, deleteA], [deleteA, deleteAll, deleteToB],
            [Nested([putA]), putA], [putA, Nested([putA])], [putA, Nested([], [putA])], [Nested([putA]), Nested([putA])],
            [Nested([putA], [putA])], [Nested([putA]), Nested([], [putA])], [Nested([deleteA]), putA], [deleteA, Nested([putA])],
            [Nested([deleteA]), Nested([putA])], [Nested([Nested([putA])]), putA], [Nested([Nested([putA], [putA])], [putA])],
            [Nested([putA, putA])], [Nested([putA, deleteAll])], [Nested([putA]), putB], [Nested([putA]), deleteFromB], [Nested([putB]), deleteFromB],
            [deleteAll, Nested([], [putA])], [putA, putB, Nested([deleteAll])], [Nested([putA]), Nested([deleteA])],
        ];
        long start = etcd.Revision + 1;
        foreach (var list in lists)
        {
            await etcd.TxnAsync(Request.Txn(success: list));
            await etcd.TxnAsync(Request.Txn(failure: list));
            await etcd.TxnAsync(Request.Txn(success: list, failure: list));
            await etcd.RangeAsync(Request.Range("\0", "\0"));
        }
        // Some of them put a key and take it away in one revision.
        using var watch = etcd.Watch();
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("\0", "\0", start)) { PrevKv = true });
        await watch.UntilAsync(etcd.Revision);
        for (long revision = start; revision <= etcd.Revision; revision++)
            await etcd.RangeAsync(new RangeRequest(Request.Range("\0", "\0")) { Revision = revision });
        await etcd.TxnAsync(Request.Txn(success: [putA], failure: [putA]));
        await etcd.TxnAsync(Request.Txn(success: [putA], failure: [deleteAll]));
        var keepA = Request.Op(new PutRequest { Key = Request.Bytes("a"), IgnoreValue = true });
        await etcd.DepartsAsync(
            Departure.PutThatKeepsWhatWasDeleted, client => client.TxnAsync(Request.Txn(success: [deleteAll, keepA])));
    });

    [Fact]
    public Task Nested_compares_see_the_state_before() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("a", "old");
        var isNew = new Compare { Key = Request.Bytes("a"), Target = CompareTarget.Value, Value = Request.Bytes("new") };

        await etcd.TxnAsync(Request.Txn(success:
        [
            Request.Op(Request.Put("a", "new")),
            Request.Op(Request.Txn(
                compare: [isNew],
                success: [Request.Op(Request.Put("seen", "new"))],
                failure: [Request.Op(Request.Put("seen", "old")), Request.Op(Request.Range("\0", "\0"))])),
            Request.Op(Request.Txn(success: [Request.Op(Request.Txn(
                success: [Request.Op(Request.Delete("a", "z", prevKv: true)), Request.Op(Request.Put("z", "deep"))]))])),
            Request.Op(Request.Range("\0", "\0")),
        ]));
        await etcd.RangeAsync(Request.Range("\0", "\0"));
        await etcd.TxnAsync(Request.Txn(success: [Request.Op(Request.Txn(success: [Request.Op(Request.Range("\0", "\0"))]))]));
        await etcd.TxnAsync(Request.Txn(success: [Request.Op(Request.Txn())]));
        await etcd.TxnAsync(Request.Txn(success: [Request.Op(Request.Txn(compare: [isNew]))]));
    });

    [Fact]
    public Task Transactions_have_a_size() => servers.CompareAsync(async etcd =>
    {
        foreach (int count in (int[])[127, 128, 129])
        {
            await etcd.TxnAsync(Request.Txn(success: Puts(count)));
            await etcd.TxnAsync(Request.Txn(failure: Puts(count)));
            await etcd.TxnAsync(Request.Txn(success: Puts(count), failure: Puts(count)));
            await etcd.TxnAsync(Request.Txn(
                compare: [.. Enumerable.Range(0, count).Select(key => new Compare { Key = Request.Bytes($"{key}"), Target = CompareTarget.Version })]));
        }
    });

    [Theory]
    [InlineData(1, 127)]
    [InlineData(1, 128)]
    [InlineData(2, 126)]
    [InlineData(2, 127)]
    [InlineData(64, 64)]
    [InlineData(64, 65)]
    [InlineData(127, 1)]
    [InlineData(128, 0)]
    [InlineData(128, 1)]
    public Task Nesting_shares_the_size(int outer, int inner) => servers.CompareAsync(async etcd =>
    {
        var nested = Request.Op(Request.Txn(success: Puts(inner, "inner")));
        await etcd.TxnAsync(Request.Txn(success: [.. Puts(outer - 1), nested]));
        await etcd.TxnAsync(Request.Txn(failure: [.. Puts(outer - 1), nested]));
        await etcd.TxnAsync(Request.Txn(success: [nested], failure: Puts(outer)));
        await etcd.TxnAsync(Request.Txn(success: [Request.Op(Request.Txn(success: [nested], failure: Puts(outer, "middle")))]));
    });

    [Fact]
    public Task One_revision_holds_all_writes_of_a_transaction() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("start", "1");
        using var watch = etcd.Watch();
        await watch.CreatedAsync(new WatchCreateRequest(Request.Watch("\0", "\0")) { PrevKv = true });

        await etcd.TxnAsync(Request.Txn(success:
        [
            Request.Op(Request.Put("z", "1")), Request.Op(Request.Put("a", "1")), Request.Op(Request.Delete("start")),
            Request.Op(Request.Txn(success: [Request.Op(Request.Put("m", "1"))])), Request.Op(Request.Put("b", "1")),
        ]));
        await watch.NextAsync();
        await etcd.RangeAsync(Request.Range("\0", "\0"));
    });

    private static Task DecideAsync(RecordedClient etcd, Compare compare) => etcd.TxnAsync(Request.Txn(compare: [compare], None, None));

    private static TxnRequest Branches(params Compare[] compares) => Request.Txn(
        compares,
        success: [Request.Op(Request.Put("success", "1"))],
        failure: [Request.Op(Request.Put("failure", "1"))]);

    private static RequestOp[] Puts(int count, string prefix = "key") => Request.Ops(count, key => Request.Op(Request.Put($"{prefix}{key}", "1")));
}
