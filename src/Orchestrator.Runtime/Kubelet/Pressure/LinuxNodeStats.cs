using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Pods;
using Orchestrator.Runtime.Kubelet.Volumes;

namespace Orchestrator.Runtime.Kubelet.Pressure;

/// <summary>A Linux node's figures, reckoned as kubelets do.</summary>
/// <remarks>
/// <code>
/// memory.available    MemTotal - (what the root cgroup uses - file pages that could go at once)
/// nodefs, imagefs     statfs: what others than root may still take
/// pid.available       the lesser of pid_max and threads-max - threads that there are
/// </code>
/// </remarks>
/// <param name="proc">Where the kernel's own files are.</param>
internal sealed class LinuxNodeStats(
    ContainerSettings settings, IContainerRuntime runtime, Func<CancellationToken, Task<IReadOnlyList<ImageFilesystem>>> imageFilesystems,
    string proc = "/proc") : INodeStats
{
    public async Task<NodeSignals> SignalsAsync(CancellationToken ct)
    {
        string nodeFolder = VolumeFolders.RootOf(settings);
        string? imageFolder = (await imageFilesystems(ct)).FirstOrDefault()?.Mountpoint;
        if (imageFolder is not { Length: > 0 } || !Directory.Exists(imageFolder))
            imageFolder = nodeFolder;
        var values = new Dictionary<EvictionSignal, SignalValue>
        {
            [EvictionSignal.MemoryAvailable] = Memory(),
            [EvictionSignal.PidAvailable] = Pids(),
        };
        AddDisk(values, nodeFolder, EvictionSignal.NodeDiskAvailable, EvictionSignal.NodeInodesFree);
        AddDisk(values, imageFolder, EvictionSignal.ImageDiskAvailable, EvictionSignal.ImageInodesFree);
        bool hasImageDisk = LinuxFiles.StateOf(nodeFolder)?.Identity.Device != LinuxFiles.StateOf(imageFolder)?.Identity.Device;
        return new NodeSignals(values, hasImageDisk);
    }

    public async Task<IReadOnlyDictionary<string, PodUse>> UsesAsync(IReadOnlyCollection<Pod> pods, bool withDisk, CancellationToken ct)
    {
        ILookup<string, ContainerUsage> usages = (await runtime.ListContainerStatsAsync(ct)).ToLookup(usage => usage.PodUid);
        var uses = new Dictionary<string, PodUse>();
        foreach (Pod pod in pods.Where(pod => usages.Contains(pod.Uid)))
        {
            string logs = Path.Combine(settings.PodLogs, $"{pod.Namespace}_{pod.Name}_{pod.Uid}");
            uses[pod.Uid] = new PodUse(
                [
                    .. usages[pod.Uid].Select(usage => new ContainerUse(
                        usage.Name, usage.MemoryBytes, new DiskUse(usage.LayerBytes, usage.LayerInodes),
                        withDisk ? DiskUsage.Of(Path.Combine(logs, usage.Name)) : default)),
                ],
                ProcessesOf(pod),
                withDisk ? VolumesOf(pod) : default);
        }
        return uses;
    }

    public SignalValue Memory()
    {
        IReadOnlyDictionary<string, long> machine = Table(Path.Combine(proc, "meminfo"));
        long total = machine["MemTotal:"] * 1024;
        long used, idle;
        if (IsUnified)
        {
            // The root of version 2 has no figure of its own use.
            used = total - machine["MemFree:"] * 1024;
            idle = Table(Path.Combine(settings.CgroupFilesystem, "memory.stat")).GetValueOrDefault("inactive_file");
        }
        else
        {
            string root = Path.Combine(settings.CgroupFilesystem, "memory");
            used = Number(File.ReadAllText(Path.Combine(root, "memory.usage_in_bytes")));
            idle = Table(Path.Combine(root, "memory.stat")).GetValueOrDefault("total_inactive_file");
        }
        return new SignalValue(total - Math.Max(0, used - idle), total);
    }

    private DiskUse VolumesOf(Pod pod)
    {
        var folders = new VolumeFolders(settings.PodFiles, pod.Uid);
        DiskUse sum = default;
        foreach (Volume volume in pod.Spec.Volumes.OrEmpty())
        {
            string? kind = volume switch
            {
                { EmptyDir: { } source } when string.IsNullOrEmpty(source.Medium) => "empty-dir",
                { ConfigMap: not null } => "configmap",
                _ => null,
            };
            if (kind is not null)
                sum += DiskUsage.Of(folders.Of(kind, volume.Name ?? ""));
        }
        return sum;
    }

    private long ProcessesOf(Pod pod)
    {
        string cgroup = LinuxPods.CgroupOf(pod, settings).Trim('/');
        string root = IsUnified ? settings.CgroupFilesystem : Path.Combine(settings.CgroupFilesystem, "pids");
        string file = Path.Combine(root, cgroup, "pids.current");
        return File.Exists(file) ? Number(File.ReadAllText(file)) : 0;
    }

    private SignalValue Pids()
    {
        string kernel = Path.Combine(proc, "sys", "kernel");
        long most = Math.Min(Number(File.ReadAllText(Path.Combine(kernel, "pid_max"))), Number(File.ReadAllText(Path.Combine(kernel, "threads-max"))));
        string[] load = File.ReadAllText(Path.Combine(proc, "loadavg")).Split(' '); // 0.20 0.18 0.12 1/80 11206
        return new SignalValue(most - Number(load[3].Split('/')[1]), most);
    }

    private static void AddDisk(Dictionary<EvictionSignal, SignalValue> values, string folder, EvictionSignal bytes, EvictionSignal inodes)
    {
        FilesystemSpace space = LinuxFiles.SpaceAt(folder);
        values[bytes] = new SignalValue(space.AvailableBytes, space.CapacityBytes);
        if (space.Inodes > 0) // There are file systems that have no such limit.
            values[inodes] = new SignalValue(space.FreeInodes, space.Inodes);
    }

    private bool IsUnified => File.Exists(Path.Combine(settings.CgroupFilesystem, "cgroup.controllers"));

    /// <summary>Lines of a name and a number.</summary>
    private static Dictionary<string, long> Table(string file)
    {
        var table = new Dictionary<string, long>();
        foreach (string line in File.Exists(file) ? File.ReadLines(file) : [])
        {
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [string name, string number, ..])
                table[name] = Number(number);
        }
        return table;
    }

    private static long Number(string text) => long.Parse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture);
}
