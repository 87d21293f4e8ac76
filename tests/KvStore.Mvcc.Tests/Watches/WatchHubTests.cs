using KvStore.Mvcc.Watches;
using KvStore.Protocol;

namespace KvStore.Mvcc.Tests.Watches;

public class WatchHubTests
{
    private readonly TestHub _hub = new();

    [Fact]
    public void A_watch_from_now_gets_what_comes_after_it_was_made()
    {
        _hub.Commit("a=1").Watch("a").Run();

        _hub.Commit("a=2").Commit("b=1").Commit("-a");

        Assert.Equal(["0@2 created", "0@5 3/0 a=2, 5/0 -a"], _hub.Taken());
    }

    [Fact]
    public void A_watch_from_the_past_gets_the_history_from_its_start_on_and_then_what_comes()
    {
        _hub.Commit("a=1").Commit("a=2").Commit("a=3").Watch("a", start: 3);

        Assert.Equal(["0@4 created", "0@4 3/0 a=2, 4/0 a=3"], _hub.Taken());
        Assert.Equal(["0@5 5/0 a=4"], _hub.Commit("a=4").Taken());
    }

    [Fact]
    public void A_watch_from_the_future_is_silent_until_then()
    {
        _hub.Watch("a", start: 4).Run();

        Assert.Equal(["0@1 created"], _hub.Commit("a=1").Commit("a=2").Taken());
        Assert.Equal(["0@4 4/0 a=3"], _hub.Commit("a=3").Taken());
    }

    [Fact]
    public void A_watch_from_the_future_is_silent_until_then_even_where_events_were_dropped()
    {
        var hub = new TestHub(new WatchHubOptions { BacklogBytes = 0 });
        hub.Watch("a", start: 6).Watch("b").Run();

        hub.Commit("a=1").Commit("a=2").Commit("a=3").Commit("b=1").Commit("a=4", "b=2");

        Assert.Equal(["0@1 created", "0@6 6/0 a=4", "1@1 created", "1@6 5/0 b=1, 6/1 b=2"], hub.Taken().Order());
    }

    [Fact]
    public void Ids_are_given_from_0_on_and_skip_those_in_use()
    {
        _hub.Watch("a").Watch("a", id: 2).Watch("a").Watch("a").Watch("a", id: -7);

        Assert.Equal(["0@1 created", "2@1 created", "1@1 created", "3@1 created", "-7@1 created"], _hub.Taken());
    }

    [Fact]
    public void An_id_in_use_is_refused()
    {
        _hub.Watch("a", id: 5).Watch("b", id: 5);

        Assert.Equal(["5@1 created", "-1@1 created canceled mvcc: duplicate watch ID provided on the WatchStream"], _hub.Taken());
    }

    [Fact]
    public void An_id_is_free_again_after_its_watch_was_canceled()
    {
        _hub.Watch("a", id: 5).Run();
        _hub.Stream.Cancel(5);

        Assert.Equal(["5@1 created", "5@1 canceled", "5@1 created"], _hub.Watch("b", id: 5).Taken());
    }

    [Theory]
    [InlineData("b", "a")]
    [InlineData("b", "b")]
    public void An_empty_range_is_refused(string key, string end) =>
        Assert.Equal(["-1@1 created canceled mvcc: watcher range is empty"], _hub.Watch(key, end).Taken());

    [Fact]
    public void A_negative_start_is_refused_as_compacted() =>
        Assert.Equal(["-1@1 created canceled etcdserver: mvcc: required revision has been compacted"], _hub.Watch("a", start: -1).Taken());

    [Fact]
    public void An_empty_key_is_the_first_key_there_can_be()
    {
        _hub.Watch("").Run();

        Assert.Equal(["0@1 created", "0@2 2/0 \0=1"], _hub.Commit("\0=1", "a=1").Taken());
    }

    [Fact]
    public void A_start_that_is_compacted_is_created_and_then_canceled_with_the_compacted_revision()
    {
        _hub.Commit("a=1").Commit("a=2").Commit("a=3").Compact(3).Watch("a", start: 2);

        Assert.Equal(["0@4 created", "0@0 canceled compacted 3"], _hub.Taken());
        Assert.Empty(_hub.Commit("a=4").Taken());
    }

    [Fact]
    public void The_compacted_revision_itself_can_be_watched_from()
    {
        _hub.Commit("a=1").Commit("a=2").Commit("a=3").Compact(3).Watch("a", start: 3);

        Assert.Equal(["0@4 created", "0@4 3/0 a=2, 4/0 a=3"], _hub.Taken());
    }

