using System.Globalization;

namespace KvStore.Chaos.Rig;

/// <summary>One member's groups of the v1 controllers cpu and blkio: its share of processor time, and the pace of its disk.</summary>
internal sealed class Cgroup(string name)
{
    public const string CpuRoot = "/sys/fs/cgroup/cpu";
    public const string BlockRoot = "/sys/fs/cgroup/blkio";

    private const int PeriodMicroseconds = 100_000;

    private string CpuPath => Path.Combine(CpuRoot, name);

    private string BlockPath => Path.Combine(BlockRoot, name);

    public IEnumerable<string> Paths => [CpuPath, BlockPath];

    /// <summary>Whoever writes his process id into them is in.</summary>
    public IEnumerable<string> ProcessFiles => Paths.Select(path => Path.Combine(path, "cgroup.procs"));

    /// <summary>How often the group had to wait because its share was used up.</summary>
    public long ThrottledCount => Statistic("cpu.stat", "nr_throttled");

    public void Create()
    {
        foreach (string path in Paths)
            Directory.CreateDirectory(path);
    }

    /// <param name="share">Of one processor; null for no limit.</param>
    public void LimitProcessor(double? share)
    {
        File.WriteAllText(Path.Combine(CpuPath, "cpu.cfs_period_us"), PeriodMicroseconds.ToString(CultureInfo.InvariantCulture));
        long quota = share is { } part ? (long)(PeriodMicroseconds * part) : -1;
        File.WriteAllText(Path.Combine(CpuPath, "cpu.cfs_quota_us"), quota.ToString(CultureInfo.InvariantCulture));
    }

    /// <param name="device">As "major:minor".</param>
    /// <param name="writesPerSecond">0 for no limit.</param>
    public void LimitWrites(string device, int writesPerSecond) =>
        File.WriteAllText(Path.Combine(BlockPath, "blkio.throttle.write_iops_device"), $"{device} {writesPerSecond}");

    /// <summary>Removes them; they must be empty.</summary>
    public void Remove()
    {
        foreach (string path in Paths.Where(Directory.Exists))
            RemoveGroup(path);
    }

    /// <summary>A group is a directory whose files are the kernel's: only rmdir takes it away.</summary>
    public static void RemoveGroup(string path) => Directory.Delete(path, recursive: false);

    private long Statistic(string file, string key)
    {
        string? line = File.ReadLines(Path.Combine(CpuPath, file)).FirstOrDefault(line => line.StartsWith(key + " ", StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line[(key.Length + 1)..], CultureInfo.InvariantCulture);
    }
}
