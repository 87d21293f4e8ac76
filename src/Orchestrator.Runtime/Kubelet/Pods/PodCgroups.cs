using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Strategies;
using Orchestrator.Control.Pods;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>The cgroups that pods have as wholes, above those of their containers, in either of the kernel's versions.</summary>
/// <remarks>
/// <code>
/// version 1   /sys/fs/cgroup/cpu/kubepods/burstable/podUID       one tree for each controller; only those with a limit are made here
/// version 2   /sys/fs/cgroup/kubepods/burstable/podUID           one tree; a controller has to be passed down from level to level
/// </code>
/// The runtime makes its own below; it does not remove ours.
/// </remarks>
internal sealed class PodCgroups(ContainerSettings settings)
{
    private const string PodPrefix = "pod";

    /// <summary>Where pods' cgroups lie below the root of all.</summary>
    private static readonly string[] Classes = ["", "burstable", "besteffort"];

    private const int RemovalTries = 100;
    private static readonly TimeSpan RemovalPause = TimeSpan.FromMilliseconds(20);

    public bool IsUnified => File.Exists(Path.Combine(settings.CgroupFilesystem, "cgroup.controllers"));

    /// <summary>Makes the pod's cgroup with the limits that its containers have together. Again is no error.</summary>
    /// <exception cref="IOException">The kernel refuses; it says why.</exception>
    public void Make(Pod pod)
    {
        string path = LinuxPods.CgroupOf(pod, settings);
        foreach ((string Controller, string File, string Value) setting in Files(LimitsOf(pod.Spec), IsUnified))
            Write(path, setting);
    }

