using KvStore.Storage.Values;

namespace KvStore.Storage.Tests.Values;

/// <summary>What every store must do when one of its checkpoints is read beside it.</summary>
public abstract partial class ValueStoreConformance
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 300)]
    [InlineData(3_000, 10)]
    [InlineData(2_000, 300)]
    [InlineData(40, 100_000)]
    public void A_checkpoint_is_read_in_the_order_of_writing(int count, int size)
    {
        var store = Start();
        Fill(store, 1, count, size);
        var checkpoint = Complete(store);

        using var reader = store.ReadCheckpoint(checkpoint);
        for (int main = 1; main <= count; main++)
        {
            Assert.True(reader.TryNext(out var value));
            Assert.Equal(new Revision(main), reader.Revision);
            Assert.True(value.SequenceEqual(Bytes(main, size)), $"revision {main} differs");
        }
        Assert.False(reader.TryNext(out _));
        Assert.False(reader.TryNext(out _));
    }

    [Fact]
    public void Reading_a_checkpoint_goes_on_at_any_position()
    {
        var store = Start();
        for (int main = 1; main <= 300; main++)
            store.Write(new Revision(main, main % 3), Bytes(main, SizeOf(main, 1)));
        var checkpoint = Complete(store);
        var positions = new List<long> { 0 };
        using (var reader = store.ReadCheckpoint(checkpoint))
        {
            while (reader.TryNext(out _))
                positions.Add(reader.Position);
        }
        Assert.Equal(301, positions.Count);

        for (int done = 0; done <= 300; done++)
        {
            using var reader = store.ReadCheckpoint(checkpoint, positions[done]);
            for (int main = done + 1; main <= Math.Min(done + 3, 300); main++)
            {
                Assert.True(reader.TryNext(out var value));
                Assert.Equal((new Revision(main, main % 3), positions[main]), (reader.Revision, reader.Position));
                Assert.True(value.SequenceEqual(Bytes(main, SizeOf(main, 1))));
            }
            Assert.Equal(done < 297, reader.TryNext(out _));
        }
    }

    [Fact]
    public void A_checkpoint_is_read_while_the_store_goes_on_and_gives_space_back()
    {
        var store = Start();
        Fill(store, 1, 4_000, 300);
        var checkpoint = Complete(store);
        using var reader = store.ReadCheckpoint(checkpoint);
        var before = checkpoint;

        for (int main = 1; main <= 4_000; main++)
        {
            Assert.True(reader.TryNext(out var value));
            Assert.Equal(new Revision(main), reader.Revision);
            Assert.True(value.SequenceEqual(Bytes(main, 300)), $"revision {main} differs");
            store.Write(new Revision(4_000 + main), Bytes(4_000 + main, 300));
            if (main % 800 != 0)
                continue;
            int live = main;
            CompactAll(store, revision => revision.Main > 4_000 + live / 2);
            var next = Complete(store);
            store.KeepOnly([checkpoint, before, next]);
            before = next;
        }
        Assert.False(reader.TryNext(out _));
    }

    [Fact]
    public void A_checkpoint_of_a_compacted_store_has_every_live_value_and_few_dead_ones()
    {
        var store = Start();
        Fill(store, 1, 4_000, 300);
        store.KeepOnly([Complete(store)]);
        CompactAll(store, revision => revision.Main % 10 == 0);
        var checkpoint = Complete(store);

        var seen = new HashSet<long>();
        using var reader = store.ReadCheckpoint(checkpoint);
        while (reader.TryNext(out var value))
        {
            seen.Add(reader.Revision.Main);
            Assert.True(value.SequenceEqual(Bytes((int)reader.Revision.Main, 300)));
        }

        Assert.All(Enumerable.Range(1, 400), i => Assert.Contains(i * 10, seen));
        // What was still in memory could not be examined.
        Assert.True(seen.Count < 3_800, $"{seen.Count} values");
    }

    [Fact]
    public void A_checkpoint_can_be_read_when_the_store_is_closed()
    {
        var store = Start();
        Fill(store, 1, 100, 300);
        var checkpoint = Complete(store);
        using var reader = store.ReadCheckpoint(checkpoint);
        Assert.True(reader.TryNext(out _));

        store.Dispose();

        int count = 1;
        while (reader.TryNext(out _))
            count++;
        Assert.Equal(100, count);
    }

    [Fact]
    public void A_position_that_a_checkpoint_does_not_have_is_refused()
    {
        var store = Start();
        Fill(store, 1, 100, 300);
        var checkpoint = Complete(store);

        Assert.Throws<InvalidDataException>(() => store.ReadCheckpoint(checkpoint, 1L << 40));
        Assert.Throws<InvalidDataException>(() => store.ReadCheckpoint(checkpoint, 1));
        Assert.Throws<InvalidDataException>(() => store.ReadCheckpoint(new CheckpointId(Guid.NewGuid())));
    }
}
