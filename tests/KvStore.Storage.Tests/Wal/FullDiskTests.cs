using KvStore.Storage.Disks;
using KvStore.Storage.Disks.Simulated;
using KvStore.Storage.Wal;
using static KvStore.Storage.Tests.Wal.LogScript;

namespace KvStore.Storage.Tests.Wal;

public class FullDiskTests
{
    private const int SegmentBytes = 16 << 10;

    private readonly SimulatedDisk _disk = new();

    [Fact]
    public void A_full_disk_leaves_the_reserved_space_usable()
    {
        using var log = Create(_disk);
        log.TryPrepareNextSegment();
        _disk.CapacityBytes = _disk.UsedBytes;
        Assert.Equal(2 * (SegmentBytes - 4096), log.ReservedBytes);

        for (ulong index = 1; index <= 6; index++)
            log.Write(Entries(1, index, index), State(1, index));

        Assert.Equal(0, log.ReservedBytes);
        Assert.Throws<DiskFullException>(() => log.TryPrepareNextSegment());
        Assert.Equal(6UL, log.LastIndex);
    }

    [Fact]
    public void What_found_no_room_waits_and_is_written_once_there_is_room()
    {
        using var log = Create(_disk);
        _disk.CapacityBytes = _disk.UsedBytes;
        for (ulong index = 1; index <= 3; index++)
            log.Write(Entries(1, index, index));
        log.Append(Entries(1, 4, 4), null);
        Assert.Throws<DiskFullException>(log.Sync);
        log.Append(Entries(1, 5, 5), State(1, 5));
        Assert.Throws<DiskFullException>(log.Sync);
        Assert.Equal(3UL, log.LastIndex);

        _disk.CapacityBytes = long.MaxValue;
        log.Sync();

        AssertSame(Entries(1, 1, 5), log.All());
        _disk.PowerLoss(new SeededRandom(3));
        using var opened = Open(_disk);
        AssertSame(Entries(1, 1, 5), opened.All());
        Assert.Equal(State(1, 5), opened.HardState);
    }

    [Fact]
    public void A_failed_preparation_leaves_no_part_of_a_segment_behind()
    {
        using var log = Create(_disk);
        long used = _disk.UsedBytes;
        _disk.CapacityBytes = long.MaxValue;
        _disk.Faults = operation => operation.Kind == DiskOperationKind.Write ? DiskFault.DiskFull : DiskFault.None;

        Assert.Throws<DiskFullException>(() => log.TryPrepareNextSegment());

        Assert.Equal(used, _disk.UsedBytes);
        _disk.Faults = null;
        Assert.True(log.TryPrepareNextSegment());
        Assert.False(log.TryPrepareNextSegment());
    }

    [Fact]
    public void On_a_full_disk_a_released_segment_becomes_the_next_one_and_needs_no_room()
    {
        using var log = Create(_disk);
        log.TryPrepareNextSegment();
        _disk.CapacityBytes = _disk.UsedBytes;

        for (ulong index = 1; index <= 200; index++)
        {
            log.Write(Entries(1, index, index), State(1, index));
            if (index % 2 == 1)
                continue;
            log.Checkpoint(index).ReleaseBefore(index + 1);
            if (log.ReservedBytes == 0)
                Assert.True(log.TryPrepareNextSegment());
        }

        _disk.PowerLoss(new SeededRandom(1));
        using var opened = Open(_disk);
        Assert.Equal(200UL, opened.LastIndex);
    }

    [Fact]
    public void A_spare_segment_of_an_earlier_life_keeps_its_room_on_a_full_disk()
    {
        using (var log = Create(_disk))
            log.TryPrepareNextSegment();
        _disk.CapacityBytes = _disk.UsedBytes;
        _disk.Restart();

        using var opened = Open(_disk);

        Assert.True(opened.TryPrepareNextSegment());
        Assert.Equal(2 * (SegmentBytes - 4096), opened.ReservedBytes);
    }

    [Fact]
    public void A_failed_sync_ends_the_log()
    {
        using var log = Create(_disk);
        log.Write(Entries(1, 1, 1));
        log.Append(Entries(1, 2, 2), null);
        _disk.Faults = operation => operation.Kind == DiskOperationKind.Sync ? DiskFault.IoError : DiskFault.None;

        Assert.Contains("the member must stop", Assert.Throws<WalException>(log.Sync).Message);

        _disk.Faults = null;
        Assert.Throws<WalException>(log.Sync);
        Assert.Throws<WalException>(() => log.Append(Entries(1, 2, 2), null));
        Assert.Equal(1UL, log.LastIndex);
    }

    [Fact]
    public void What_a_failed_sync_left_in_the_cache_is_durable_once_the_log_is_opened_again()
    {
        using (var log = Create(_disk))
        {
            log.Write(Entries(1, 1, 1));
            log.Append(Entries(1, 2, 2, bytes: 3000), null);
            _disk.Faults = operation => operation.Kind == DiskOperationKind.Sync ? DiskFault.IoError : DiskFault.None;
            Assert.Throws<WalException>(log.Sync);
        }
        _disk.Faults = null;
        _disk.Restart();
        Open(_disk).Dispose();

        for (ulong seed = 1; seed <= 20; seed++)
        {
            var disk = _disk.Copy();
            disk.PowerLoss(new SeededRandom(seed));
            using var opened = Open(disk);
            AssertSame([.. Entries(1, 1, 1), .. Entries(1, 2, 2, bytes: 3000)], opened.All());
        }
    }
}
