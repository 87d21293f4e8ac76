using KvStore.Testing.Containers;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Benchmark;

/// <summary>A pod of one container without resources, as every kubelet describes it to the runtime.</summary>
internal sealed record BarePod(PodSandboxConfig Sandbox, ContainerConfig Container)
{
    private const int BestEffortShares = 2;
    private const int BestEffortAdjustment = 1000;
    private const int Period = 100_000;

    private static readonly Dictionary<string, string> None = [];

    private static readonly string[] MaskedPaths =
    [
        "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
    ];

    private static readonly string[] ReadOnlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    private const string Cgroup = "orchestrator-benchmark-bare";

    /// <summary>Those of all pods, which are empty: containerd leaves what a kubelet would have made.</summary>
    public static void RemoveCgroups()
    {
        foreach (string cgroup in Directory.EnumerateDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup").Select(root => Path.Combine(root, Cgroup)).Where(Directory.Exists))
            Remove(cgroup);
    }

    private static void Remove(string cgroup)
    {
        foreach (string child in Directory.EnumerateDirectories(cgroup))
            Remove(child);
        Directory.Delete(cgroup);
    }

    /// <summary>Makes its files in a folder, so that only the runtime's part is left to do.</summary>
    public static BarePod Prepare(string parent, string name)
    {
        string folder = Directory.CreateDirectory(Path.Combine(parent, name)).FullName;
        string logs = Directory.CreateDirectory(Path.Combine(folder, "logs")).FullName;
        string token = Directory.CreateDirectory(Path.Combine(folder, "token")).FullName;
        string hosts = Path.Combine(folder, "hosts"), message = Path.Combine(folder, "message");
        File.WriteAllText(hosts, "127.0.0.1 localhost\n");
        File.WriteAllText(message, "");
        var sandbox = new PodSandboxConfig(name, "default", Guid.NewGuid().ToString(), 0, name, false, None, None)
        {
            LogDirectory = logs,
            CgroupParent = $"/{Cgroup}/{name}",
            Dns = new DnsConfig(["10.96.0.10"], ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"], ["ndots:5"]),
            Security = new SandboxSecurity { Seccomp = SecurityProfile.RuntimeDefault },
        };
        var container = new ContainerConfig("c", 0, BusyboxImage.Name, ["sleep", "3600"], [], "", [], false, false, None)
        {
            Mounts =
            [
                new ContainerMount(hosts, "/etc/hosts"),
                new ContainerMount(message, "/dev/termination-log"),
                new ContainerMount(token, "/var/run/secrets/kubernetes.io/serviceaccount", IsReadOnly: true),
            ],
            Security = new ContainerSecurity { MaskedPaths = MaskedPaths, ReadOnlyPaths = ReadOnlyPaths, Seccomp = SecurityProfile.Unconfined },
            Resources = new LinuxResources { CpuShares = BestEffortShares, CpuPeriodMicroseconds = Period, OomScoreAdjustment = BestEffortAdjustment },
        };
        return new BarePod(sandbox, container);
    }
}
