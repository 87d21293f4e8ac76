using System.Globalization;

namespace KvStore.Benchmarks.Servers;

/// <summary>A file system in a file, whose device the kernel can be told to slow down for one process.</summary>
/// <remarks>
/// The image is mounted through a loop device; a control group (version 1, blkio) limits the writes that its members may
/// send to that device. A limit of 20 means about 20 fdatasyncs a second. Needs root. <see cref="Dispose"/> leaves nothing.
/// </remarks>
internal sealed class SlowDisk : IDisposable
{
    private const string GroupRoot = "/sys/fs/cgroup/blkio";

    private readonly string _image, _group;
    private readonly UndoStack _undo = new();
    private string _device = "";

    /// <param name="folder">Holds image and mount point; must exist.</param>
    /// <param name="name">Not used by any other disk.</param>
    public SlowDisk(string folder, string name, long sizeBytes)
    {
        _image = Path.Combine(folder, $"{name}.image");
        _group = Path.Combine(GroupRoot, $"kvstore-bench-{name}");
        MountPoint = Path.Combine(folder, $"{name}.mount");
        try
        {
            Create(sizeBytes);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string MountPoint { get; }

    /// <summary>Why slow disks cannot be had here; null where they can.</summary>
    public static string? Hindrance =>
        !OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess ? "a slowed disk needs Linux and root"
        : !Directory.Exists(GroupRoot) ? $"a slowed disk needs the blkio controller of cgroup version 1 at {GroupRoot}"
        : null;

    /// <summary>From now on the process gets no more than so many writes a second onto this disk.</summary>
    public void Slow(int processId, int writesPerSecond)
    {
        Limit(writesPerSecond);
        File.WriteAllText(Path.Combine(_group, "cgroup.procs"), $"{processId}");
    }

    public void Release() => Limit(0);

    /// <summary>The server must have ended before.</summary>
    public void Dispose() => _undo.Dispose();

    /// <summary>0 takes the limit away.</summary>
    private void Limit(int writesPerSecond)
    {
        string numbers = SystemCommand.Run("lsblk", "--nodeps", "--noheadings", "--output", "MAJ:MIN", _device).Trim();
        string limit = string.Create(CultureInfo.InvariantCulture, $"{numbers} {writesPerSecond}");
        File.WriteAllText(Path.Combine(_group, "blkio.throttle.write_iops_device"), limit);
    }

    private void Create(long sizeBytes)
    {
        _undo.Push(() => File.Delete(_image));
        using (var image = File.Create(_image))
            image.SetLength(sizeBytes);
        SystemCommand.Run("mkfs.ext4", "-q", "-F", _image);

        _device = SystemCommand.Run("losetup", "--find", "--show", _image);
        _undo.Push(() => SystemCommand.Run("losetup", "--detach", _device));

        Directory.CreateDirectory(MountPoint);
        _undo.Push(() => Directory.Delete(MountPoint));
        SystemCommand.Run("mount", "-t", "ext4", _device, MountPoint);
        _undo.Push(() => SystemCommand.Run("umount", MountPoint));

        Directory.CreateDirectory(_group);
        _undo.Push(() => Directory.Delete(_group));
    }
}