    [Fact]
    public void A_compaction_between_look_and_read_cancels_the_watch()
    {
        _hub.Commit("a=1").Commit("a=2").Commit("a=3").Watch("a", start: 2);
        _hub.Source.ReadingHistory = () => _hub.Compact(4);

        Assert.Equal(["0@4 created", "0@0 canceled compacted 4"], _hub.Taken());
    }

    [Fact]
    public void A_synced_watch_does_not_mind_compaction()
    {
        _hub.Watch("a").Run();

        Assert.Equal(["0@1 created", "0@3 2/0 a=1, 3/0 a=2"], _hub.Commit("a=1").Commit("a=2").Compact(3).Taken());
    }

    [Fact]
    public void Cancel_is_answered_once_and_an_unknown_id_not_at_all()
    {
        _hub.Watch("a").Run();
        _hub.Stream.Cancel(0);
        _hub.Stream.Cancel(0);
        _hub.Stream.Cancel(9);

        Assert.Equal(["0@1 created", "0@1 canceled"], _hub.Taken());
        Assert.Empty(_hub.Commit("a=1").Taken());
        Assert.Equal(0, _hub.Hub.WatcherCount);
    }

    [Fact]
    public void Events_that_came_before_a_cancel_precede_its_answer()
    {
        _hub.Watch("a").Run();
        _hub.Commit("a=1").Stream.Cancel(0);

        Assert.Equal(["0@1 created", "0@2 2/0 a=1", "0@2 canceled"], _hub.Taken());
    }

    [Fact]
    public void The_changes_of_one_revision_come_together()
    {
        _hub.Watch("a", "z").Run();

        Assert.Equal(["0@1 created", "0@2 2/0 a=1, 2/1 b=1, 2/2 -a"], _hub.Commit("a=1", "b=1", "-a").Taken());
    }

    [Fact]
    public void Fragments_split_what_is_large_and_the_last_says_that_it_is()
    {
        var hub = new TestHub(new WatchHubOptions { FragmentBytes = 20 });
        hub.Watch("a", "z", fragment: true).Watch("a", "z").Run();

        hub.Commit("a=11111111", "b=11111111", "c=1");

        Assert.Equal(
            ["0@1 created", "1@1 created", "0@2 2/0 a=11111111 ...", "0@2 2/1 b=11111111 ...", "0@2 2/2 c=1", "1@2 2/0 a=11111111, 2/1 b=11111111, 2/2 c=1"],
            hub.Taken());
    }

    [Fact]
    public void Filters_leave_out_puts_or_deletes_and_an_answer_without_events_is_not_sent()
    {
        _hub.Watch("a", filters: [WatchCreateRequest.Types.FilterType.Noput]).Watch("a", filters: [WatchCreateRequest.Types.FilterType.Nodelete]).Run();

        _hub.Commit("a=1");
        Assert.Equal(["0@1 created", "1@1 created", "1@2 2/0 a=1"], _hub.Taken());
        Assert.Equal(["0@3 3/0 -a"], _hub.Commit("-a").Taken());
    }

    [Fact]
    public void The_previous_value_comes_with_updates_and_deletes_but_not_with_creations()
    {
        _hub.Watch("a", prevKv: true).Run();

        Assert.Equal(["0@1 created", "0@4 2/0 a=1, 3/0 a=2 was a=1, 4/0 -a was a=2"], _hub.Commit("a=1").Commit("a=2").Commit("-a").Taken());
    }

    [Fact]
    public void A_previous_value_that_is_compacted_is_left_out()
    {
        _hub.Commit("a=1").Commit("a=2").Commit("a=3").Compact(3).Watch("a", start: 3, prevKv: true);

        Assert.Equal(["0@4 created", "0@4 3/0 a=2, 4/0 a=3 was a=2"], _hub.Taken());
    }

    [Fact]
    public void A_progress_request_is_answered_once_for_the_stream_behind_all_its_events()
    {
        _hub.Watch("a").Watch("b").Run();
        _hub.Commit("a=1").Commit("c=1").Stream.RequestProgress();

        Assert.Equal(["0@1 created", "1@1 created", "0@3 2/0 a=1", "-1@3"], _hub.Taken());
    }

    [Fact]
    public void Progress_waits_for_events_that_are_on_their_way()
    {
        _hub.Watch("a").Run();
        var events = _hub.Source.Commit("a=1");
        _hub.Stream.RequestProgress();
        Assert.Equal(["0@1 created"], _hub.Taken());

        _hub.Hub.Publish(2, events);
        _hub.Hub.Wake();

        Assert.Equal(["0@2 2/0 a=1", "-1@2"], _hub.Taken());
    }

