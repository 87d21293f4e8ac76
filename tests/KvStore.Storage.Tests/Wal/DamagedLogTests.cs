using KvStore.Storage.Disks.Simulated;
using KvStore.Storage.Wal;
using KvStore.Testing;
using Xunit.Abstractions;
using static KvStore.Storage.Tests.Wal.LogScript;

namespace KvStore.Storage.Tests.Wal;

/// <summary>A log of 64 KiB in four segments: cut at every byte, every bit flipped.</summary>
public class DamagedLogTests(ITestOutputHelper output)
{
    private static readonly LogImage Image = LogImage.Write();
    private static readonly LogImage.Content Whole = LogImage.ContentOf(Image.Records);

    [Fact]
    public void The_log_is_64_KiB_in_four_segments_with_every_type_of_record()
    {
        Assert.Equal(4, Image.Segments.Count);
        Assert.All(Image.Segments, segment => Assert.Equal(LogImage.SegmentBytes, segment.Length));
        Assert.Equal([1, 2, 3], Image.Records.Select(record => record.Type).Distinct().Order());
        using var log = Open(Image.DiskOf(int.MaxValue));
        Assert.Equal(Whole.ToString(), LogImage.Content.Of(log).ToString());
    }

    [Fact]
    public void Cut_at_every_byte_exactly_the_whole_records_come_back()
    {
        int cases = 0;

        Parallel.For(0, (4 * LogImage.SegmentBytes) + 1, cut =>
        {
            CheckCut(cut);
            Interlocked.Increment(ref cases);
        });

        Report($"{cases} cuts checked");
        Assert.Equal(65537, cases);
    }

    [Fact]
    public void Every_flipped_bit_is_refused_or_cut_as_torn_where_a_sector_is_zero_and_changes_nothing_in_padding()
    {
        int refused = 0;
        int harmless = 0;
        int cut = 0;

        Parallel.ForEach(Image.Regions, region =>
        {
            var disk = Image.DiskOf(int.MaxValue);
            for (int offset = region.Start; offset < region.End; offset++)
                foreach (int bit in BitsToFlip(region, offset))
                    switch (CheckFlip(disk, region, offset, bit))
                    {
                        case Outcome.Refused: Interlocked.Increment(ref refused); break;
                        case Outcome.Harmless: Interlocked.Increment(ref harmless); break;
                        default: Interlocked.Increment(ref cut); break;
                    }
        });

        Report($"{refused + harmless + cut} flipped bits checked: {refused} refused, {harmless} in padding, {cut} cut as torn");
        if (!Lanes.IsFast)
            Assert.Equal(4 * LogImage.SegmentBytes * 8, refused + harmless + cut);
    }


    // Every bit of what is written; of the padding, which is all alike, one bit a byte unless there is time.
    private static IEnumerable<int> BitsToFlip(LogImage.Region region, int offset) =>
        region.Kind == LogImage.RegionKind.Padding && Lanes.IsFast ? [offset % 8] : Enumerable.Range(0, 8);

    private enum Outcome
    {
        Refused,
        Harmless,
        Cut,
    }

    private static void CheckCut(int cut)
    {
        var disk = Image.DiskOf(cut);
        int segment = Math.Max(0, (cut - 1) / LogImage.SegmentBytes);
        int end = cut - (segment * LogImage.SegmentBytes);
        var head = Image.Regions.First(region => region.Segment == segment && region.Kind == LogImage.RegionKind.Head);
        if (segment == 0 && end < head.End)
        {
            if (cut > 0)
                Assert.Throws<WalException>(() => Open(disk));
            return;
        }
        var expected = LogImage.ContentOf(Image.Records.Where(
            record => record.Segment < segment || (record.Segment == segment && record.End <= end)));

        using (var log = Open(disk))
            Assert.True(LogImage.Content.Of(log).IsSameAs(expected), $"cut at {cut}: {LogImage.Content.Of(log)}");

        if (cut % 16 == 0)
            CheckThatTheLogGoesOn(disk, expected);
    }

    private static void CheckThatTheLogGoesOn(SimulatedDisk disk, LogImage.Content expected)
    {
        ulong next = (ulong)expected.Entries.Count + 1;
        using (var log = Open(disk))
            log.Write(Entries(9, next, next + 1, bytes: 1000), State(9, next));
        disk.PowerLoss(new SeededRandom(next));
        using var opened = Open(disk);
        AssertSame([.. expected.Entries, .. Entries(9, next, next + 1, bytes: 1000)], opened.All());
    }

    private static Outcome CheckFlip(SimulatedDisk disk, LogImage.Region region, int offset, int bit)
    {
        string path = PathOf((ulong)region.Segment + 1);
        disk.FlipBit(path, offset, bit);
        long operations = disk.Operations;
        var outcome = OutcomeOf(disk, region, offset, bit);
        if (disk.Operations == operations)
            disk.FlipBit(path, offset, bit);
        else
            disk.Place(path, Image.Segments[region.Segment]);
        return outcome;
    }

    private static Outcome OutcomeOf(SimulatedDisk disk, LogImage.Region region, int offset, int bit)
    {
        string at = $"segment {region.Segment + 1} offset {offset} bit {bit} ({region.Kind})";
        LogImage.Content content;
        long operations = disk.Operations;
        try
        {
            using var log = Open(disk);
            content = LogImage.Content.Of(log);
        }
        catch (WalException error)
        {
            Assert.True(region.Kind != LogImage.RegionKind.Padding, $"{at}: {error.Message}");
            Assert.Contains(PathOf((ulong)region.Segment + 1), error.Message);
            Assert.Equal(operations, disk.Operations);
            return Outcome.Refused;
        }
        if (region.Kind == LogImage.RegionKind.Padding)
        {
            Assert.True(content.IsSameAs(Whole), at);
            return Outcome.Harmless;
        }
        Assert.True(region == Image.LastBatch && IsOnlyBitOfItsSector(offset, bit), at);
        return Outcome.Cut;
    }

    private static bool IsOnlyBitOfItsSector(int offset, int bit)
    {
        var sector = Image.Segments[^1].AsSpan(offset / 512 * 512, 512).ToArray();
        sector[offset % 512] ^= (byte)(1 << bit);
        return !sector.AsSpan().ContainsAnyExcept((byte)0);
    }

    private void Report(string line)
    {
        output.WriteLine(line);
        Figures.Report($"write-ahead log of 64 KiB in 4 segments: {line}");
    }
}
