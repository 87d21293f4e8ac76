using Google.Protobuf;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Tests.Support;
using KvStore.Protocol;
using static KvStore.Mvcc.Tests.Support.Build;
using static KvStore.Protocol.Compare.Types;

namespace KvStore.Mvcc.Tests.Transactions;

public class TxnTests
{
    private readonly TestMember _member = new TestMember().Grant(5).Put("a", "1").Put("b", "2", lease: 5);

    [Fact]
    public void No_compares_succeed_and_no_operations_change_nothing()
    {
        var response = _member.Answer<TxnResponse>(Txn());

        Assert.True(response.Succeeded);
        Assert.Equal((3, 0), (response.Header.Revision, response.Responses.Count));
        Assert.Empty(_member.Apply(Txn(Delete("x"), Range("a"))).Events);
        Assert.Equal(3, _member.Revision);
    }

    [Fact]
    public void All_changes_share_a_revision_and_are_numbered_in_order()
    {
        var events = _member.Apply(Txn(Put("z"), Delete("a", "b"), Put("c"))).Events;

        Assert.Equal(["4/0 z", "4/1 a", "4/2 c"], events.Select(e => $"{e.Revision} {System.Text.Encoding.UTF8.GetString(e.Key.Span)}"));
        Assert.Equal(4, _member.Revision);
    }

    [Fact]
    public void Later_operations_see_earlier_ones()
    {
        var response = _member.Answer<TxnResponse>(Txn(
            Range("a", "z"), Put("c", "3", prevKv: true), Range("a", "z"), Delete("b", "c", prevKv: true), Range("a", "z"),
            Txn(Range("c"), Put("d"))));

        Assert.Equal("a b", Keys(response.Responses[0].ResponseRange));
        Assert.Equal("a b c", Keys(response.Responses[2].ResponseRange));
        Assert.Equal("b=2 c3 m3 v1 l5", Text(response.Responses[3].ResponseDeleteRange.PrevKvs[0]));
        Assert.Equal("a c", Keys(response.Responses[4].ResponseRange));
        Assert.Equal("c=3 c4 m4 v1", Text(response.Responses[5].ResponseTxn.Responses[0].ResponseRange.Kvs[0]));
        Assert.Equal("a=1 c2 m2 v1, c=3 c4 m4 v1, d= c4 m4 v1", _member.All());
    }

    [Fact]
    public void Headers_inside_have_the_revision_as_it_stands_and_a_nested_transaction_an_empty_one()
    {
        var response = _member.Answer<TxnResponse>(Txn(
            Range("a"), Delete("x"), Put("c"), Range("a", revision: 2), Delete("a"), Txn(Range("a"))));

        Assert.Equal(4, response.Header.Revision);
        Assert.Equal(3, response.Responses[0].ResponseRange.Header.Revision);
        Assert.Equal(3, response.Responses[1].ResponseDeleteRange.Header.Revision);
        Assert.Equal(4, response.Responses[2].ResponsePut.Header.Revision);
        Assert.Equal(4, response.Responses[3].ResponseRange.Header.Revision);
        Assert.Equal(4, response.Responses[4].ResponseDeleteRange.Header.Revision);
        Assert.Equal(new ResponseHeader(), response.Responses[5].ResponseTxn.Header);
        Assert.Equal(4, response.Responses[5].ResponseTxn.Responses[0].ResponseRange.Header.Revision);
    }

    [Fact]
    public void A_range_at_a_revision_is_judged_before_the_transaction()
    {
        Assert.Same(EtcdError.FutureRevision, _member.Refusal(Txn(Put("c"), Range("a", revision: 4))));
        Assert.Equal("none", _member.Get("c"));
        Assert.Equal("a", Keys(_member.Answer<TxnResponse>(Txn(Put("c"), Range("a", "z", revision: 2))).Responses[1].ResponseRange));
        _member.Compact(3);
        Assert.Same(EtcdError.Compacted, _member.Refusal(Txn(Put("d"), Range("a", revision: 2))));
    }

