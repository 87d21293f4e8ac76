using KvStore.Testing.Linux;

namespace KvStore.Crash.Tests.Disks;

/// <summary>An ext4 file system of its own in an image file: one that can be filled up, and whose power can be cut.</summary>
/// <remarks>
/// A killed process leaves its writes to the kernel, which still brings them to the disk. Only a file system that is shut down
/// without its journal loses what was not synced, as a machine without power does.
/// </remarks>
internal sealed class LoopDisk : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private bool _isMounted;

    public LoopDisk(long sizeBytes)
    {
        try
        {
            RequireRoot();
            using (var image = new FileStream(Image, FileMode.CreateNew))
                image.SetLength(sizeBytes);
            Tools.Run("mkfs.ext4", "-q", "-F", "-m", "0", Image);
            Directory.CreateDirectory(Path);
            Mount();
            // However the test run ends, no mount and no loop device stays behind.
            AppDomain.CurrentDomain.ProcessExit += DisposeAtExit;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Where it is mounted.</summary>
    public string Path => _directory.At("mount");

    public string At(string name) => System.IO.Path.Combine(Path, name);

    private string Image => _directory.At("image");

    /// <summary>From now on every write and sync fails, and what was not synced is lost.</summary>
    public void CutPower() => NativeCalls.CutPower(Path);

    /// <summary>Power is back: the file system is mounted anew from what reached the image. Nobody may have files open there.</summary>
    public void Restart()
    {
        Unmount();
        Mount();
    }

    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= DisposeAtExit;
        if (_isMounted)
            Unmount();
        _directory.Dispose();
    }

    private static void RequireRoot()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new InvalidOperationException(
                "this test mounts a file system of its own to cut its power or fill it up, and only root may: run the tests as root");
        }
    }

    // The loop device is let go of together with the mount.
    private void Mount()
    {
        Tools.Run("mount", "-t", "ext4", "-o", "loop", Image, Path);
        _isMounted = true;
    }

    private void Unmount()
    {
        Tools.Run("umount", Path);
        _isMounted = false;
    }

    private void DisposeAtExit(object? sender, EventArgs arguments) => Dispose();
}
