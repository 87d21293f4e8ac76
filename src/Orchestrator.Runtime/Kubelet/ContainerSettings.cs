using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Images;
using Orchestrator.Runtime.Kubelet.Images.Registries;
using Orchestrator.Runtime.Kubelet.Volumes;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>What a node with a real runtime gives its containers: folders, cgroups, names.</summary>
public sealed record ContainerSettings
{
    /// <summary>A folder for each pod's logs: <c>NAMESPACE_NAME_UID/CONTAINER/ATTEMPT.log</c>.</summary>
    public string PodLogs { get; init; } = "/var/log/pods";

    /// <summary>A folder for each pod's files and volumes, by its uid. All its mounts lie below it.</summary>
    public string PodFiles { get; init; } = "/var/lib/kubelet/pods";

    /// <summary>Where the seccomp profiles lie that pods name by files.</summary>
    public string SeccompProfiles { get; init; } = "/var/lib/kubelet/seccomp";

    /// <summary>The cgroup of all pods, below cgroupfs' root.</summary>
    public string CgroupRoot { get; init; } = "/kubepods";

    /// <summary>Where the kernel's cgroups are mounted.</summary>
    public string CgroupFilesystem { get; init; } = "/sys/fs/cgroup";

    /// <summary>The cluster's name servers; without any, pods have the node's.</summary>
    public IReadOnlyList<string> ClusterDns { get; init; } = [];

    public string ClusterDomain { get; init; } = "cluster.local";

    /// <summary>What the node itself asks: its resolv.conf.</summary>
    public DnsConfig NodeDns { get; init; } = new([], [], []);

    /// <summary>The folder of the local-path provisioner's volumes: those of this node are made there when a pod is to use them, and deleted
    /// with their objects. The node says so in an annotation. Null: this node has no such volumes.</summary>
    public string? LocalVolumes { get; init; }

    /// <summary>Credentials of registries and their mirrors that the node has itself, whichever pod pulls.</summary>
    public RegistriesFile Registries { get; init; } = RegistriesFile.Empty;

    /// <summary>How volumes are mounted.</summary>
    internal IMounts Mounts { get; init; } = new LinuxMounts();

    public LogRotationSettings Logs { get; init; } = new();

    public ImageGarbageSettings ImageGarbage { get; init; } = new();
}

/// <summary>How large containers' logs may grow.</summary>
public sealed record LogRotationSettings
{
    /// <summary>A file that has become so large is moved away.</summary>
    public long MaxBytes { get; init; } = 10 * 1024 * 1024;

    /// <summary>The most files of one container, that in use included; at least 2.</summary>
    public int MaxFiles { get; init; } = 5;

    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);
}
