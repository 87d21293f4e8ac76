using System.Text;
using KvStore.Server.Members;
using KvStore.Storage.Disks.Simulated;

namespace KvStore.Server.Tests.Members;

public class DataDirectoryTests
{
    private readonly SimulatedDisk _disk = new();

    [Fact]
    public void A_directory_that_is_not_there_is_made_and_new()
    {
        using var directory = DataDirectory.Open(_disk, "/data");

        Assert.True(directory.IsNew);
        Assert.True(_disk.DirectoryExists("/data"));
    }

    [Fact]
    public void Once_marked_it_is_ours_after_a_power_loss_too()
    {
        using (var directory = DataDirectory.Open(_disk, "/data"))
            directory.MarkAsOurs(_disk, id: 0xfeed, isJoined: false);
        _disk.PowerLoss(new SeededRandom(1));

        using var again = DataDirectory.Open(_disk, "/data");

        Assert.False(again.IsNew);
        Assert.Equal(0xfeedu, again.Id);
    }

    [Fact]
    public void One_made_before_directories_had_numbers_has_none_and_a_number_that_is_none_is_damage()
    {
        _disk.Place("/data/format", "kvstore data directory, format 1\nof a member that joined\n"u8);
        using (var old = DataDirectory.Open(_disk, "/data"))
            Assert.Equal((false, 0ul, true), (old.IsNew, old.Id, old.IsJoined));

        _disk.Place("/data/format", "kvstore data directory, format 1\nid feeble\n"u8);
        Assert.Contains("damaged", Assert.Throws<DataDirectoryException>(() => DataDirectory.Open(_disk, "/data")).Message);
    }

    [Fact]
    public void Once_seen_as_ours_it_stays_so_even_if_the_start_that_marked_it_died_of_that()
    {
        using (var directory = DataDirectory.Open(_disk, "/data"))
        {
            _disk.Faults = operation => operation.Kind == DiskOperationKind.SyncDirectory ? DiskFault.Crash : DiskFault.None;
            Assert.Throws<SimulatedCrashException>(() => directory.MarkAsOurs(_disk, id: 0xfeed, isJoined: false));
        }
        _disk.Faults = null;
        _disk.Restart();
        using (var directory = DataDirectory.Open(_disk, "/data"))
            Assert.False(directory.IsNew);

        for (ulong seed = 1; seed <= 20; seed++)
        {
            var disk = _disk.Copy();
            disk.PowerLoss(new SeededRandom(seed));
            Assert.False(DataDirectory.Open(disk, "/data").IsNew);
        }
    }

    [Theory]
    [InlineData("wal/0001")]
    [InlineData("format.tmp")]
    [InlineData("reserve")]
    [InlineData("values/x")]
    public void What_a_start_left_that_came_to_no_end_counts_as_new(string file)
    {
        _disk.Place("/data/" + file, "x"u8);

        using var directory = DataDirectory.Open(_disk, "/data");

        Assert.True(directory.IsNew);
    }

    [Fact]
    public void A_directory_with_something_else_in_it_is_refused_and_left_alone()
    {
        _disk.Place("/data/member/snap/db", "bolt"u8);

        var refusal = Assert.Throws<DataDirectoryException>(() => DataDirectory.Open(_disk, "/data"));

        Assert.Equal("/data is no data directory of kvstore (it holds member): give an empty or a new directory with --data-dir", refusal.Message);
        Assert.Equal("bolt"u8, _disk.BytesOf("/data/member/snap/db"));
    }

    [Fact]
    public void A_newer_directory_is_refused_by_its_format()
    {
        _disk.Place("/data/format", Encoding.ASCII.GetBytes("kvstore data directory, format 2\n"));

        var refusal = Assert.Throws<DataDirectoryException>(() => DataDirectory.Open(_disk, "/data"));

        Assert.Equal("/data has format 2, this version reads 1: run the version of kvstore that wrote it", refusal.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("kvstore data directory, format x\n")]
    [InlineData("something else")]
    public void A_format_that_is_damaged_or_foreign_is_refused(string text)
    {
        _disk.Place("/data/format", Encoding.ASCII.GetBytes(text));

        Assert.Throws<DataDirectoryException>(() => DataDirectory.Open(_disk, "/data"));
    }

    [Fact]
    public void A_second_user_is_refused_until_the_first_is_gone()
    {
        var first = DataDirectory.Open(_disk, "/data");
        var refusal = Assert.Throws<DataDirectoryException>(() => DataDirectory.Open(_disk, "/data"));
        Assert.Contains("in use by another process", refusal.Message, StringComparison.Ordinal);

        first.Dispose();

        DataDirectory.Open(_disk, "/data").Dispose();
    }

    [Fact]
    public void A_refused_directory_is_not_left_locked()
    {
        _disk.Place("/data/format", "x"u8);
        Assert.Throws<DataDirectoryException>(() => DataDirectory.Open(_disk, "/data"));
        _disk.Delete("/data/format");

        DataDirectory.Open(_disk, "/data").Dispose();
    }
}