    /// <summary>Makes a cgroup, if there is none, and writes one of its files.</summary>
    /// <exception cref="IOException">The kernel refuses; it says why.</exception>
    public void Write(string path, (string Controller, string File, string Value) setting)
    {
        (string controller, string file, string value) = setting;
        string root = IsUnified ? settings.CgroupFilesystem : Path.Combine(settings.CgroupFilesystem, controller);
        if (!Directory.Exists(root))
            return; // A kernel without this controller has no such limit.
        if (IsUnified)
            PassDown(path.Trim('/'), controller);
        string folder = Path.Combine(root, path.Trim('/'));
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, file), value);
    }

    /// <summary>Removes what is left of it in all trees, once its processes are gone.</summary>
    /// <exception cref="IOException">They are not.</exception>
    public async Task RemoveAsync(Pod pod, CancellationToken ct)
    {
        string path = LinuxPods.CgroupOf(pod, settings).Trim('/');
        IEnumerable<string> roots = IsUnified ? [settings.CgroupFilesystem] : Directory.EnumerateDirectories(settings.CgroupFilesystem);
        foreach (string folder in roots.Select(root => Path.Combine(root, path)).Where(Directory.Exists))
            await RemoveAsync(folder, ct);
    }

    /// <summary>Removes those of pods that nobody knows any more, left from another life of the kubelet.</summary>
    /// <exception cref="IOException">One of them still has processes.</exception>
    public async Task RemoveOrphansAsync(Func<string, bool> isKnown, CancellationToken ct)
    {
        string root = settings.CgroupRoot.Trim('/');
        IEnumerable<string> trees = IsUnified ? [settings.CgroupFilesystem] : Directory.EnumerateDirectories(settings.CgroupFilesystem);
        List<string> orphans =
        [
            .. trees.SelectMany(tree => Classes.Select(quality => Path.Combine(tree, root, quality))).Where(Directory.Exists)
                .SelectMany(folder => Directory.EnumerateDirectories(folder, PodPrefix + "*"))
                .Where(folder => !isKnown(Path.GetFileName(folder)[PodPrefix.Length..])),
        ];
        foreach (string orphan in orphans)
            await RemoveAsync(orphan, ct);
    }

    /// <summary>What a pod's containers may use together: without a limit of each of them, there is none of all.</summary>
    public static LinuxResources LimitsOf(PodSpec spec)
    {
        Dictionary<string, Quantity> requests = PodResources.Requests(spec);
        Dictionary<string, Quantity> limits = PodResources.Limits(spec);
        long cpu = IsLimited(spec, "cpu") ? limits.GetValueOrDefault("cpu").MilliValue : 0;
        long memory = IsLimited(spec, "memory") ? limits.GetValueOrDefault("memory").Value : 0;
        bool isBestEffort = QualityOfService.ClassOf(spec) == "BestEffort";
        return new LinuxResources
        {
            CpuShares = LinuxContainers.SharesOf(isBestEffort ? 0 : requests.GetValueOrDefault("cpu").MilliValue),
            CpuPeriodMicroseconds = LinuxContainers.PeriodMicroseconds,
            CpuQuotaMicroseconds = LinuxContainers.QuotaOf(cpu),
            MemoryLimitBytes = memory,
        };
    }

    /// <summary>The files of one cgroup that say so.</summary>
    public static IEnumerable<(string Controller, string File, string Value)> Files(LinuxResources resources, bool isUnified)
    {
        string period = Text(resources.CpuPeriodMicroseconds);
        bool hasQuota = resources.CpuQuotaMicroseconds > 0;
        bool hasMemory = resources.MemoryLimitBytes > 0;
        if (isUnified)
        {
            yield return SharesFile(resources.CpuShares, isUnified);
            yield return ("cpu", "cpu.max", $"{(hasQuota ? Text(resources.CpuQuotaMicroseconds) : "max")} {period}");
            yield return ("memory", "memory.max", hasMemory ? Text(resources.MemoryLimitBytes) : "max");
            yield break;
        }
        yield return SharesFile(resources.CpuShares, isUnified);
        yield return ("cpu", "cpu.cfs_period_us", period);
        yield return ("cpu", "cpu.cfs_quota_us", hasQuota ? Text(resources.CpuQuotaMicroseconds) : "-1");
        yield return ("memory", "memory.limit_in_bytes", hasMemory ? Text(resources.MemoryLimitBytes) : "-1");
    }

    /// <summary>The file that says which part of the processors a cgroup gets when there is not enough for all.</summary>
    public static (string Controller, string File, string Value) SharesFile(long shares, bool isUnified) =>
        isUnified ? ("cpu", "cpu.weight", Text(WeightOf(shares))) : ("cpu", "cpu.shares", Text(shares));

    /// <summary>Version 2 counts from 1 to 10000 where version 1 does from 2 to 262144.</summary>
    public static long WeightOf(long shares) => 1 + (shares - 2) * 9999 / 262_142;

    private static bool IsLimited(PodSpec spec, string resource) =>
        (spec.Resources?.Limits).OrEmpty().ContainsKey(resource)
        || spec.Containers.OrEmpty().Concat(spec.InitContainers.OrEmpty())
            .All(container => container.Resources?.Limits is { } limits && limits.TryGetValue(resource, out Quantity limit) && !limit.IsZero);

    private void PassDown(string path, string controller)
    {
        string folder = settings.CgroupFilesystem;
        foreach (string name in path.Split('/'))
        {
            File.WriteAllText(Path.Combine(folder, "cgroup.subtree_control"), "+" + controller);
            folder = Path.Combine(folder, name);
            Directory.CreateDirectory(folder);
        }
    }

    private static async Task RemoveAsync(string folder, CancellationToken ct)
    {
        foreach (string child in Directory.GetDirectories(folder))
            await RemoveAsync(child, ct);
        for (int tries = 1; ; tries++)
        {
            try
            {
                Directory.Delete(folder); // Its files are the kernel's and go with it.
                return;
            }
            catch (DirectoryNotFoundException)
            {
                return;
            }
            catch (IOException) when (tries < RemovalTries)
            {
                await Task.Delay(RemovalPause, ct); // Killed processes take a moment to be gone.
            }
        }
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
