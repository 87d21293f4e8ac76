using KvStore.Mvcc.Errors;
using KvStore.Mvcc.Tests.Support;
using static KvStore.Mvcc.Tests.Support.Build;
using static KvStore.Protocol.RangeRequest.Types;

namespace KvStore.Mvcc.Tests.Ranges;

public class RangeTests
{
    // Revision:                                        2             3             4             5             6
    private readonly TestMember _member = new TestMember().Put("a", "3").Put("b", "1").Put("c", "2").Put("a", "4").Put("d", "0");

    [Fact]
    public void A_fresh_store_is_at_revision_1_and_empty()
    {
        var response = new TestMember().Range("a");

        Assert.Equal((1, 0, 0), (response.Header.Revision, response.Kvs.Count, response.Count));
    }

    [Theory]
    [InlineData("b", "", "b")]
    [InlineData("b", "\0", "b c d")]
    [InlineData("\0", "\0", "a b c d")]
    [InlineData("a", "c", "a b")]
    [InlineData("b", "b", "")]
    [InlineData("c", "a", "")]
    [InlineData("x", "", "")]
    public void The_range_end_says_which_keys_are_meant(string key, string end, string keys)
    {
        var response = _member.Range(key, end);

        Assert.Equal(keys, Keys(response));
        Assert.Equal(response.Kvs.Count, response.Count);
        Assert.Equal(6, response.Header.Revision);
    }

    [Fact]
    public void A_key_comes_with_its_value_and_revisions()
    {
        Assert.Equal("a=4 c2 m5 v2", _member.Get("a"));
    }

    [Theory]
    [InlineData(0, "a b c d", false)]
    [InlineData(-1, "a b c d", false)]
    [InlineData(3, "a b c", true)]
    [InlineData(4, "a b c d", false)]
    [InlineData(5, "a b c d", false)]
    public void A_limit_cuts_and_says_so_and_the_count_is_of_the_whole_range(long limit, string keys, bool more)
    {
        var response = _member.Range("a", "z", limit: limit);

        Assert.Equal((keys, more, 4), (Keys(response), response.More, response.Count));
    }

    [Theory]
    [InlineData("a", "z", 4)]
    [InlineData("b", "", 1)]
    [InlineData("x", "", 0)]
    [InlineData("c", "a", 0)]
    public void A_count_comes_without_keys_even_with_a_limit_and_keys_only(string key, string end, long count)
    {
        var request = Range(key, end, limit: 1);
        request.CountOnly = request.KeysOnly = true;

        var response = _member.Range(request);

        Assert.Equal((0, false, count), (response.Kvs.Count, response.More, response.Count));
    }

    [Theory]
    [InlineData("a", "")]
    [InlineData("a", "b")]
    public void Keys_only_leaves_out_the_value_and_keeps_the_rest(string key, string end)
    {
        _member.Grant(5).Put("a", "9", lease: 5);
        var request = Range(key, end);
        request.KeysOnly = true;

        Assert.Equal("a= c2 m7 v3 l5", Text(Assert.Single(_member.Range(request).Kvs)));
        request.SortOrder = SortOrder.Descend;
        Assert.Equal("a= c2 m7 v3 l5", Text(Assert.Single(_member.Range(request).Kvs)));
    }

    [Theory]
    [InlineData(SortOrder.None, SortTarget.Key, "a b c d")]
    [InlineData(SortOrder.Ascend, SortTarget.Key, "a b c d")]
    [InlineData(SortOrder.Descend, SortTarget.Key, "d c b a")]
    [InlineData(SortOrder.None, SortTarget.Mod, "b c a d")]
    [InlineData(SortOrder.Descend, SortTarget.Mod, "d a c b")]
    [InlineData(SortOrder.Ascend, SortTarget.Create, "a b c d")]
    [InlineData(SortOrder.Descend, SortTarget.Create, "d c b a")]
    [InlineData(SortOrder.Ascend, SortTarget.Version, "b c d a")]
    [InlineData(SortOrder.Descend, SortTarget.Version, "a b c d")]
    [InlineData(SortOrder.None, SortTarget.Value, "d b c a")]
    [InlineData(SortOrder.Descend, SortTarget.Value, "a c b d")]
    public void Keys_are_sorted_by_each_target_and_ascend_where_no_order_is_given(SortOrder order, SortTarget target, string keys)
    {
        var request = Range("a", "z");
        (request.SortOrder, request.SortTarget) = (order, target);

        Assert.Equal(keys, Keys(_member.Range(request)));
        request.KeysOnly = true;
        Assert.Equal(keys, Keys(_member.Range(request)));
    }