    [Fact]
    public void Progress_is_silent_without_a_watch_and_with_one_of_the_future()
    {
        _hub.Stream.RequestProgress();
        Assert.Empty(_hub.Taken());

        _hub.Watch("a").Watch("a", start: 5).Run();
        _hub.Stream.RequestProgress();

        Assert.Equal(["0@1 created", "1@1 created"], _hub.Taken());
    }

    [Fact]
    public void Progress_is_silent_while_a_watch_is_behind()
    {
        var hub = new TestHub(new WatchHubOptions { StreamQueueMessages = 2 });
        hub.Watch("a", "z").Run();
        hub.Commit("a=1").Run().Commit("a=2").Run();

        hub.Stream.RequestProgress();

        Assert.Equal(["0@1 created", "0@2 2/0 a=1"], hub.Taken());
        Assert.Equal(["0@3 3/0 a=2"], hub.Taken());
    }

    [Fact]
    public void Progress_notices_go_to_synced_watches_that_asked_and_heard_nothing_since_the_last_one()
    {
        _hub.Watch("a", progress: true).Watch("b").Watch("b", progress: true).Watch("a", start: 9, progress: true).Run();
        _hub.Hub.NotifyProgress();
        _hub.Run().Commit("a=1");
        Assert.Equal(["0@1 created", "1@1 created", "2@1 created", "3@1 created", "0@2 2/0 a=1"], _hub.Taken());

        _hub.Hub.NotifyProgress();
        Assert.Equal(["2@2"], _hub.Taken());
        _hub.Hub.NotifyProgress();
        Assert.Equal(["0@2", "2@2"], _hub.Taken());
    }

    [Fact]
    public void A_slow_stream_falls_back_to_history_and_loses_nothing()
    {
        var hub = new TestHub(new WatchHubOptions { StreamQueueMessages = 2 });
        hub.Watch("a").Run();
        for (int i = 0; i < 10; i++)
            hub.Commit($"a={i}").Run();
        Assert.Equal(1, hub.Hub.BehindCount);

        var revisions = hub.TakeAll().SelectMany(message => message.Events).Select(change => change.Event.Revision.Main);

        Assert.Equal(Enumerable.Range(2, 10).Select(revision => (long)revision), revisions);
        Assert.Equal(0, hub.Hub.BehindCount);
    }

    [Fact]
    public void A_slow_stream_holds_up_no_other()
    {
        var hub = new TestHub(new WatchHubOptions { StreamQueueMessages = 1 });
        var quick = hub.Open();
        hub.Watch("a").Watch("a", stream: quick).Run();
        Assert.Equal(["0@1 created"], hub.Taken(quick));

        Assert.Equal(["0@2 2/0 a=1"], hub.Commit("a=1").Taken(quick));
        Assert.Equal(["0@3 3/0 a=2"], hub.Commit("a=2").Taken(quick));
    }

    [Fact]
    public void A_stream_whose_answers_nobody_takes_accepts_no_more_requests_until_half_of_them_are_gone()
    {
        var hub = new TestHub(new WatchHubOptions { StreamRequests = 4 });
        hub.Watch("a").Watch("b").Watch("c");
        Assert.True(hub.Stream.AcceptsRequests);
        hub.Stream.Cancel(0);
        Assert.False(hub.Stream.AcceptsRequests);
        hub.Run();
        Assert.False(hub.Stream.AcceptsRequests);

        Assert.Equal(["0@1 created"], hub.Taken(most: 1));
        Assert.Equal(0, hub.ReceiverWakes);
        Assert.Equal(["1@1 created"], hub.Taken(most: 1));

        Assert.Equal((true, 1), (hub.Stream.AcceptsRequests, hub.ReceiverWakes));
        Assert.Equal(["2@1 created", "0@1 canceled"], hub.Taken());
    }

    [Fact]
    public void Requests_that_have_no_answer_are_open_only_until_the_hub_has_seen_them()
    {
        var hub = new TestHub(new WatchHubOptions { StreamRequests = 4 });
        for (int i = 0; i < 4; i++)
            hub.Stream.Cancel(i);
        Assert.False(hub.Stream.AcceptsRequests);
        Assert.Empty(hub.Taken());
        Assert.Equal((true, 1), (hub.Stream.AcceptsRequests, hub.ReceiverWakes));

        for (int i = 0; i < 4; i++)
            hub.Stream.RequestProgress();
        Assert.False(hub.Stream.AcceptsRequests);

        Assert.Empty(hub.Taken());
        Assert.Equal((true, 2), (hub.Stream.AcceptsRequests, hub.ReceiverWakes));
    }

