using System.Text;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Leases;
using KvStore.Storage.Values;

namespace KvStore.Mvcc.Tests.Index;

public sealed class IndexFileTests
{
    [Fact]
    public void What_is_loaded_is_what_was_written_up_to_the_revision()
    {
        using var index = Sample(seed: 1, keys: 3000);
        using var file = new MemoryFile();
        IndexFile.Write(file, index, 5000);

        using var loaded = new NativeKeyIndex();
        Assert.Equal(5000, IndexFile.Load(file, loaded));

        Assert.Equal(History(index, 5000), History(loaded, long.MaxValue));
        Assert.Equal(index.Count(KeyRange.All, 5000), loaded.Count(KeyRange.All, 5000));
    }

    [Fact]
    public async Task A_dump_beside_writes_holds_its_revision_and_nothing_newer()
    {
        using var index = Sample(seed: 8, keys: 2000);
        using var file = new MemoryFile();
        var dump = Task.Run(() =>
        {
            for (int i = 0; i < 10; i++)
                IndexFile.Write(file, index, 7999);
        });

        long main = 8000;
        for (var random = new Random(8); !dump.IsCompleted || main < 9000; main++)
            index.Put(Encoding.UTF8.GetBytes($"/registry/pods/{random.Next(4000)}"), new Revision(main), new LeaseId(main % 3));
        await dump;

        using var loaded = new NativeKeyIndex();
        Assert.Equal(7999, IndexFile.Load(file, loaded));
        Assert.Equal(History(index, 7999), History(loaded, long.MaxValue));
    }

    [Fact]
    public void Both_indexes_write_the_same_bytes()
    {
        using var index = Sample(seed: 2, keys: 500);
        using var file = new MemoryFile();
        IndexFile.Write(file, index, long.MaxValue);
        using var obvious = new SortedKeyIndex();
        IndexFile.Load(file, obvious);

        using var again = new MemoryFile();
        IndexFile.Write(again, obvious, long.MaxValue);

        Assert.True(file.Bytes.SequenceEqual(again.Bytes));
    }

    [Fact]
    public void An_empty_index_is_a_header_and_an_end()
    {
        using var index = new NativeKeyIndex();
        using var file = new MemoryFile();
        IndexFile.Write(file, index, 1);

        using var loaded = new NativeKeyIndex();
        Assert.Equal(1, IndexFile.Load(file, loaded));
        Assert.Equal(44, file.Length);
        Assert.Equal(0, loaded.KeyCount);
    }

    [Fact]
    public void A_longer_file_that_was_there_leaves_nothing_behind()
    {
        using var index = Sample(seed: 3, keys: 10);
        using var file = new MemoryFile();
        file.Write(0, new byte[100_000]);

        IndexFile.Write(file, index, long.MaxValue);

        using var loaded = new NativeKeyIndex();
        IndexFile.Load(file, loaded);
        Assert.Equal(History(index, long.MaxValue), History(loaded, long.MaxValue));
    }

    [Fact]
    public void Keys_of_a_megabyte_are_written_and_loaded()
    {
        using var index = new NativeKeyIndex();
        byte[] key = new byte[1_500_000];
        Random.Shared.NextBytes(key);
        for (int i = 0; i < 5; i++)
        {
            key[^1] = (byte)i;
            index.Put(key, new Revision(2 + i), LeaseId.None);
        }
        using var file = new MemoryFile();
        IndexFile.Write(file, index, long.MaxValue);

        using var loaded = new NativeKeyIndex();
        IndexFile.Load(file, loaded);

        Assert.Equal(History(index, long.MaxValue), History(loaded, long.MaxValue));
    }

    [Fact]
    public void Every_flipped_bit_is_refused()
    {
        using var index = Sample(seed: 4, keys: 60);
        using var file = new MemoryFile();
        IndexFile.Write(file, index, long.MaxValue);

        for (int bit = 0; bit < 8 * file.Length; bit++)
        {
            file.Bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            using var loaded = new SortedKeyIndex();
            Assert.Throws<InvalidDataException>(() => IndexFile.Load(file, loaded));
            file.Bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Every_cut_and_any_tail_is_refused()
    {
        using var index = Sample(seed: 5, keys: 60);
        using var whole = new MemoryFile();
        IndexFile.Write(whole, index, long.MaxValue);

        for (int length = 0; length < whole.Length; length++)
        {
            using var cut = new MemoryFile();
            cut.Write(0, whole.Bytes[..length]);
            Assert.Throws<InvalidDataException>(() => IndexFile.Load(cut, new SortedKeyIndex()));
        }
        whole.Write(whole.Length, [0]);
        Assert.Throws<InvalidDataException>(() => IndexFile.Load(whole, new SortedKeyIndex()));
    }

    [Fact]
    public void Random_payloads_with_a_right_checksum_are_refused_or_loaded_but_break_nothing()
    {
        var random = new Random(6);
        for (int i = 0; i < 3000; i++)
        {
            using var file = new MemoryFile();
            using var empty = new NativeKeyIndex();
            IndexFile.Write(file, empty, 1000);
            byte[] payload = new byte[random.Next(1, 40)];
            random.NextBytes(payload);
            for (int j = 0; j < payload.Length; j++)
                payload[j] %= (byte)random.Next(1, 256);
            WriteBlock(file, payload, changes: (uint)random.Next(1, 4));

            using var loaded = new NativeKeyIndex();
            Record.Exception(() => IndexFile.Load(file, loaded)).IsNullOr<InvalidDataException>();
        }
    }

    [Fact]
    public void A_newer_format_and_a_foreign_file_are_named()
    {
        using var file = new MemoryFile();
        file.Write(0, Encoding.ASCII.GetBytes("something else altogether, and long enough"));

        Assert.Contains("is no key index", Assert.Throws<InvalidDataException>(() => IndexFile.ReadRevision(file)).Message);
    }

    private static void WriteBlock(MemoryFile file, byte[] payload, uint changes)
    {
        byte[] block = new byte[12 + payload.Length];
        BitConverter.TryWriteBytes(block, payload.Length);
        BitConverter.TryWriteBytes(block.AsSpan(4), changes);
        payload.CopyTo(block, 12);
        byte[] summed = [.. block[..8], .. payload];
        BitConverter.TryWriteBytes(block.AsSpan(8), KvStore.Storage.Crc32C.Of(summed));
        file.Write(IndexFile.HeaderSize, block);
    }

    private static NativeKeyIndex Sample(int seed, int keys)
    {
        var random = new Random(seed);
        var index = new NativeKeyIndex();
        for (long main = 2; main < 4 * keys; main++)
        {
            byte[] key = Encoding.UTF8.GetBytes($"/registry/pods/{random.Next(keys)}");
            long sub = random.Next(4) == 0 ? random.Next(1 << 22) : 0;
            if (random.Next(4) == 0 && index.TryGet(key, main, out _))
                index.Delete(key, new Revision(main, sub));
            else
                index.Put(key, new Revision(main, sub), new LeaseId(random.Next(5) == 0 ? random.NextInt64() : 0));
        }
        return index;
    }

    private static List<(string, KeyState, bool)> History(IKeyIndex index, long to)
    {
        var changes = new List<(string, KeyState, bool)>();
        index.VisitHistory(KeyRange.All, 0, to, (key, in state, isTombstone) =>
        {
            changes.Add((Convert.ToHexString(key), state, isTombstone));
            return true;
        });
        return changes;
    }
}

internal static class RefusalExtensions
{
    public static void IsNullOr<TException>(this Exception? exception)
    {
        if (exception is not null)
            Assert.IsType<TException>(exception);
    }
}
