using Orchestrator.Node.Tests.Fake;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Pressure;
using Orchestrator.Runtime.Kubelet.Volumes;

namespace Orchestrator.Node.Tests.Pressure;

/// <summary>A node's figures from the kernel's files.</summary>
public sealed class LinuxNodeStatsTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    public LinuxNodeStatsTests()
    {
        Write("proc/meminfo", "MemTotal:        1000 kB\nMemFree:          300 kB\nMemAvailable:     900 kB\n");
        Write("proc/loadavg", "0.20 0.18 0.12 1/80 11206\n");
        Write("proc/sys/kernel/pid_max", "32768\n");
        Write("proc/sys/kernel/threads-max", "1000\n");
        Write("pods/mark", "");
    }

    public void Dispose() => _root.Dispose();

    [Fact]
    public async Task Memory_is_what_the_root_cgroup_does_not_work_with()
    {
        Write("cgroup/memory/memory.usage_in_bytes", "700000\n");
        Write("cgroup/memory/memory.stat", "cache 5\ninactive_file 1\ntotal_cache 400000\ntotal_inactive_file 200000\n");

        Assert.Equal(new SignalValue(1_024_000 - 500_000, 1_024_000), (await LookAsync()).Values[EvictionSignal.MemoryAvailable]);
    }

    [Fact]
    public async Task In_version_2_the_root_has_no_figure_of_its_own()
    {
        Write("cgroup/cgroup.controllers", "cpu memory\n");
        Write("cgroup/memory.stat", "anon 5\ninactive_file 16800\n");

        Assert.Equal(new SignalValue(1_024_000 - (700 * 1024 - 16800), 1_024_000), (await LookAsync()).Values[EvictionSignal.MemoryAvailable]);
    }

    [Fact]
    public async Task Processes_are_counted_against_the_lesser_limit_and_disks_asked()
    {
        Write("cgroup/cgroup.controllers", "cpu memory\n");

        NodeSignals signals = await LookAsync();

        Assert.Equal(new SignalValue(920, 1000), signals.Values[EvictionSignal.PidAvailable]);
        Assert.Equal(new DriveInfo(_root.Path).TotalSize, signals.Values[EvictionSignal.NodeDiskAvailable].Capacity);
        Assert.InRange(signals.Values[EvictionSignal.NodeDiskAvailable].Available, 1, signals.Values[EvictionSignal.NodeDiskAvailable].Capacity);
        Assert.False(signals.HasImageDisk);
    }

    [Fact]
    public async Task Images_on_another_file_system_have_figures_of_their_own()
    {
        Write("cgroup/cgroup.controllers", "cpu memory\n");

        NodeSignals signals = await LookAsync("/dev/shm");

        Assert.Equal(new DriveInfo("/dev/shm").TotalSize, signals.Values[EvictionSignal.ImageDiskAvailable].Capacity);
        Assert.True(signals.HasImageDisk);
    }

    [Fact]
    public void Files_are_counted_once_with_their_folders()
    {
        Write("tree/a/one", new string('x', 10_000));
        Write("tree/b/two", "");
        File.CreateSymbolicLink(Path.Combine(_root.Path, "tree", "link"), "/etc");

        DiskUse use = DiskUsage.Of(Path.Combine(_root.Path, "tree"));

        Assert.Equal(6, use.Inodes);
        Assert.InRange(use.Bytes, 10_000, 100_000);
        Assert.Equal(default, DiskUsage.Of(Path.Combine(_root.Path, "nothing")));
    }

    private Task<NodeSignals> LookAsync(string? images = null)
    {
        var settings = new ContainerSettings { PodFiles = Path.Combine(_root.Path, "pods"), CgroupFilesystem = Path.Combine(_root.Path, "cgroup") };
        IReadOnlyList<ImageFilesystem> filesystems = [new ImageFilesystem(images ?? _root.Path, default, 0, 0)];
        return new LinuxNodeStats(settings, null!, _ => Task.FromResult(filesystems), Path.Combine(_root.Path, "proc")).SignalsAsync(CancellationToken.None);
    }

    private void Write(string file, string text)
    {
        string path = Path.Combine(_root.Path, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
