using KvStore.Mvcc.Tests.Support;
using KvStore.Protocol;
using static KvStore.Mvcc.Tests.Support.Build;

namespace KvStore.Mvcc.Tests.Transactions;

public class DeleteTests
{
    private readonly TestMember _member = new TestMember().Put("c", "3").Put("a", "1").Put("b", "2");

    [Fact]
    public void A_delete_says_how_many_keys_it_deleted_at_the_next_revision()
    {
        var response = _member.Answer<DeleteRangeResponse>(Delete("a", "c"));

        Assert.Equal((2, 5), (response.Deleted, response.Header.Revision));
        Assert.Empty(response.PrevKvs);
        Assert.Equal("c=3 c2 m2 v1", _member.All());
    }

    [Theory]
    [InlineData("x", "")]
    [InlineData("c", "a")]
    [InlineData("x", "\0")]
    public void A_delete_of_nothing_leaves_the_revision_and_reports_it(string key, string end)
    {
        var response = _member.Answer<DeleteRangeResponse>(Delete(key, end, prevKv: true));

        Assert.Equal((0, 4, 4), (response.Deleted, response.Header.Revision, _member.Revision));
    }

    [Fact]
    public void The_previous_key_values_come_on_request_in_key_order()
    {
        var response = _member.Answer<DeleteRangeResponse>(Delete("\0", "\0", prevKv: true));

        Assert.Equal(
            ["a=1 c3 m3 v1", "b=2 c4 m4 v1", "c=3 c2 m2 v1"],
            response.PrevKvs.Select(Text));
        Assert.Equal("a=1 c3 m3 v1", Text(Assert.Single(new TestMember().Put("x").Put("a", "1")
            .Answer<DeleteRangeResponse>(Delete("a", prevKv: true)).PrevKvs)));
    }

    [Fact]
    public void The_events_of_a_delete_are_in_key_order_and_carry_key_and_revision_alone()
    {
        var events = _member.Apply(Delete("a", "\0")).Events;

        Assert.Equal(["5/0", "5/1", "5/2"], events.Select(change => change.Revision.ToString()));
        Assert.Equal(
            [new KeyValue { Key = Bytes("a"), ModRevision = 5 }, new() { Key = Bytes("b"), ModRevision = 5 }, new() { Key = Bytes("c"), ModRevision = 5 }],
            events.Select(change => KeyValue.Parser.ParseFrom(change.KeyValue.Span)));
        Assert.All(events, change => Assert.True(change.IsDelete));
    }

    [Fact]
    public void A_deleted_key_is_still_there_at_an_earlier_revision()
    {
        _member.Delete("a").Delete("a");

        Assert.Equal("a=1 c3 m3 v1", _member.Get("a", revision: 4));
        Assert.Equal(5, _member.Revision);
    }
}
