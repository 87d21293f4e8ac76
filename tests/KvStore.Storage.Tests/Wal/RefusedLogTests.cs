using System.Buffers.Binary;
using KvStore.Storage.Disks.Simulated;
using KvStore.Storage.Wal;
using static KvStore.Storage.Tests.Wal.LogScript;

namespace KvStore.Storage.Tests.Wal;

/// <summary>What is not this log, or no more what was written, is refused with the file's name and a reason.</summary>
public class RefusedLogTests
{
    private readonly SimulatedDisk _disk = new();

    [Fact]
    public void A_newer_format_is_refused_and_says_so()
    {
        Create(_disk).Dispose();
        byte[] bytes = _disk.BytesOf(PathOf(1));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), 2);
        _disk.Place(PathOf(1), bytes);

        Assert.Contains("format version 2", Refusal());
        Assert.Contains(PathOf(1), Refusal());
    }

    [Fact]
    public void A_foreign_file_is_refused()
    {
        _disk.Place(PathOf(1), new byte[20_000]);

        Assert.Contains("no segment of a write-ahead log", Refusal());
    }

    [Fact]
    public void A_file_with_a_foreign_name_is_refused_and_others_are_left_alone()
    {
        Create(_disk).Dispose();
        _disk.Place($"{LogDirectory}/README", [1]);
        Open(_disk).Dispose();
        _disk.Place($"{LogDirectory}/1.wal", [1]);

        Assert.Contains("its name is no sequence", Refusal());
    }

    [Fact]
    public void A_missing_segment_is_refused()
    {
        WriteSegments(4);
        _disk.Delete(PathOf(2));

        Assert.Contains($"the segment '{PathOf(2)}' is missing", Refusal());
    }

    [Fact]
    public void A_segment_that_ends_early_is_refused_when_another_follows()
    {
        WriteSegments(3);
        byte[] bytes = _disk.BytesOf(PathOf(2));
        bytes.AsSpan(8192).Clear();
        _disk.Place(PathOf(2), bytes);

        Assert.Contains("damaged", Refusal());
        Assert.Contains(PathOf(3), Refusal());
    }

    [Fact]
    public void A_segment_of_another_member_is_refused()
    {
        WriteSegments(3);
        var other = new SimulatedDisk();
        using (var log = WriteAheadLog.Create(other, LogDirectory, new WalIdentity(0xC1, 0xB2), SmallSegments))
            for (ulong index = 1; index <= 9; index++)
                log.Write(Entries(1, index, index));
        _disk.Place(PathOf(3), other.BytesOf(PathOf(3)));

        Assert.Contains("belongs to cluster c1, member b2", Refusal());
    }

    [Fact]
    public void A_segment_under_another_name_is_refused()
    {
        WriteSegments(3);
        _disk.Rename(PathOf(3), PathOf(7));
        _disk.Delete(PathOf(1));
        _disk.Delete(PathOf(2));

        Assert.Contains("misnamed", Refusal());
    }

    [Fact]
    public void A_zeroed_batch_is_refused_when_another_follows_in_its_segment()
    {
        using (var log = Create(_disk))
            log.Write(Entries(1, 1, 1)).Write(Entries(1, 2, 2)).Write(Entries(1, 3, 3));
        byte[] bytes = _disk.BytesOf(PathOf(1));
        bytes.AsSpan(8192, 4096).Clear();
        _disk.Place(PathOf(1), bytes);

        Assert.Contains("batch 2 is missing, batch 3 is at 12288", Refusal());
    }

    [Fact]
    public void A_batch_that_lacks_a_sector_is_refused_when_more_was_written_behind_it()
    {
        using (var log = Create(_disk))
            log.Write(Entries(1, 1, 1, bytes: 2000)).Write(Entries(1, 2, 2));
        byte[] bytes = _disk.BytesOf(PathOf(1));
        bytes.AsSpan(4096 + 1024, 512).Clear();
        _disk.Place(PathOf(1), bytes);

        Assert.Contains("more was written behind it", Refusal());
    }

    [Fact]
    public void A_last_batch_that_lacks_a_sector_is_torn_though_a_whole_sector_of_it_is_zero_as_it_should_be()
    {
        using (var log = Create(_disk))
            log.Write(Entries(1, 1, 1)).Write([new(1, 2, default, new byte[1500]), .. Entries(1, 3, 3, bytes: 900)]);
        byte[] bytes = _disk.BytesOf(PathOf(1));
        bytes[8192 + 2300] ^= 1;
        _disk.Place(PathOf(1), bytes);
        Assert.Contains("a record fails its check", Refusal());

        bytes.AsSpan(8192 + 2048, 512).Clear();
        _disk.Place(PathOf(1), bytes);

        using var opened = Open(_disk);
        Assert.Equal("1/1 1/2", Indexes(opened.All()));
    }

    [Fact]
    public void Entries_that_fail_their_check_when_they_are_read_back_are_refused()
    {
        using var log = Create(_disk);
        log.Write(Entries(1, 1, 3));
        _disk.FlipBit(PathOf(1), 4096 + 100, 3);

        Assert.Contains("fail their check", Assert.Throws<WalException>(() => log.ReadEntries(1, 4, 1000)).Message);
    }

    private void WriteSegments(ulong count)
    {
        using var log = Create(_disk);
        for (ulong index = 1; index <= 3 * count; index++)
            log.Write(Entries(1, index, index));
        Assert.Equal((int)count, _disk.List(LogDirectory).Count);
    }

    private string Refusal()
    {
        long operations = _disk.Operations;
        string message = Assert.Throws<WalException>(() => Open(_disk)).Message;
        Assert.Equal(operations, _disk.Operations);
        return message;
    }
}
