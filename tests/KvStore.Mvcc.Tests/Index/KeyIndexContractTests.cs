using System.Text;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Leases;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Tests.Index;

/// <summary>What every key index promises, in small examples; derived classes name the index.</summary>
public abstract class KeyIndexContractTests : IDisposable
{
    private readonly IKeyIndex _index;

    protected KeyIndexContractTests(IKeyIndex index) => _index = index;

    public void Dispose()
    {
        _index.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void A_put_counts_versions_from_the_creation()
    {
        Put("a", 2);
        KeyState state = Put("a", 3);

        Assert.Equal(new KeyState(new Revision(3), 2, 2, LeaseId.None), state);
        Assert.Equal(state, Get("a", 3));
        Assert.Equal(state, Get("a", 99));
    }

    [Fact]
    public void A_put_after_a_delete_creates_the_key_anew()
    {
        Put("a", 2);
        Delete("a", 3);

        Assert.Equal(new KeyState(new Revision(4), 4, 1, LeaseId.None), Put("a", 4));
        Assert.Null(Get("a", 3));
        Assert.Equal(2, Get("a", 2)?.Mod.Main);
    }

    [Fact]
    public void A_read_sees_nothing_newer_than_its_revision()
    {
        Put("a", 2, lease: 7);
        Put("a", 5);
        Put("b", 6);

        Assert.Null(Get("a", 1));
        Assert.Equal(new KeyState(new Revision(2), 2, 1, new LeaseId(7)), Get("a", 4));
        Assert.Null(Get("b", 5));
        Assert.Equal(1, _index.Count(Range("a", "c"), 5));
        Assert.Equal(2, _index.Count(Range("a", "c"), 6));
    }

    [Fact]
    public void Ranges_follow_the_protocol()
    {
        foreach (string key in new[] { "a", "a\0", "ab", "b", "c" })
            Put(key, 2);

        Assert.Equal(["a"], Keys(Range("a", "")));
        Assert.Equal(["a", "a\0", "ab"], Keys(Range("a", "b")));
        Assert.Equal(["ab", "b", "c"], Keys(Range("aa", "\0")));
        Assert.Equal(["a", "a\0", "ab", "b", "c"], Keys(Range("\0", "\0")));
        Assert.Empty(Keys(Range("b", "a")));
        Assert.Empty(Keys(Range("b", "b")));
        Assert.Empty(Keys(Range("x", "")));
    }

    [Fact]
    public void A_visit_ends_when_the_visitor_says_so()
    {
        Put("a", 2);
        Put("b", 3);
        int visited = 0;

        _index.Visit(Range("\0", "\0"), 3, (_, in _) => ++visited < 1);

        Assert.Equal(1, visited);
    }

    [Fact]
    public void The_change_before_an_event_is_its_previous_value()
    {
        Put("a", 2);
        Put("a", 5, sub: 3);
        Delete("a", 6);
        Put("a", 7);

        Assert.Null(Before("a", new Revision(2)));
        Assert.Equal(2, Before("a", new Revision(5, 3))?.Mod.Main);
        Assert.Equal(new Revision(5, 3), Before("a", new Revision(5, 4))?.Mod);
        Assert.Equal(new Revision(5, 3), Before("a", new Revision(6))?.Mod);
        Assert.Null(Before("a", new Revision(7)));
    }

    [Fact]
    public void History_is_by_key_and_then_by_revision_with_tombstones()
    {
        Put("b", 2);
        Put("a", 3);
        Delete("b", 4);
        Put("b", 5);

        Assert.Equal(["a@3", "b@2", "b@4x", "b@5"], History(0, 9));
        Assert.Equal(["a@3", "b@4x"], History(3, 4));
    }

    [Theory]
    [InlineData(3, new[] { "a@3", "a@4x", "a@6" })]
    [InlineData(4, new[] { "a@4x", "a@6" })]
    [InlineData(5, new[] { "a@6" })]
    [InlineData(6, new[] { "a@6" })]
    [InlineData(9, new[] { "a@6" })]
    public void Compaction_keeps_what_a_reader_at_the_revision_or_after_can_see(long revision, string[] expected)
    {
        Put("a", 2);
        Put("a", 3);
        Delete("a", 4);
        Put("a", 6);

        Assert.True(_index.Compact(revision, 100));

        Assert.Equal(expected, History(0, 99));
        Assert.Equal(expected.Contains("a@3"), _index.IsRetained("a"u8, new Revision(3)));
        Assert.True(_index.IsRetained("a"u8, new Revision(6)));
        Assert.False(_index.IsRetained("a"u8, new Revision(7)));
    }

    [Fact]
    public void Compaction_removes_deleted_keys()
    {
        Put("a", 2);
        Put("b", 3);
        Delete("a", 4);

        Assert.True(_index.Compact(4, 100));
        Assert.Equal(2, _index.KeyCount);
        Assert.True(_index.Compact(5, 100));

        Assert.Equal(1, _index.KeyCount);
        Assert.Equal(["b@3"], History(0, 99));
        Assert.Equal(new KeyState(new Revision(6), 6, 1, LeaseId.None), Put("a", 6));
    }

    [Fact]
    public void Compaction_goes_on_step_by_step_beside_writes()
    {
        for (int i = 0; i < 300; i++)
        {
            Put($"key{i:000}", 2 + i);
            Put($"key{i:000}", 1000 + i);
        }
        int steps = 1;
        while (!_index.Compact(1299, 7))
        {
            Put("key000a", 2000 + steps);
            Put("key299a", 4000 + steps);
            steps++;
        }

        Assert.InRange(steps, 2, 400);
        Assert.Equal(302, _index.KeyCount);
        Assert.All(History(0, 1299), change => Assert.True(int.Parse(change.Split('@')[1]) >= 1000));
    }

    [Fact]
    public void A_restored_change_is_as_it_was()
    {
        var state = new KeyState(new Revision(9, 2), 4, 17, new LeaseId(-5));
        _index.Restore("a"u8, state, false);
        _index.Restore("b"u8, new KeyState(new Revision(8), 3, 2, LeaseId.None), true);

        Assert.Equal(state, Get("a", 9));
        Assert.Null(Get("b", 9));
        Assert.Equal(["a@9", "b@8x"], History(0, 99));
        Assert.Equal(new KeyState(new Revision(10), 4, 18, LeaseId.None), Put("a", 10));
    }

    [Fact]
    public void The_apply_loop_may_delete_what_it_visits()
    {
        for (int i = 0; i < 1000; i++)
            Put($"key{i:000}", 2, sub: i);
        long sub = 0;

        _index.Visit(Range("\0", "\0"), 2, (key, in _) =>
        {
            _index.Delete(key, new Revision(3, sub++));
            return true;
        });

        Assert.Equal(1000, sub);
        Assert.Equal(0, _index.Count(Range("\0", "\0"), 3));
        Assert.Equal(1000, _index.Count(Range("\0", "\0"), 2));
    }

    private static KeyRange Range(string start, string end) => new(Encoding.UTF8.GetBytes(start), Encoding.UTF8.GetBytes(end));

    private KeyState Put(string key, long main, long sub = 0, long lease = 0) =>
        _index.Put(Encoding.UTF8.GetBytes(key), new Revision(main, sub), new LeaseId(lease));

    private void Delete(string key, long main) => _index.Delete(Encoding.UTF8.GetBytes(key), new Revision(main));

    private KeyState? Get(string key, long atRevision) =>
        _index.TryGet(Encoding.UTF8.GetBytes(key), atRevision, out KeyState state) ? state : null;

    private KeyState? Before(string key, Revision before) =>
        _index.TryGetBefore(Encoding.UTF8.GetBytes(key), before, out KeyState state) ? state : null;

    private List<string> Keys(KeyRange range)
    {
        var keys = new List<string>();
        _index.Visit(range, long.MaxValue, (key, in _) =>
        {
            keys.Add(Encoding.UTF8.GetString(key));
            return true;
        });
        Assert.Equal(keys.Count, _index.Count(range, long.MaxValue));
        return keys;
    }

    private List<string> History(long fromRevision, long toRevision)
    {
        var changes = new List<string>();
        _index.VisitHistory(Range("\0", "\0"), fromRevision, toRevision, (key, in state, isTombstone) =>
        {
            changes.Add($"{Encoding.UTF8.GetString(key)}@{state.Mod.Main}{(isTombstone ? "x" : "")}");
            return true;
        });
        return changes;
    }
}

public sealed class SortedKeyIndexTests() : KeyIndexContractTests(new SortedKeyIndex());

public sealed class NativeKeyIndexTests() : KeyIndexContractTests(new NativeKeyIndex());