    [Fact]
    public void Sorting_comes_before_the_limit()
    {
        var request = Range("a", "z", limit: 2);
        (request.SortOrder, request.SortTarget) = (SortOrder.Descend, SortTarget.Value);

        var response = _member.Range(request);

        Assert.Equal(("a c", true, 4), (Keys(response), response.More, response.Count));
    }

    [Theory]
    [InlineData(4, 0, 0, 0, "a c d")]
    [InlineData(0, 4, 0, 0, "b c")]
    [InlineData(4, 5, 0, 0, "a c")]
    [InlineData(0, 0, 3, 0, "b c d")]
    [InlineData(0, 0, 0, 3, "a b")]
    [InlineData(0, 0, 3, 4, "b c")]
    [InlineData(5, 0, 0, 5, "a")]
    public void Bounds_on_revisions_are_inclusive_and_the_count_ignores_them(
        long minMod, long maxMod, long minCreate, long maxCreate, string keys)
    {
        var request = Range("a", "z");
        (request.MinModRevision, request.MaxModRevision) = (minMod, maxMod);
        (request.MinCreateRevision, request.MaxCreateRevision) = (minCreate, maxCreate);

        var response = _member.Range(request);

        Assert.Equal((keys, 4), (Keys(response), response.Count));
    }

    [Fact]
    public void Bounds_come_before_the_limit_and_count_for_a_single_key_too()
    {
        var request = Range("a", "z", limit: 1);
        request.MaxModRevision = 4;
        var single = Range("a");
        single.MaxModRevision = 4;

        var cut = _member.Range(request);
        var none = _member.Range(single);

        Assert.Equal(("b", true, 4), (Keys(cut), cut.More, cut.Count));
        Assert.Equal(("", false, 1), (Keys(none), none.More, none.Count));
    }

    [Fact]
    public void The_latest_change_before_a_revision_is_found_by_sort_limit_and_bound_together()
    {
        var request = Range("a", "z", limit: 1);
        (request.SortOrder, request.SortTarget, request.MaxModRevision) = (SortOrder.Descend, SortTarget.Mod, 5);

        Assert.Equal("a", Keys(_member.Range(request)));
    }

    [Fact]
    public void A_past_revision_shows_the_store_as_it_was_under_the_current_header()
    {
        _member.Delete("b");

        var response = _member.Range("a", "z", revision: 4);

        Assert.Equal(("a b c", 3, 7), (Keys(response), response.Count, response.Header.Revision));
        Assert.Equal("a=3 c2 m2 v1", _member.Get("a", revision: 4));
        Assert.Equal("none", _member.Get("b"));
        Assert.Equal("b=1 c3 m3 v1", _member.Get("b", revision: 6));
    }

    [Fact]
    public void Pages_of_a_list_are_read_at_the_revision_of_the_first()
    {
        var first = _member.Range("a", "z", limit: 2);
        _member.Put("b0").Delete("c");

        var second = _member.Range("b\0", "z", revision: first.Header.Revision, limit: 2);

        Assert.Equal(("c d", false, 2), (Keys(second), second.More, second.Count));
    }

    [Fact]
    public void A_future_revision_is_refused_and_none_or_a_negative_one_is_the_current()
    {
        Assert.Equal(EtcdError.FutureRevision, Assert.Throws<EtcdException>(() => _member.Range("a", revision: 7)).Error);
        Assert.Equal("a=4 c2 m5 v2", _member.Get("a", revision: 6));
        Assert.Equal("a=4 c2 m5 v2", _member.Get("a", revision: -3));
    }

    [Fact]
    public void Below_the_compacted_revision_is_refused_and_the_revision_itself_is_readable()
    {
        _member.Compact(4).Clean();

        Assert.Equal(EtcdError.Compacted, Assert.Throws<EtcdException>(() => _member.Range("a", revision: 3)).Error);
        Assert.Equal("a=3 c2 m2 v1, b=1 c3 m3 v1, c=2 c4 m4 v1", _member.All(revision: 4));
    }

    [Fact]
    public void Large_answers_have_the_same_bytes_spliced_as_encoded()
    {
        var member = new TestMember();
        for (int i = 0; i < 700; i++)
            member.Put($"key{i:d5}", new string('v', i * 3));
        member.Put("key00900", new string('w', 600_000));

        Assert.Equal(701, member.Range("key", "l").Kvs.Count);
    }
}