    [Fact]
    public void The_taken_path_is_checked_before_anything_is_written()
    {
        Assert.Same(EtcdError.LeaseNotFound, _member.Refusal(Txn(Put("c"), Put("d", lease: 77))));
        Assert.Same(EtcdError.LeaseNotFound, _member.Refusal(Txn(Put("c"), Txn(Put("d", lease: 77)))));
        Assert.Same(EtcdError.KeyNotFound, _member.Refusal(Txn(Put("c"), new PutRequest { Key = Bytes("x"), IgnoreValue = true })));
        Assert.Same(
            EtcdError.KeyNotFound,
            _member.Refusal(Txn(new PutRequest { Key = Bytes("x"), IgnoreValue = true, Lease = 77 })));
        Assert.Same(EtcdError.LeaseNotFound, _member.Refusal(Txn(Range("a", revision: 99), Put("d", lease: 77))));
        Assert.Equal("none", _member.Get("c"));
    }

    [Fact]
    public void The_untaken_branch_is_not_checked()
    {
        var response = _member.Answer<TxnResponse>(Txn([], [Put("c")], [Put("d", lease: 77), Range("a", revision: 99)]));

        Assert.True(response.Succeeded);
    }

    [Fact]
    public void Compares_of_nested_transactions_see_the_state_before_the_whole()
    {
        var response = _member.Answer<TxnResponse>(Txn(
            Put("c", "3"),
            Txn([Version("c", CompareResult.Equal, 0)], [Put("d", "as before")], [Put("d", "as changed")])));

        Assert.True(response.Responses[1].ResponseTxn.Succeeded);
        Assert.Equal("d=as before c4 m4 v1", _member.Get("d"));
    }

    [Fact]
    public void A_nested_put_may_be_deleted_by_a_later_nested_transaction()
    {
        var result = _member.Apply(Txn(Txn(Put("n")), Txn(Delete("n"))));

        Assert.Equal(["4/0", "4/1"], result.Events.Select(change => change.Revision.ToString()));
        Assert.Equal("none", _member.Get("n"));
    }

    [Theory]
    [InlineData(CompareTarget.Version, "a", CompareResult.Equal, 1, true)]
    [InlineData(CompareTarget.Version, "a", CompareResult.NotEqual, 1, false)]
    [InlineData(CompareTarget.Version, "a", CompareResult.Greater, 0, true)]
    [InlineData(CompareTarget.Version, "a", CompareResult.Greater, 1, false)]
    [InlineData(CompareTarget.Version, "a", CompareResult.Less, 2, true)]
    [InlineData(CompareTarget.Create, "b", CompareResult.Equal, 3, true)]
    [InlineData(CompareTarget.Create, "b", CompareResult.Less, 3, false)]
    [InlineData(CompareTarget.Mod, "b", CompareResult.Equal, 3, true)]
    [InlineData(CompareTarget.Mod, "b", CompareResult.Greater, 3, false)]
    [InlineData(CompareTarget.Lease, "b", CompareResult.Equal, 5, true)]
    [InlineData(CompareTarget.Lease, "a", CompareResult.Equal, 0, true)]
    [InlineData(CompareTarget.Version, "absent", CompareResult.Equal, 0, true)]
    [InlineData(CompareTarget.Create, "absent", CompareResult.Equal, 0, true)]
    [InlineData(CompareTarget.Mod, "absent", CompareResult.Less, 1, true)]
    [InlineData(CompareTarget.Lease, "absent", CompareResult.NotEqual, 0, false)]
    [InlineData((CompareTarget)9, "a", CompareResult.Equal, 7, true)]
    [InlineData((CompareTarget)9, "a", CompareResult.Greater, 0, false)]
    [InlineData(CompareTarget.Version, "a", (CompareResult)9, 7, true)]
    public void Numbers_are_compared_and_an_absent_key_has_zeros(
        CompareTarget target, string key, CompareResult result, long number, bool holds)
    {
        var compare = new Compare { Key = Bytes(key), Target = target, Result = result };
        switch (target)
        {
            case CompareTarget.Create: compare.CreateRevision = number; break;
            case CompareTarget.Mod: compare.ModRevision = number; break;
            case CompareTarget.Lease: compare.Lease = number; break;
            default: compare.Version = number; break;
        }

        AssertHolds(holds, compare);
    }

