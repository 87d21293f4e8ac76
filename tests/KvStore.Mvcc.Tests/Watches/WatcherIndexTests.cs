using KvStore.Mvcc.Index;
using KvStore.Mvcc.Watches;
using KvStore.Protocol;
using static KvStore.Mvcc.Tests.Support.Build;

namespace KvStore.Mvcc.Tests.Watches;

public class WatcherIndexTests
{
    private readonly WatcherIndex _index = new();
    private readonly List<Watcher> _all = [];

    [Fact]
    public void A_single_key_a_range_and_an_open_range_are_found_by_the_keys_they_hold()
    {
        var single = Add("b", "");
        var range = Add("a", "c");
        var open = Add("b", "\0");

        Assert.Equal([range], Find("a"));
        Assert.Equal([single, range, open], Find("b"));
        Assert.Equal([open], Find("c"));
        Assert.Empty(Find("A"));
    }

    [Fact]
    public void A_watcher_that_was_removed_is_found_no_more_but_its_neighbours_are()
    {
        var gone = Add("a", "c");
        var twin = Add("a", "c");
        var single = Add("b", "");

        _index.Remove(gone);
        Assert.Equal([twin, single], Find("b"));

        _index.Remove(twin);
        _index.Remove(single);
        Assert.Empty(Find("b"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Hundreds_of_random_ranges_are_found_as_if_each_was_looked_at(int seed)
    {
        var random = new Random(seed);

        for (int i = 0; i < 600; i++)
        {
            if (_all.Count > 0 && random.Next(3) == 0)
                Remove(random.Next(_all.Count));
            else
                Add(Key(random), random.Next(3) switch { 0 => "", 1 => "\0", _ => Key(random) });
            string key = Key(random);
            Assert.Equal(_all.Where(watcher => watcher.Range.Contains(Bytes(key).Span)), Find(key));
        }
    }

    private static string Key(Random random) => new((char)('a' + random.Next(26)), 1 + random.Next(2));

    private Watcher Add(string key, string end)
    {
        var watcher = new Watcher(null!, _all.Count, new KeyRange(Bytes(key).Memory, Bytes(end).Memory), 1, new WatchCreateRequest());
        _index.Add(watcher);
        _all.Add(watcher);
        return watcher;
    }

    private void Remove(int place)
    {
        _index.Remove(_all[place]);
        _all.RemoveAt(place);
    }

    /// <summary>In the order in which they were added.</summary>
    private IEnumerable<Watcher> Find(string key)
    {
        var groups = new List<List<Watcher>>();
        _index.Find(Bytes(key).Memory, groups);
        var found = groups.SelectMany(group => group).ToList();
        Assert.Equal(found.Count, found.Distinct().Count());
        return found.OrderBy(watcher => _all.IndexOf(watcher)).ToList();
    }
}
