using KvStore.Chaos.Traffic;
using KvStore.Protocol;

namespace KvStore.Chaos.Tests.Traffic;

public sealed class LastingWatchTests
{
    [Fact]
    public void A_watch_goes_on_behind_the_last_event_that_it_has_seen()
    {
        var watch = new LastingWatch(1, new WatchCreateRequest { StartRevision = 3 });

        watch.Take(Events(isFragment: false, 5, 7));

        Assert.Equal(8, watch.NextRevision);
    }

    [Fact]
    public void A_watch_whose_last_revision_may_lack_its_rest_goes_on_at_that_revision()
    {
        var watch = new LastingWatch(1, new WatchCreateRequest { StartRevision = 3 });

        watch.Take(Events(isFragment: true, 5, 7));
        watch.Take(new WatchResponse { Header = new ResponseHeader { Revision = 20 } });

        Assert.Equal(7, watch.NextRevision);
    }

    [Fact]
    public void A_watch_from_now_on_goes_on_behind_the_revision_at_which_it_was_made()
    {
        var watch = new LastingWatch(1, new WatchCreateRequest());

        watch.Take(new WatchResponse { Header = new ResponseHeader { Revision = 20 }, Created = true });

        Assert.Equal(21, watch.NextRevision);
    }

    [Fact]
    public void A_bookmark_moves_a_watch_on()
    {
        var watch = new LastingWatch(1, new WatchCreateRequest { StartRevision = 3 });

        watch.Take(new WatchResponse { Header = new ResponseHeader { Revision = 9 } });

        Assert.Equal(10, watch.NextRevision);
    }

    [Fact]
    public void A_watch_that_the_server_ends_is_over()
    {
        var watch = new LastingWatch(1, new WatchCreateRequest { StartRevision = 3 });

        watch.Take(new WatchResponse { Header = new ResponseHeader(), Canceled = true, CompactRevision = 5 });

        Assert.True(watch.IsOver);
    }

    private static WatchResponse Events(bool isFragment, params long[] revisions) => new()
    {
        Header = new ResponseHeader { Revision = revisions[^1] },
        Fragment = isFragment,
        Events = { revisions.Select(revision => new Event { Kv = new KeyValue { ModRevision = revision } }) },
    };
}