    [Theory]
    [InlineData("a", CompareResult.Equal, "1", true)]
    [InlineData("a", CompareResult.NotEqual, "1", false)]
    [InlineData("a", CompareResult.Greater, "0", true)]
    [InlineData("a", CompareResult.Less, "10", true)]
    [InlineData("a", (CompareResult)9, "x", true)]
    [InlineData("absent", CompareResult.Equal, "", false)]
    [InlineData("absent", CompareResult.NotEqual, "", false)]
    [InlineData("absent", CompareResult.NotEqual, "x", false)]
    [InlineData("absent", (CompareResult)9, "x", false)]
    public void Values_are_compared_by_their_bytes_and_an_absent_key_has_none(string key, CompareResult result, string value, bool holds)
    {
        AssertHolds(holds, Value(key, result, value));
    }

    [Fact]
    public void A_wanted_number_given_for_another_target_counts_as_zero()
    {
        AssertHolds(false, new Compare { Key = Bytes("a"), Target = CompareTarget.Version, CreateRevision = 1 });
        AssertHolds(true, new Compare { Key = Bytes("absent"), Target = CompareTarget.Version, ModRevision = 9 });
        AssertHolds(false, new Compare { Key = Bytes("a"), Target = CompareTarget.Value, Version = 1 });
    }

    [Fact]
    public void A_compare_of_a_range_holds_when_it_holds_for_every_key()
    {
        _member.Put("a", "2");

        AssertHolds(true, Value("a", CompareResult.Equal, "2", end: "c"));
        AssertHolds(false, Version("a", CompareResult.Equal, 1, end: "c"));
        AssertHolds(true, Version("a", CompareResult.Greater, 0, end: "\0"));
        AssertHolds(true, Version("x", CompareResult.Equal, 0, end: "\0"));
        AssertHolds(true, Version("c", CompareResult.Equal, 0, end: "a"));
        AssertHolds(false, Value("x", CompareResult.NotEqual, "", end: "\0"));
    }

    [Fact]
    public void A_read_only_transaction_reads_at_one_revision()
    {
        var response = _member.Machine.Txns.Read(
            Txn([Version("a", CompareResult.Equal, 9)], [Range("a")], [Range("b"), Range("a", "z", revision: 2)]));

        Assert.False(response.Succeeded);
        Assert.Equal(3, response.Header.Revision);
        Assert.Equal("b", Keys(response.Responses[0].ResponseRange));
        Assert.Equal("a", Keys(response.Responses[1].ResponseRange));
        Assert.Equal(3, response.Responses[1].ResponseRange.Header.Revision);
    }

    [Fact]
    public void A_read_only_transaction_is_refused_what_a_range_is_refused()
    {
        _member.Compact(3);

        Assert.Equal(EtcdError.Compacted, Refusal(Txn(Range("a", revision: 2))));
        Assert.Equal(EtcdError.FutureRevision, Refusal(Txn(Range("a", revision: 4))));

        EtcdError Refusal(TxnRequest request) => Assert.Throws<EtcdException>(() => _member.Machine.Txns.Read(request)).Error;
    }

    [Fact]
    public void A_request_may_be_handed_over_parsed()
    {
        var request = Txn(Put("c", "3"));

        var result = _member.Machine.Apply(
            _member.Machine.AppliedIndex + 1, new(Mvcc.Commands.CommandKind.Txn, 1, request.ToByteArray()), request);

        Assert.Equal("c=3 c4 m4 v1", _member.Get("c"));
        Assert.Equal(4, result.Revision);
    }

    private void AssertHolds(bool holds, Compare compare)
    {
        Assert.Equal(holds, _member.Answer<TxnResponse>(Txn([compare], [])).Succeeded);
        Assert.Equal(holds, _member.Machine.Txns.Read(Txn([compare], [])).Succeeded);
    }
}
