using System.Text;
using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Leases;
using KvStore.Mvcc.Store;
using KvStore.Mvcc.Tests.Support;
using KvStore.Protocol;
using static KvStore.Mvcc.Tests.Support.Build;

namespace KvStore.Mvcc.Tests.Leases;

public class LeaseTests
{
    [Fact]
    public void A_grant_answers_with_id_and_ttl_and_changes_no_key()
    {
        var member = new TestMember();

        var response = member.Answer<LeaseGrantResponse>(new LeaseGrantRequest { ID = -5, TTL = 60 });

        Assert.Equal((-5, 60, 1), (response.ID, response.TTL, response.Header.Revision));
        Assert.True(member.Machine.Leases.TryGet(new(-5), out var lease));
        Assert.Equal(new Lease(new(-5), 1, 60), lease);
    }

    [Fact]
    public void An_id_is_granted_once_until_it_is_revoked()
    {
        var member = new TestMember().Grant(5);

        Assert.Same(EtcdError.LeaseExists, member.Refusal(new LeaseGrantRequest { ID = 5, TTL = 9 }));
        member.Revoke(5).Grant(5);
    }

    [Fact]
    public void A_ttl_that_is_too_large_and_a_grant_without_id_are_refused()
    {
        var member = new TestMember();

        Assert.Same(EtcdError.LeaseTtlTooLarge, member.Refusal(new LeaseGrantRequest { ID = 5, TTL = 9_000_000_001 }));
        Assert.Same(EtcdError.LeaseNotFound, member.Refusal(new LeaseGrantRequest { TTL = 9 }));
    }

    [Fact]
    public void A_revocation_deletes_the_keys_in_key_order_at_one_revision()
    {
        var member = new TestMember().Grant(5).Put("c", lease: 5).Put("a", lease: 5).Put("b").Put("d", lease: 5);

        var result = member.Apply(new LeaseRevokeRequest { ID = 5 });

        Assert.Equal(["6/0 a", "6/1 c", "6/2 d"], result.Events.Select(e => $"{e.Revision} {Encoding.UTF8.GetString(e.Key.Span)}"));
        Assert.Equal(6, Assert.IsType<LeaseRevokeResponse>(result.Response).Header.Revision);
        Assert.Equal("b= c4 m4 v1", member.All());
        Assert.False(member.Machine.Leases.Contains(new(5)));
    }

    [Fact]
    public void A_revocation_without_keys_leaves_the_revision()
    {
        var member = new TestMember().Put("a").Grant(5);

        Assert.Equal(2, member.Answer<LeaseRevokeResponse>(new LeaseRevokeRequest { ID = 5 }).Header.Revision);
        Assert.Equal(2, member.Revision);
    }

    [Fact]
    public void An_unknown_lease_cannot_be_revoked()
    {
        Assert.Same(EtcdError.LeaseNotFound, new TestMember().Refusal(new LeaseRevokeRequest { ID = 5 }));
    }

    [Fact]
    public void The_lease_of_a_put_replaces_the_keys_lease_and_none_detaches_it()
    {
        var member = new TestMember().Grant(5).Grant(6).Put("a", lease: 5).Put("b", lease: 5).Put("c", lease: 5);

        member.Put("a", lease: 6).Put("b");

        Assert.Equal("c", AttachedTo(member, 5));
        Assert.Equal("a", AttachedTo(member, 6));
        member.Revoke(5);
        Assert.Equal("a= c2 m5 v2 l6, b= c3 m6 v2", member.All());
    }

    [Fact]
    public void A_delete_detaches_the_key()
    {
        var member = new TestMember().Grant(5).Put("a", lease: 5).Put("b", lease: 5).Delete("a").Put("a");

        Assert.Equal("b", AttachedTo(member, 5));
        Assert.Equal("", AttachedTo(member, 7));
        member.Revoke(5);
        Assert.Equal("a= c5 m5 v1", member.All());
    }

    [Fact]
    public void A_lease_and_its_keys_change_within_a_transaction_as_outside()
    {
        var member = new TestMember().Grant(5).Put("x", lease: 5);

        member.Apply(Txn(Txn(Put("a", lease: 5), Put("b", lease: 5)), Txn(Delete("a")), Delete("x")));

        Assert.Equal("b", AttachedTo(member, 5));
    }

    [Fact]
    public void A_checkpoint_keeps_what_is_left_of_known_leases()
    {
        var member = new TestMember().Grant(5).Grant(6);

        member.Checkpoint(99, grantIndex: 1, seconds: 3).Checkpoint(5, member.GrantIndexOf(5), seconds: 42);

        Assert.Equal([new Lease(new(5), 1, 60, 42), new Lease(new(6), 2, 60)], member.Machine.Leases.List());
        Assert.Equal([42, 60], member.Machine.Leases.List().Select(lease => lease.EffectiveTtlSeconds));
    }

    [Fact]
    public void What_a_leader_decides_about_a_lease_means_no_later_one_of_the_same_id()
    {
        var member = new TestMember().Grant(5);
        ulong first = member.GrantIndexOf(5);
        member.Revoke(5);
        member.Grant(5).Put("a", lease: 5);

        Assert.Same(EtcdError.LeaseNotFound, member.Refusal(new LeaseExpireRequest { Id = 5, GrantIndex = first }));
        member.Checkpoint(5, first, seconds: 42);

        Assert.Equal("a", AttachedTo(member, 5));
        Assert.Equal(60, member.Machine.Leases.List().Single().EffectiveTtlSeconds);
        member.Answer<LeaseRevokeResponse>(new LeaseExpireRequest { Id = 5, GrantIndex = member.GrantIndexOf(5) });
        Assert.Equal("", member.All());
    }

    [Fact]
    public void Leases_are_listed_in_the_order_of_their_ids()
    {
        var member = new TestMember().Grant(9).Grant(-3).Grant(4);

        Assert.Equal([-3, 4, 9], member.Machine.Leases.List().Select(lease => lease.Id.Value));
        Assert.Equal(3, member.Machine.Leases.Count);
    }

    [Fact]
    public void A_revision_that_is_full_goes_on_in_the_next()
    {
        var store = new TestMember().Grant(5).Machine.Store;
        var changes = new WriteTransaction(store, new LeaseTable());
        changes.Put("a"u8, default, LeaseId.None);
        changes.Put("b"u8, default, LeaseId.None);

        changes.ContinueAtNextRevision();
        Assert.Equal(2, store.CurrentRevision);
        changes.Put("c"u8, default, LeaseId.None);

        Assert.Equal(["2/0", "2/1", "3/0"], changes.Commit().Select(change => change.Revision.ToString()));
        Assert.Equal(3, store.CurrentRevision);
    }

    private static string AttachedTo(TestMember member, long lease) =>
        string.Join(" ", member.Machine.Leases.KeysOf(new(lease)).Select(Encoding.UTF8.GetString));
}
