using System.Text;
using KvStore.Mvcc.Index;
using KvStore.Mvcc.Leases;
using KvStore.Storage.Values;
using Xunit.Abstractions;

namespace KvStore.Mvcc.Tests.Index;

/// <summary>What a key costs: memory is asserted, times are printed as CPU time (the machine may be busy).</summary>
public sealed class KeyIndexCostTests(ITestOutputHelper output)
{
    private static bool IsLong => Environment.GetEnvironmentVariable("KVSTORE_TEST_LANE") == "long";

    [Fact]
    public void A_put_of_a_known_key_allocates_nothing()
    {
        using var index = new NativeKeyIndex();
        byte[][] keys = Keys(10_000);
        long main = 1;
        foreach (byte[] key in keys)
            index.Put(key, new Revision(++main), LeaseId.None);
        long before = GC.GetAllocatedBytesForCurrentThread();

        foreach (byte[] key in keys)
            index.Put(key, new Revision(++main), new LeaseId(main % 3));

        // A handful of times the table of segments grows.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4096);
    }

    [Fact]
    public void A_hundred_thousand_keys_take_seventy_bytes_each()
    {
        using var index = new NativeKeyIndex();
        long main = 1;
        foreach (byte[] key in Keys(100_000))
            index.Put(key, new Revision(++main), LeaseId.None);

        Assert.InRange(index.MemoryBytes / 100_000, 40, 75);
    }

    [Fact]
    public void Compaction_gives_the_memory_of_old_changes_back_for_new_ones()
    {
        using var index = new NativeKeyIndex();
        byte[][] keys = Keys(10_000);
        long main = 1;
        long firstRounds = 0;
        for (int round = 0; round < 20; round++)
        {
            foreach (byte[] key in keys)
                index.Put(key, new Revision(++main), LeaseId.None);
            while (!index.Compact(main, 1000))
            {
            }
            if (round == 2)
                firstRounds = index.MemoryBytes;
        }

        Assert.Equal(firstRounds, index.MemoryBytes);
    }

    [Fact]
    public void Figures_at_many_keys()
    {
        foreach (int count in IsLong ? [1_000_000, 10_000_000] : new[] { 20_000 })
            Measure(count);
    }

    private void Measure(int count)
    {
        byte[][] keys = Keys(count);
        var random = new Random(1);
        GC.Collect();
        long rss = Environment.WorkingSet;
        using var index = new NativeKeyIndex();
        long main = 1;

        Time("random insert", count, () => Array.ForEach(keys, key => index.Put(key, new Revision(++main), LeaseId.None)));
        GC.Collect();
        double rssPerKey = (double)(Environment.WorkingSet - rss) / count;
        output.WriteLine($"{count} keys of {keys.Average(k => k.Length):0.0} bytes");
        output.WriteLine($"per key: {PerKey(index, count)} bytes held, {rssPerKey:0.0} bytes of RSS");
        long loaded = main;

        int gets = Math.Min(count, 1_000_000);
        Time("get", gets, () => Repeat(gets, () => Assert.True(index.TryGet(keys[random.Next(count)], main, out _))));
        int scans = Math.Min(count / 500, 2000);
        Time("scan of 500", scans, () => Repeat(scans, () => Scan(index, keys[random.Next(count)], main)));
        Time("count of all, per key", count, () => Assert.Equal(count, index.Count(KeyRange.All, main)));
        int updates = Math.Min(count, 1_000_000);
        byte[] AnyKey() => keys[random.Next(count)];
        Time("update", updates, () => Repeat(updates, () => index.Put(AnyKey(), new Revision(++main), LeaseId.None)));
        Time("get at the old revision", gets, () => Repeat(gets, () => Assert.True(index.TryGet(AnyKey(), loaded, out _))));
        Time("count of all at the old revision, per key", count, () => Assert.Equal(count, index.Count(KeyRange.All, loaded)));
        output.WriteLine($"with {updates} updates: {PerKey(index, count)} bytes held per key");
        Time("compaction, per key", count, () => Repeat(1, () =>
        {
            while (!index.Compact(main, 1000))
            {
            }
        }));

        using var file = new MemoryFile();
        Time("dump, per key", count, () => IndexFile.Write(file, index, main));
        using var other = new NativeKeyIndex();
        Time("load, per key", count, () => IndexFile.Load(file, other));
        output.WriteLine($"file: {(double)file.Length / count:0.0} bytes per key; loaded: {PerKey(other, count)} held per key");
        Assert.Equal(count, other.Count(KeyRange.All, main));
    }

    private static string PerKey(NativeKeyIndex index, int count) => $"{(double)index.MemoryBytes / count:0.0}";

    private static void Scan(NativeKeyIndex index, byte[] start, long main)
    {
        int left = 500;
        index.Visit(KeyRange.From(start), main, (_, in _) => --left > 0);
    }

    private static void Repeat(int times, Action action)
    {
        for (int i = 0; i < times; i++)
            action();
    }

    private void Time(string what, int times, Action action)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        action();
        TimeSpan spent = Environment.CpuUsage.TotalTime - before;
        output.WriteLine($"{what}: {spent.TotalMicroseconds / times:0.000} us of CPU, {spent.TotalSeconds:0.00} s in all");
    }

    /// <summary>Paths of 34 bytes on average, in random order.</summary>
    private static byte[][] Keys(int count)
    {
        var random = new Random(7);
        byte[][] keys = new byte[count][];
        for (int i = 0; i < count; i++)
            keys[i] = Encoding.UTF8.GetBytes($"/registry/pods/ns-{i % 100}/pod-{(uint)i * 2654435761u:x8}{i % 7}");
        random.Shuffle(keys);
        return keys;
    }
}