    [Fact]
    public void A_progress_request_is_open_while_it_waits_for_events()
    {
        var hub = new TestHub(new WatchHubOptions { StreamRequests = 1 });
        Assert.Equal(["0@1 created"], hub.Watch("a").Taken());
        var events = hub.Source.Commit("a=1");
        hub.Stream.RequestProgress();
        Assert.Empty(hub.Taken());
        Assert.False(hub.Stream.AcceptsRequests);

        hub.Hub.Publish(2, events);
        hub.Hub.Wake();

        Assert.Equal(["0@2 2/0 a=1"], hub.Taken(most: 1));
        Assert.False(hub.Stream.AcceptsRequests);
        Assert.Equal(["-1@2"], hub.Taken());
        Assert.True(hub.Stream.AcceptsRequests);
    }

    [Fact]
    public void Events_that_nobody_takes_hold_up_no_request()
    {
        var hub = new TestHub(new WatchHubOptions { StreamRequests = 2 });
        Assert.Equal(["0@1 created"], hub.Watch("a").Taken());

        for (int i = 0; i < 200; i++)
            hub.Commit($"a={i}").Run();

        Assert.True(hub.Stream.AcceptsRequests);
    }

    [Fact]
    public void A_slow_watch_that_compaction_passes_is_canceled()
    {
        var hub = new TestHub(new WatchHubOptions { StreamQueueMessages = 1 });
        hub.Watch("a").Run();
        hub.Commit("a=1").Commit("a=2").Run().Compact(3).Commit("b=1");

        Assert.Equal(["0@1 created", "0@0 canceled compacted 3"], hub.TakeAll().Select(TestHub.Text));
    }

    [Fact]
    public void Catching_up_takes_whole_revisions_and_says_how_far_it_is()
    {
        var hub = new TestHub(new WatchHubOptions { CatchUpRevisions = 2 });
        hub.Commit("a=1", "b=1").Commit("b=2").Commit("a=3").Commit("b=4").Watch("a", start: 2);

        Assert.Equal(["0@5 created", "0@3 2/0 a=1", "0@5 4/0 a=3"], hub.Taken());
    }

    [Fact]
    public void A_backlog_over_its_limit_is_read_from_history_without_gap_or_repetition()
    {
        var hub = new TestHub(new WatchHubOptions { BacklogBytes = 30 });
        hub.Watch("a").Run();
        for (int i = 0; i < 20; i++)
            hub.Commit($"a={i}");
        Assert.Equal(0, hub.Source.HistoryReads);

        var revisions = hub.TakeAll().SelectMany(message => message.Events).Select(change => change.Event.Revision.Main);

        Assert.Equal(Enumerable.Range(2, 20).Select(revision => (long)revision), revisions);
        Assert.NotEqual(0, hub.Source.HistoryReads);
    }

    [Fact]
    public void A_revision_without_a_watcher_costs_the_apply_loop_nothing_and_a_later_watch_does_not_get_it()
    {
        _hub.Commit("a=1").Commit("a=2").Watch("a").Run();

        Assert.Equal(["0@3 created", "0@4 4/0 a=3"], _hub.Commit("a=3").Taken());
        Assert.Equal(0, _hub.Source.HistoryReads);
    }

    [Fact]
    public void A_watch_made_between_a_revision_and_its_events_is_not_told_of_them()
    {
        _hub.Watch("b").Run();
        var events = _hub.Source.Commit("a=1");
        _hub.Watch("a").Run();
        _hub.Hub.Publish(2, events);

        Assert.Equal(["0@1 created", "1@2 created", "1@3 3/0 a=2"], _hub.Commit("a=2").Taken());
    }

    [Fact]
    public void A_closed_stream_gets_nothing_more_and_its_watches_are_gone()
    {
        _hub.Watch("a").Watch("b").Run();
        _hub.Stream.Close();
        _hub.Watch("c").Run();

        Assert.Equal(["0@1 created", "1@1 created"], _hub.Commit("a=1", "b=1", "c=1").Taken());
        Assert.Equal((0, 0), (_hub.Hub.WatcherCount, _hub.Hub.StreamCount));
    }

    [Fact]
    public void Streams_number_their_watches_apart()
    {
        var other = _hub.Open();
        _hub.Watch("a").Watch("a", stream: other);

        Assert.Equal(["0@1 created"], _hub.Taken());
        Assert.Equal(["0@1 created"], _hub.Taken(other));
    }
}
