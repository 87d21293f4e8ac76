using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Tests.Support;
using KvStore.Protocol;
using static KvStore.Mvcc.Tests.Support.Build;

namespace KvStore.Mvcc.Tests.Transactions;

public class PutTests
{
    [Fact]
    public void The_first_write_is_at_revision_2()
    {
        var member = new TestMember();

        var response = member.Answer<PutResponse>(Put("a", "1"));

        Assert.Equal(2, response.Header.Revision);
        Assert.Equal((0ul, 0ul, 0ul), (response.Header.ClusterId, response.Header.MemberId, response.Header.RaftTerm));
        Assert.Equal("a=1 c2 m2 v1", member.Get("a"));
    }

    [Fact]
    public void A_put_of_a_living_key_keeps_its_creation_and_counts_its_version()
    {
        var member = new TestMember().Put("a", "1").Put("b").Put("a", "2");

        Assert.Equal("a=2 c2 m4 v2", member.Get("a"));
    }

    [Fact]
    public void A_put_after_a_delete_creates_the_key_anew()
    {
        var member = new TestMember().Put("a", "1").Put("a", "2").Delete("a");

        member.Put("a", "3");

        Assert.Equal("a=3 c5 m5 v1", member.Get("a"));
    }

    [Fact]
    public void The_previous_key_value_comes_on_request_if_there_is_one()
    {
        var member = new TestMember();

        Assert.Null(member.Answer<PutResponse>(Put("a", "1", prevKv: true)).PrevKv);
        Assert.Null(member.Answer<PutResponse>(Put("a", "2")).PrevKv);
        Assert.Equal("a=2 c2 m3 v2", Text(member.Answer<PutResponse>(Put("a", "3", prevKv: true)).PrevKv));
    }

    [Fact]
    public void A_kept_value_stays_while_the_lease_changes()
    {
        var member = new TestMember().Grant(5).Put("a", "1");

        member.Answer<PutResponse>(new PutRequest { Key = Bytes("a"), IgnoreValue = true, Lease = 5 });

        Assert.Equal("a=1 c2 m3 v2 l5", member.Get("a"));
    }

    [Fact]
    public void A_kept_lease_stays_while_the_value_changes()
    {
        var member = new TestMember().Grant(5).Put("a", "1", lease: 5);

        member.Answer<PutResponse>(new PutRequest { Key = Bytes("a"), Value = Bytes("2"), IgnoreLease = true });

        Assert.Equal("a=2 c2 m3 v2 l5", member.Get("a"));
        Assert.Single(member.Machine.Leases.KeysOf(new(5)));
    }

    [Fact]
    public void Nothing_can_be_kept_of_a_missing_key()
    {
        var member = new TestMember().Put("a").Delete("a");

        Assert.Same(EtcdError.KeyNotFound, member.Refusal(new PutRequest { Key = Bytes("a"), IgnoreValue = true }));
        Assert.Same(EtcdError.KeyNotFound, member.Refusal(new PutRequest { Key = Bytes("a"), IgnoreLease = true }));
    }

    [Fact]
    public void The_lease_must_exist_which_is_checked_first()
    {
        var member = new TestMember();

        Assert.Same(EtcdError.LeaseNotFound, member.Refusal(Put("a", "1", lease: 5)));
        Assert.Same(EtcdError.LeaseNotFound, member.Refusal(new PutRequest { Key = Bytes("a"), IgnoreValue = true, Lease = 5 }));
        Assert.Equal("none", member.Get("a"));
    }

    [Fact]
    public void Empty_values_and_keys_of_any_bytes_are_stored()
    {
        var member = new TestMember();

        member.Put("\0").Put("\0\0", "x").Put("é\0z");

        Assert.Equal("\0= c2 m2 v1, \0\0=x c3 m3 v1, é\0z= c4 m4 v1", member.All());
    }

    [Fact]
    public void A_put_tells_what_it_changed()
    {
        var member = new TestMember().Put("a", "1");

        var result = member.Apply(Put("a", "2"));

        var change = Assert.Single(result.Events);
        Assert.Equal((3, 0, false, false), (change.Revision.Main, change.Revision.Sub, change.IsDelete, change.IsCreate));
        Assert.Equal("a=2 c2 m3 v2", Text(KeyValue.Parser.ParseFrom(change.KeyValue.Span)));
        Assert.Equal("a"u8, change.Key.Span);
        Assert.Equal(3, result.Revision);
        Assert.True(member.Apply(Put("b")).Events[0].IsCreate);
    }
}
