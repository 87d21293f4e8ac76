using System.Diagnostics;
using KvStore.Testing.Linux;

namespace KvStore.Chaos.Rig;

/// <summary>One member's disk: an ext4 file system in a sparse image, whose power can be cut and which can be full or slow.</summary>
internal sealed class RigDisk(string image, string path)
{
    private static readonly TimeSpan BusyLimit = TimeSpan.FromSeconds(10);

    private string Filler => System.IO.Path.Combine(path, "filler");

    public string Image => image;

    /// <summary>Where it is mounted.</summary>
    public string Path => path;

    /// <summary>"major:minor" of its loop device; another after each mount.</summary>
    public string Device { get; private set; } = "";

    public long FreeBytes => new DriveInfo(path).AvailableFreeSpace;

    public async Task CreateAsync(long sizeBytes)
    {
        await using (var file = new FileStream(image, FileMode.CreateNew))
            file.SetLength(sizeBytes);
        await Shell.RunAsync("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1", image);
        Directory.CreateDirectory(path);
        await MountAsync();
    }

    /// <summary>From now on every write and sync fails, and what was not synced is lost.</summary>
    public void CutPower() => NativeCalls.CutPower(path);

    /// <summary>Power is back: mounted anew from what reached the image. Nobody may have files open there.</summary>
    public async Task RestartAsync()
    {
        await UnmountAsync();
        await MountAsync();
    }

    /// <summary>Takes all space but so much. What others free meanwhile stays free.</summary>
    public void Fill(long leaveBytes)
    {
        // ftruncate would make a hole; what is written takes space for certain. In small pieces down to the last.
        byte[] piece = new byte[1 << 20];
        using var filler = new FileStream(Filler, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
        try
        {
            while (FreeBytes - leaveBytes is var excess and > 0)
                filler.Write(piece, 0, (int)Math.Min(piece.Length, excess));
            filler.Flush(flushToDisk: true);
        }
        catch (IOException)
        {
            // Full: that is what it is for.
        }
    }

    /// <remarks>For good: a power cut right behind it would bring the file back.</remarks>
    public Task GiveSpaceBackAsync()
    {
        File.Delete(Filler);
        return Shell.RunAsync("sync", "--file-system", path);
    }

    public async Task UnmountAsync()
    {
        // A process that was just killed closes its files a moment later.
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            var (code, _, error) = await Shell.TryAsync("umount", [path]);
            if (code == 0)
                return;
            if (Stopwatch.GetElapsedTime(start) > BusyLimit)
                throw new RigException($"umount {path} failed with {code}: {error.Trim()}");
            await pace.WaitForNextTickAsync();
        }
    }

    private async Task MountAsync()
    {
        await Shell.RunAsync("mount", "-t", "ext4", "-o", "loop,noatime", image, path);
        Device = FindDevice();
    }

    private string FindDevice()
    {
        // "36 35 7:0 / /mnt rw,noatime ...": see proc(5), mountinfo.
        string line = File.ReadLines("/proc/self/mountinfo").LastOrDefault(line => line.Split(' ')[4] == path)
            ?? throw new RigException($"{path} is not mounted though mount said so");
        return line.Split(' ')[2];
    }
}
