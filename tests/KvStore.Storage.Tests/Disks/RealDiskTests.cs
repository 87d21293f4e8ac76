using KvStore.Storage.Disks;

namespace KvStore.Storage.Tests.Disks;

public sealed class RealDiskTests : IDisposable
{
    private readonly RealDisk _disk = new();
    private readonly string _directory = Directory.CreateTempSubdirectory("kvstore-disk-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Bytes_are_read_back_where_they_were_written()
    {
        using var file = _disk.Open(At("a"), FileOpening.CreateNew);
        byte[] buffer = new byte[10];

        file.Write(5, [1, 2, 3]);
        file.Sync();

        Assert.Equal(8, file.Length);
        Assert.Equal(8, file.Read(0, buffer));
        Assert.Equal([0, 0, 0, 0, 0, 1, 2, 3, 0, 0], buffer);
        file.SetLength(6);
        Assert.Equal(1, file.Read(5, buffer));
        Assert.Equal(0, file.Read(100, buffer));
    }

    [Fact]
    public void Opening_says_whether_the_file_must_be_there()
    {
        Assert.ThrowsAny<IOException>(() => _disk.Open(At("a"), FileOpening.Existing));
        _disk.Open(At("a"), FileOpening.CreateIfMissing).Dispose();
        Assert.ThrowsAny<IOException>(() => _disk.Open(At("a"), FileOpening.CreateNew));
        _disk.Open(At("a"), FileOpening.Existing).Dispose();
    }

    [Fact]
    public void Directories_and_files_are_their_owners_alone()
    {
        if (OperatingSystem.IsWindows())
            return;
        _disk.CreateDirectory(At("x/y"));
        _disk.Open(At("x/y/a"), FileOpening.CreateNew).Dispose();

        const UnixFileMode OwnerReadsAndWrites = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.Equal(OwnerReadsAndWrites | UnixFileMode.UserExecute, File.GetUnixFileMode(At("x")));
        Assert.Equal(OwnerReadsAndWrites | UnixFileMode.UserExecute, File.GetUnixFileMode(At("x/y")));
        Assert.Equal(OwnerReadsAndWrites, File.GetUnixFileMode(At("x/y/a")));
    }

    [Fact]
    public void Names_are_listed_renamed_and_deleted()
    {
        _disk.Open(At("b"), FileOpening.CreateNew).Dispose();
        _disk.Open(At("a"), FileOpening.CreateNew).Dispose();
        _disk.CreateDirectory(At("c"));
        Assert.Equal(["a", "b", "c"], _disk.List(_directory));

        _disk.Rename(At("a"), At("b"));
        _disk.SyncDirectory(_directory);

        Assert.Equal(["b", "c"], _disk.List(_directory));
        _disk.Delete(At("b"));
        Assert.False(_disk.FileExists(At("b")));
        Assert.ThrowsAny<IOException>(() => _disk.Delete(At("b")));
        Assert.ThrowsAny<IOException>(() => _disk.List(At("nowhere")));
        Assert.ThrowsAny<IOException>(() => _disk.SyncDirectory(At("nowhere")));
    }

    [Fact]
    public void Only_an_empty_directory_is_deleted()
    {
        string path = Path.Combine(_directory, "d");
        _disk.CreateDirectory(path);
        _disk.Open(Path.Combine(path, "f"), FileOpening.CreateNew).Dispose();

        Assert.ThrowsAny<IOException>(() => _disk.DeleteDirectory(path));
        _disk.Delete(Path.Combine(path, "f"));
        _disk.DeleteDirectory(path);

        Assert.False(_disk.DirectoryExists(path));
        Assert.ThrowsAny<IOException>(() => _disk.DeleteDirectory(path));
    }

    [Fact]
    public void A_lock_is_held_once_until_it_is_given_back()
    {
        using (var held = _disk.TryLock(At("lock")))
        {
            Assert.NotNull(held);
            Assert.Null(_disk.TryLock(At("lock")));
        }

        using var again = _disk.TryLock(At("lock"));
        Assert.NotNull(again);
    }

    [Fact]
    public void The_free_space_is_known() => Assert.True(_disk.FreeBytes(_directory) > 0);

    [Fact]
    public void A_device_without_room_is_told_from_other_errors()
    {
        // Linux offers a file that is always full.
        if (!File.Exists("/dev/full"))
            return;
        using var file = _disk.Open("/dev/full", FileOpening.Existing);

        Assert.Contains("/dev/full", Assert.Throws<DiskFullException>(() => file.Write(0, new byte[10])).Message);
    }

    private string At(string name) => Path.Combine(_directory, name);
}
