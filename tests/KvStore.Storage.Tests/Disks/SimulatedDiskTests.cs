using KvStore.Storage.Disks;
using KvStore.Storage.Disks.Simulated;

namespace KvStore.Storage.Tests.Disks;

public class SimulatedDiskTests
{
    private readonly SimulatedDisk _disk = new();

    public SimulatedDiskTests() => _disk.CreateDirectory("/d");

    [Fact]
    public void Only_an_empty_directory_is_deleted()
    {
        _disk.CreateDirectory("/d/e");
        Write("/d/e/f", [1], sync: true);

        Assert.ThrowsAny<IOException>(() => _disk.DeleteDirectory("/d"));
        Assert.ThrowsAny<IOException>(() => _disk.DeleteDirectory("/d/e"));
        _disk.Delete("/d/e/f");
        _disk.DeleteDirectory("/d/e");

        Assert.False(_disk.DirectoryExists("/d/e"));
        Assert.Empty(_disk.List("/d"));
        Assert.ThrowsAny<IOException>(() => _disk.DeleteDirectory("/d/e"));
    }

    [Fact]
    public void What_was_synced_survives_every_power_loss()
    {
        Write("/d/a", new byte[2000], sync: true);
        _disk.SyncDirectory("/d");

        for (ulong seed = 0; seed < 50; seed++)
        {
            _disk.PowerLoss(new SeededRandom(seed));
            Assert.Equal(new byte[2000], _disk.BytesOf("/d/a"));
        }
    }

    [Fact]
    public void Unsynced_sectors_survive_one_by_one_and_whole()
    {
        Write("/d/a", new byte[8 * 512], sync: true);
        _disk.SyncDirectory("/d");
        byte[] ones = new byte[8 * 512];
        ones.AsSpan().Fill(1);
        Write("/d/a", ones, sync: false);
        var counts = new HashSet<int>();

        for (ulong seed = 0; seed < 100; seed++)
        {
            var disk = _disk.Copy();
            disk.PowerLoss(new SeededRandom(seed));
            byte[][] sectors = [.. disk.BytesOf("/d/a").Chunk(512)];
            Assert.All(sectors, sector => Assert.Single(sector.Distinct()));
            counts.Add(sectors.Count(sector => sector[0] == 1));
        }

        Assert.Contains(0, counts);
        Assert.Contains(8, counts);
        Assert.True(counts.Count > 4);
    }

    [Fact]
    public void An_unsynced_name_may_vanish_and_an_unsynced_rename_may_be_undone()
    {
        Write("/d/a", [1], sync: true);
        _disk.SyncDirectory("/d");
        Write("/d/b", [2], sync: true);
        _disk.Rename("/d/a", "/d/c");
        var seen = new HashSet<string>();

        for (ulong seed = 0; seed < 100; seed++)
        {
            var disk = _disk.Copy();
            disk.PowerLoss(new SeededRandom(seed));
            seen.Add(string.Join(' ', disk.List("/d")));
        }

        Assert.Equal(["a", "a b", "b c", "c"], seen.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_replaced_file_is_the_old_or_the_new_one()
    {
        Write("/d/a", [1], sync: true);
        _disk.SyncDirectory("/d");
        Write("/d/a.tmp", [2], sync: true);
        _disk.Rename("/d/a.tmp", "/d/a");
        var seen = new HashSet<byte>();

        for (ulong seed = 0; seed < 100; seed++)
        {
            var disk = _disk.Copy();
            disk.PowerLoss(new SeededRandom(seed));
            seen.Add(disk.BytesOf("/d/a").Single());
        }

        Assert.Equal("1 2", string.Join(' ', seen.Order()));
    }

    [Fact]
    public void A_kill_leaves_all_that_was_written_and_ends_handles_and_locks()
    {
        var file = _disk.Open("/d/a", FileOpening.CreateNew);
        file.Write(0, [1, 2]);
        Assert.NotNull(_disk.TryLock("/d/lock"));
        Assert.Null(_disk.TryLock("/d/lock"));

        _disk.Restart();

        Assert.Equal([1, 2], _disk.BytesOf("/d/a"));
        Assert.Throws<SimulatedCrashException>(() => file.Write(0, [3]));
        Assert.NotNull(_disk.TryLock("/d/lock"));
    }

    [Fact]
    public void After_a_failed_sync_a_later_one_does_not_save_what_it_lost()
    {
        Write("/d/a", [1], sync: true);
        _disk.SyncDirectory("/d");
        using var file = _disk.Open("/d/a", FileOpening.Existing);
        file.Write(0, [2]);
        _disk.FailAt(_disk.Operations + 1, DiskFault.IoError);
        Assert.Throws<IOException>(file.Sync);
        file.Sync();
        var seen = new HashSet<byte>();

        for (ulong seed = 0; seed < 100; seed++)
        {
            var disk = _disk.Copy();
            disk.PowerLoss(new SeededRandom(seed));
            seen.Add(disk.BytesOf("/d/a").Single());
        }

        Assert.Equal("1 2", string.Join(' ', seen.Order()));
    }

    [Fact]
    public void The_same_seed_gives_the_same_disk()
    {
        Write("/d/a", new byte[4000], sync: true);
        Write("/d/b", [1, 2, 3], sync: false);
        var left = _disk.Copy();
        var right = _disk.Copy();

        left.PowerLoss(new SeededRandom(7));
        right.PowerLoss(new SeededRandom(7));

        Assert.Equal(left.List("/d"), right.List("/d"));
        Assert.All(left.List("/d"), name => Assert.Equal(left.BytesOf($"/d/{name}"), right.BytesOf($"/d/{name}")));
    }

    [Fact]
    public void A_fault_strikes_the_operation_with_its_number_and_a_crash_ends_all()
    {
        Write("/d/a", [1], sync: false);
        using var file = _disk.Open("/d/a", FileOpening.Existing);
        _disk.FailAt(_disk.Operations + 2, DiskFault.Crash);

        file.Write(0, [2]);

        Assert.Throws<SimulatedCrashException>(() => file.Write(0, [3]));
        Assert.True(_disk.IsCrashed);
        Assert.Throws<SimulatedCrashException>(() => _disk.Open("/d/a", FileOpening.Existing));
        _disk.Restart();
        Assert.Equal([3], _disk.BytesOf("/d/a"));
    }

    [Fact]
    public void A_full_disk_takes_what_fits_and_overwriting_needs_no_room()
    {
        Write("/d/a", new byte[1000], sync: true);
        _disk.CapacityBytes = 1500;
        using var file = _disk.Open("/d/a", FileOpening.Existing);

        Assert.Throws<DiskFullException>(() => file.Write(1000, new byte[600]));

        Assert.Equal(1500, file.Length);
        Assert.Equal(0, _disk.FreeBytes("/d"));
        file.Write(0, new byte[1500]);
        _disk.Delete("/d/a");
        Assert.Equal(1500, _disk.FreeBytes("/d"));
    }

    private void Write(string path, byte[] bytes, bool sync)
    {
        using var file = _disk.Open(path, FileOpening.CreateIfMissing);
        file.Write(0, bytes);
        if (sync)
            file.Sync();
    }
}
