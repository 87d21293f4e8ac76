using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Requests;
using KvStore.Protocol;
using static KvStore.Mvcc.Tests.Support.Build;
using static KvStore.Protocol.Compare.Types;

namespace KvStore.Mvcc.Tests.Requests;

public class RequestChecksTests
{
    [Fact]
    public void An_empty_key_is_refused_everywhere()
    {
        AssertRefused(EtcdError.KeyNotProvided, () => RequestChecks.Check(Range("", "z")));
        AssertRefused(EtcdError.KeyNotProvided, () => RequestChecks.Check(Put("")));
        AssertRefused(EtcdError.KeyNotProvided, () => RequestChecks.Check(Delete("", "z")));
        AssertRefused(EtcdError.KeyNotProvided, () => RequestChecks.Check(Txn([Version("", CompareResult.Equal, 0)], [])));
        AssertRefused(EtcdError.KeyNotProvided, () => RequestChecks.Check(Txn([], [], [Txn(Put(""))])));
    }

    [Fact]
    public void An_unknown_sort_order_or_target_is_refused()
    {
        AssertRefused(
            EtcdError.InvalidSortOption,
            () => RequestChecks.Check(new RangeRequest { Key = Bytes("a"), SortTarget = (RangeRequest.Types.SortTarget)9 }));
        AssertRefused(
            EtcdError.InvalidSortOption,
            () => RequestChecks.Check(Txn(new RangeRequest { Key = Bytes("a"), SortOrder = (RangeRequest.Types.SortOrder)(-1) })));
    }

    [Fact]
    public void A_put_gives_no_value_or_lease_that_it_asks_to_keep()
    {
        AssertRefused(
            EtcdError.ValueProvided,
            () => RequestChecks.Check(new PutRequest { Key = Bytes("a"), Value = Bytes("1"), IgnoreValue = true, IgnoreLease = true, Lease = 1 }));
        AssertRefused(
            EtcdError.LeaseProvided,
            () => RequestChecks.Check(new PutRequest { Key = Bytes("a"), Lease = 1, IgnoreLease = true }));
        RequestChecks.Check(new PutRequest { Key = Bytes("a"), IgnoreValue = true, Lease = 1 });
    }

    [Fact]
    public void Each_list_of_a_transaction_may_hold_the_limit()
    {
        RequestChecks.Check(TxnOf(128, 128, 128));
        AssertRefused(EtcdError.TooManyOperations, () => RequestChecks.Check(TxnOf(129, 0, 0)));
        AssertRefused(EtcdError.TooManyOperations, () => RequestChecks.Check(TxnOf(0, 129, 0)));
        AssertRefused(EtcdError.TooManyOperations, () => RequestChecks.Check(TxnOf(0, 0, 129)));
        RequestChecks.Check(TxnOf(0, 129, 0), opsLimit: 129);
    }

    [Fact]
    public void A_nested_transaction_may_hold_what_the_largest_list_of_its_parent_leaves()
    {
        RequestChecks.Check(Txn(TxnOf(0, 127, 127)));
        AssertRefused(EtcdError.TooManyOperations, () => RequestChecks.Check(Txn(TxnOf(0, 128, 0))));
        AssertRefused(EtcdError.TooManyOperations, () => RequestChecks.Check(Txn([], [TxnOf(0, 127, 0)], [Range("a"), Range("a")])));
    }

    [Fact]
    public void An_operation_without_a_request_is_answered_as_a_missing_key()
    {
        AssertRefused(EtcdError.KeyNotFound, () => RequestChecks.Check(Txn(new RequestOp())));
    }

    [Fact]
    public void A_key_put_twice_in_a_branch_is_refused_even_through_nested_transactions()
    {
        AssertDuplicate(Txn(Put("a"), Put("a")));
        AssertDuplicate(Txn([], [], [Put("a"), Put("a")]));
        AssertDuplicate(Txn(Put("a"), Txn(Put("a"))));
        AssertDuplicate(Txn(Txn(Put("a")), Txn([], [], [Put("a")])));
        AssertDuplicate(Txn(Txn([], [Put("a")], [Put("a")]), Put("a")));
    }

    [Fact]
    public void A_key_put_inside_a_deleted_range_is_refused_whichever_comes_first()
    {
        AssertDuplicate(Txn(Put("a"), Delete("a")));
        AssertDuplicate(Txn(Delete("a", "c"), Put("b")));
        AssertDuplicate(Txn(Delete("a"), Txn(Put("a"))));
        AssertDuplicate(Txn(Put("a"), Txn(Delete("a"))));
        AssertDuplicate(Txn(Txn(Delete("a")), Txn(Put("a"))));
    }

