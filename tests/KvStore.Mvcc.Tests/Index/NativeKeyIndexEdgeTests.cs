using System.Text;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Leases;
using KvStore.Raft;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Tests.Index;

/// <summary>What the native index's layout makes special: overflowing fields, long histories, memory that readers hold.</summary>
public sealed class NativeKeyIndexEdgeTests : IDisposable
{
    private readonly NativeKeyIndex _index = new();

    public void Dispose() => _index.Dispose();

    [Fact]
    public void A_version_may_pass_32_bits()
    {
        _index.Restore("a"u8, new KeyState(new Revision(9), 2, uint.MaxValue - 1L, LeaseId.None), false);

        for (int i = 1; i <= 4; i++)
            Assert.Equal(uint.MaxValue - 1L + i, _index.Put("a"u8, new Revision(9 + i), LeaseId.None).Version);

        for (int i = 0; i <= 4; i++)
        {
            Assert.True(_index.TryGet("a"u8, 9 + i, out KeyState state));
            Assert.Equal(new KeyState(new Revision(9 + i), 2, uint.MaxValue - 1L + i, LeaseId.None), state);
        }
    }

    [Fact]
    public void A_hot_key_is_read_at_each_of_its_revisions()
    {
        const int Updates = 100_000;
        for (int i = 1; i <= Updates; i++)
            _index.Put("hot"u8, new Revision(10 * i), new LeaseId(i % 1000 == 0 ? i : 0));

        for (int i = 1; i <= Updates; i += 7)
        {
            Assert.True(_index.TryGet("hot"u8, 10 * i + 3, out KeyState state));
            Assert.Equal(new KeyState(new Revision(10 * i), 10, i, new LeaseId(i % 1000 == 0 ? i : 0)), state);
        }
        long next = 5000;
        _index.VisitHistory(KeyRange.All, 50_000, 70_000, (_, in state, _) => state.Mod.Main == 10 * next++);
        Assert.Equal(7001, next);
        IndexStructure.Check(_index);
    }

    [Fact]
    public void Compaction_of_a_hot_key_frees_its_chunks_step_by_step()
    {
        const int Updates = 50_000;
        for (int i = 1; i <= Updates; i++)
            _index.Put("hot"u8, new Revision(i), LeaseId.None);
        for (int at = 1000; at < Updates; at += 7000)
        {
            Assert.True(_index.Compact(at, 1000));
            Assert.True(_index.TryGet("hot"u8, at, out KeyState state));
            Assert.Equal(at, state.Version);
            Assert.False(_index.IsRetained("hot"u8, new Revision(at - 1)));
            Assert.True(_index.IsRetained("hot"u8, new Revision(at + 1)));
            IndexStructure.Check(_index);
        }
        Assert.True(_index.Compact(Updates, 1000));

        Assert.Equal(Leaf.MinSize, _index.Heap.UsedBytes);
    }

    [Fact]
    public void Nothing_that_a_registered_reader_may_look_at_is_freed()
    {
        for (int i = 1; i <= 1000; i++)
            _index.Put("hot"u8, new Revision(i), LeaseId.None);
        long used = _index.Heap.UsedBytes;
        ReadScope early = _index.BeginRead();
        ReadScope alsoEarly = _index.BeginRead();

        Assert.True(_index.Compact(1000, 1000));
        Assert.Equal(used, _index.Heap.UsedBytes);
        early.Dispose();
        using ReadScope late = _index.BeginRead();
        Assert.True(_index.Compact(1000, 1000));
        Assert.Equal(used, _index.Heap.UsedBytes);
        alsoEarly.Dispose();
        Assert.True(_index.Compact(1000, 1000));

        Assert.Equal(Leaf.MinSize, _index.Heap.UsedBytes);
    }

    [Fact]
    public void A_long_key_stays_readable_to_the_reader_that_found_it()
    {
        byte[] key = new byte[100_000];
        key.AsSpan().Fill(7);
        _index.Put(key, new Revision(2), LeaseId.None);
        _index.Put("z"u8, new Revision(3), LeaseId.None);
        using ReadScope scope = _index.BeginRead();

        _index.Visit(KeyRange.All, 3, (found, in _) =>
        {
            if (found.Length == 1)
                return true;
            _index.Delete(found, new Revision(4));
            Assert.True(_index.Compact(5, 100));
            Assert.True(found.SequenceEqual(key));
            return true;
        });

        Assert.False(_index.TryGet(key, 5, out _));
    }

    [Fact]
    public void Many_readers_at_once_get_scopes_and_give_them_back()
    {
        var scopes = Enumerable.Range(0, 500).Select(_ => _index.BeginRead()).ToList();

        scopes.ForEach(scope => scope.Dispose());

        Assert.Throws<InvariantException>(() => scopes[0].Dispose());
    }

    [Fact]
    public void What_must_not_happen_stops_the_caller_and_changes_nothing()
    {
        _index.Put("a"u8, new Revision(5), LeaseId.None);

        Assert.Throws<InvariantException>(() => _index.Put([], new Revision(6), LeaseId.None));
        Assert.Throws<InvariantException>(() => _index.Put("a"u8, new Revision(5), LeaseId.None));
        Assert.Throws<InvariantException>(() => _index.Delete("b"u8, new Revision(6)));
        Assert.Throws<InvariantException>(() => _index.Put("b"u8, new Revision(1L << 42), LeaseId.None));

        Assert.Equal(1, _index.Count(KeyRange.All, 99));
        IndexStructure.Check(_index);
    }

    [Fact]
    public void Keys_in_order_leave_full_leaves_also_in_the_middle_of_others()
    {
        _index.Put("z"u8, new Revision(1), LeaseId.None);
        for (int i = 0; i < 20_000; i++)
            _index.Put(Encoding.ASCII.GetBytes($"a/{i:00000000}"), new Revision(i + 2), LeaseId.None);

        // 24 bytes of fields, 2 of an end, 3 of a suffix, and a tenth of room: as the key behind them keeps the prefix short.
        Assert.InRange(_index.Heap.UsedBytes / 20_000.0, 28, 33);
        IndexStructure.Check(_index);
    }
}
