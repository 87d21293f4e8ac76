namespace Orchestrator.Runtime.Kubelet.Cri;

/// <summary>Whose namespace a sandbox's or container's processes live in.</summary>
public enum NamespaceSharing
{
    /// <summary>One for all of the pod.</summary>
    Pod,

    /// <summary>One for each container.</summary>
    Container,

    /// <summary>The node's own.</summary>
    Node,

    /// <summary>That of another container: <see cref="PodNamespaces.TargetContainerId"/>.</summary>
    Target,
}

/// <summary>The namespaces of a sandbox or container.</summary>
/// <param name="TargetContainerId">For <see cref="NamespaceSharing.Target"/>; else empty.</param>
public sealed record PodNamespaces(
    NamespaceSharing Network = NamespaceSharing.Pod,
    NamespaceSharing Pid = NamespaceSharing.Container,
    NamespaceSharing Ipc = NamespaceSharing.Pod,
    string TargetContainerId = "")
{
    public static PodNamespaces Default { get; } = new();
}

/// <summary>How a security profile (seccomp, AppArmor) is chosen.</summary>
public enum SecurityProfileKind
{
    RuntimeDefault,
    Unconfined,
    Localhost,
}

/// <param name="LocalhostReference">For Localhost: the file's whole path for seccomp, the profile's name for AppArmor.</param>
public sealed record SecurityProfile(SecurityProfileKind Kind, string LocalhostReference = "")
{
    public static SecurityProfile RuntimeDefault { get; } = new(SecurityProfileKind.RuntimeDefault);

    public static SecurityProfile Unconfined { get; } = new(SecurityProfileKind.Unconfined);
}

public sealed record SeLinuxOptions(string User, string Role, string Type, string Level);

/// <summary>What the process that holds a sandbox may do. Containers have their own <see cref="ContainerSecurity"/>.</summary>
public sealed record SandboxSecurity
{
    public long? RunAsUser { get; init; }

    /// <summary>Only with a user.</summary>
    public long? RunAsGroup { get; init; }

    public IReadOnlyList<long> SupplementalGroups { get; init; } = [];

    /// <summary>One of the pod's containers is privileged.</summary>
    public bool IsPrivileged { get; init; }

    public SecurityProfile? Seccomp { get; init; }
    public SecurityProfile? AppArmor { get; init; }
    public SeLinuxOptions? SeLinux { get; init; }
}

/// <summary>What a container's processes may do.</summary>
public sealed record ContainerSecurity
{
    public long? RunAsUser { get; init; }

    /// <summary>Only with a user.</summary>
    public long? RunAsGroup { get; init; }

    /// <summary>A user of the image by name, where <see cref="RunAsUser"/> is null; empty for the image's own choice.</summary>
    public string RunAsUserName { get; init; } = "";

    public IReadOnlyList<long> SupplementalGroups { get; init; } = [];

    /// <summary>Only <see cref="SupplementalGroups"/> count, not those of the image's /etc/group.</summary>
    public bool HasStrictGroups { get; init; }

    public bool IsPrivileged { get; init; }

    /// <summary>Without the prefix CAP_; "ALL" for all.</summary>
    public IReadOnlyList<string> AddedCapabilities { get; init; } = [];

    public IReadOnlyList<string> DroppedCapabilities { get; init; } = [];
    public bool HasReadOnlyRoot { get; init; }
    public bool NoNewPrivileges { get; init; }

    /// <summary>Paths of /proc and /sys that are hidden from it.</summary>
    public IReadOnlyList<string> MaskedPaths { get; init; } = [];

    public IReadOnlyList<string> ReadOnlyPaths { get; init; } = [];
    public SecurityProfile? Seccomp { get; init; }
    public SecurityProfile? AppArmor { get; init; }
    public SeLinuxOptions? SeLinux { get; init; }
}

/// <summary>What cgroups allow a container. Zero or empty: no such limit.</summary>
public sealed record LinuxResources
{
    /// <summary>Its part of the processor when there is not enough for all: 1024 for each core.</summary>
    public long CpuShares { get; init; }

    /// <summary>Microseconds of processor time in each <see cref="CpuPeriodMicroseconds"/>.</summary>
    public long CpuQuotaMicroseconds { get; init; }

    public long CpuPeriodMicroseconds { get; init; }
    public long MemoryLimitBytes { get; init; }

    /// <summary>-1000 to 1000: the higher, the sooner it is killed when the node's memory is used up.</summary>
    public long OomScoreAdjustment { get; init; }

    /// <summary>Bytes, by page size: "2MB".</summary>
    public IReadOnlyDictionary<string, long> HugePageLimits { get; init; } = new Dictionary<string, long>();

    /// <summary>Files of cgroup v2 and what is written into them.</summary>
    public IReadOnlyDictionary<string, string> Unified { get; init; } = new Dictionary<string, string>();
}

/// <summary>Whether mounts that are made below a mount are seen on the other side.</summary>
public enum MountPropagation
{
    Private,
    HostToContainer,
    Bidirectional,
}

/// <summary>A folder or file of the node in a container.</summary>
public sealed record ContainerMount(string HostPath, string ContainerPath, bool IsReadOnly = false, MountPropagation Propagation = MountPropagation.Private)
{
    /// <summary>What is mounted below it is read-only too.</summary>
    public bool IsRecursivelyReadOnly { get; init; }
}

/// <param name="Permissions">Letters of "rwm".</param>
public sealed record ContainerDevice(string HostPath, string ContainerPath, string Permissions);

/// <summary>The lines of a pod's resolv.conf.</summary>
public sealed record DnsConfig(IReadOnlyList<string> Servers, IReadOnlyList<string> Searches, IReadOnlyList<string> Options);

/// <summary>A port of the pod at the node's addresses.</summary>
/// <param name="Protocol">TCP, UDP or SCTP.</param>
/// <param name="HostIp">Empty for all of the node's addresses.</param>
public sealed record PortMapping(string Protocol, int ContainerPort, int HostPort, string HostIp = "");