    [Fact]
    public void A_key_in_then_and_else_is_fine_at_every_level()
    {
        RequestChecks.Check(Txn([], [Put("a")], [Put("a")]));
        RequestChecks.Check(Txn([], [Put("a")], [Delete("a")]));
        RequestChecks.Check(Txn(Txn([], [Put("a")], [Put("a")])));
        RequestChecks.Check(Txn(Txn([], [Put("a")], [Delete("a")])));
    }

    [Fact]
    public void Deletes_may_overlap_deletes_and_an_empty_range_overlaps_nothing()
    {
        RequestChecks.Check(Txn(Delete("a", "c"), Delete("b"), Txn(Delete("a", "\0"))));
        RequestChecks.Check(Txn(Delete("b", "a"), Put("b")));
        RequestChecks.Check(Txn(Delete("a", "c"), Put("c")));
    }

    [Fact]
    public void As_in_etcd_a_delete_of_all_keys_from_one_on_is_held_against_no_put()
    {
        RequestChecks.Check(Txn(Put("b"), Delete("a", "\0")));
        RequestChecks.Check(Txn(Delete("\0", "\0"), Put("b")));
        RequestChecks.Check(Txn(Put("b"), Txn(Delete("a", "\0"))));
    }

    [Fact]
    public void A_put_that_keeps_something_of_a_key_is_held_against_every_delete_of_it()
    {
        var keepsValue = new PutRequest { Key = Bytes("b"), IgnoreValue = true };
        var keepsLease = new PutRequest { Key = Bytes("b"), IgnoreLease = true };

        AssertDuplicate(Txn(Delete("a", "\0"), keepsValue));
        AssertDuplicate(Txn(Delete("a", "\0"), keepsLease));
        AssertDuplicate(Txn(Delete("a", "\0"), Txn([], [Put("b")], [keepsLease])));
        RequestChecks.Check(Txn(Delete("c", "\0"), keepsLease));
    }

    [Fact]
    public void As_in_etcd_a_nested_put_is_not_held_against_deletes_of_later_transactions()
    {
        RequestChecks.Check(Txn(Txn(Put("a")), Txn(Delete("a"))));
    }

    [Fact]
    public void A_lease_may_last_285_years_and_no_longer()
    {
        RequestChecks.Check(new LeaseGrantRequest { TTL = 9_000_000_000 });
        AssertRefused(EtcdError.LeaseTtlTooLarge, () => RequestChecks.Check(new LeaseGrantRequest { TTL = 9_000_000_001 }));
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(-7, 2)]
    [InlineData(1, 2)]
    [InlineData(2, 2)]
    [InlineData(3, 3)]
    public void A_lease_lasts_at_least_one_and_a_half_election_timeouts(long asked, long granted)
    {
        Assert.Equal(granted, LeaseRules.GrantedTtl(asked, LeaseRules.MinTtlSeconds(TimeSpan.FromSeconds(1))));
    }

    [Fact]
    public void A_transaction_of_ranges_alone_only_reads_and_a_nested_one_makes_it_write()
    {
        var serializable = new RangeRequest { Key = Bytes("a"), Serializable = true };

        Assert.True(TxnShape.IsReadOnly(Txn([], [Range("a")], [Range("b")])));
        Assert.True(TxnShape.IsReadOnly(Txn()));
        Assert.False(TxnShape.IsReadOnly(Txn(Txn(Range("a")))));
        Assert.False(TxnShape.IsReadOnly(Txn([], [Range("a")], [Put("a")])));
        Assert.True(TxnShape.IsSerializable(Txn([], [serializable], [serializable])));
        Assert.False(TxnShape.IsSerializable(Txn([], [serializable], [Range("a")])));
    }

    [Fact]
    public void A_request_costs_its_keys_and_values_and_a_transaction_its_dearer_branch()
    {
        Assert.Equal(256 + 1 + 3, RequestCost.Of(Put("a", "123")));
        Assert.Equal(64, RequestCost.Of(new LeaseGrantRequest()));
        Assert.Equal(2 * (256 + 1), RequestCost.Of(Txn([], [Put("a"), Txn(Put("b"))], [Put("c", "1"), Range("d")])));
        Assert.Equal(0, RequestCost.Of(Txn(Range("a"), Delete("b"))));
    }

    private static TxnRequest TxnOf(int compares, int success, int failure)
    {
        var txn = new TxnRequest();
        for (int i = 0; i < compares; i++)
            txn.Compare.Add(Version("c", CompareResult.Equal, 0));
        for (int i = 0; i < success; i++)
            txn.Success.Add(Op(Range("s")));
        for (int i = 0; i < failure; i++)
            txn.Failure.Add(Op(Range("f")));
        return txn;
    }

    private static void AssertDuplicate(TxnRequest request) => AssertRefused(EtcdError.DuplicateKey, () => RequestChecks.Check(request));

    private static void AssertRefused(EtcdError error, Action check) => Assert.Same(error, Assert.Throws<EtcdException>(check).Error);
}
