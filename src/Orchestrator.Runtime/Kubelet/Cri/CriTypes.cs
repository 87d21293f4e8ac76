namespace Orchestrator.Runtime.Kubelet.Cri;

/// <summary>The runtime's name and version: <c>containerd 1.6.20</c>.</summary>
public sealed record RuntimeVersion(string Name, string Version);

/// <summary>Whether the runtime and its network are ready, with the reason if not.</summary>
public sealed record RuntimeStatus(bool IsRuntimeReady, bool IsNetworkReady, string Message)
{
    /// <summary>It can make a mount read-only together with what is mounted below it.</summary>
    public bool CanMountRecursivelyReadOnly { get; init; }
}

/// <summary>What a sandbox is made from.</summary>
/// <param name="Annotations">The pod's own, and <see cref="CriAnnotations"/>.</param>
public sealed record PodSandboxConfig(
    string Name,
    string Namespace,
    string Uid,
    int Attempt,
    string Hostname,
    bool IsHostNetwork,
    IReadOnlyDictionary<string, string> Labels,
    IReadOnlyDictionary<string, string> Annotations)
{
    /// <summary>Where the containers' logs lie; empty for none.</summary>
    public string LogDirectory { get; init; } = "";

    /// <summary>The pod's cgroup as a path below cgroupfs' root: <c>/kubepods/burstable/podUID</c>. Empty leaves it to the runtime.</summary>
    public string CgroupParent { get; init; } = "";

    /// <summary>Null for the node's own resolv.conf.</summary>
    public DnsConfig? Dns { get; init; }

    public IReadOnlyList<PortMapping> PortMappings { get; init; } = [];
    public PodNamespaces Namespaces { get; init; } = PodNamespaces.Default;
    public SandboxSecurity Security { get; init; } = new();
    public IReadOnlyDictionary<string, string> Sysctls { get; init; } = new Dictionary<string, string>();

    /// <summary>Of the pod's RuntimeClass; empty for the runtime's default.</summary>
    public string RuntimeHandler { get; init; } = "";
}

/// <param name="Ip">Empty in the host's network.</param>
public sealed record PodSandbox(string Id, string PodUid, string PodName, string PodNamespace, int Attempt, bool IsReady, DateTimeOffset CreatedAt, string Ip);

/// <param name="Attempt">How often the container was started before in this pod.</param>
/// <param name="Annotations">The pod's own, and <see cref="CriAnnotations"/>.</param>
public sealed record ContainerConfig(
    string Name,
    int Attempt,
    string Image,
    IReadOnlyList<string> Command,
    IReadOnlyList<string> Args,
    string WorkingDirectory,
    IReadOnlyList<KeyValuePair<string, string>> Environment,
    bool HasStdin,
    bool HasTty,
    IReadOnlyDictionary<string, string> Annotations)
{
    /// <summary>Beside those that every container gets: <see cref="CriLabels"/>.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>The input ends with the first client that was attached.</summary>
    public bool ClosesStdinOnce { get; init; }

    public LinuxResources Resources { get; init; } = new();
    public ContainerSecurity Security { get; init; } = new();

    /// <summary>Null for the sandbox's.</summary>
    public PodNamespaces? Namespaces { get; init; }

    public IReadOnlyList<ContainerMount> Mounts { get; init; } = [];
    public IReadOnlyList<ContainerDevice> Devices { get; init; } = [];
}

/// <summary>By what a runtime's sandboxes and containers are found again: kubelets and tools beside them agree on these.</summary>
public static class CriLabels
{
    public const string PodName = "io.kubernetes.pod.name";
    public const string PodNamespace = "io.kubernetes.pod.namespace";
    public const string PodUid = "io.kubernetes.pod.uid";
    public const string ContainerName = "io.kubernetes.container.name";
}

/// <summary>What kubelets tell runtimes beside the pod's own annotations.</summary>
public static class CriAnnotations
{
    /// <summary>Always, OnFailure or Never.</summary>
    public const string RestartPolicy = "io.kubernetes.pod.restartPolicy";

    /// <summary><see cref="RegularContainer"/>, <see cref="InitContainer"/>, sidecar or ephemeral.</summary>
    public const string ContainerKind = "io.kubernetes.container.kind";

    /// <summary>Of the container's definition: another one means that it has to be made anew.</summary>
    public const string ContainerHash = "io.kubernetes.container.hash";

    /// <summary>The file in the container that has its last words.</summary>
    public const string TerminationMessagePath = "io.kubernetes.container.terminationMessagePath";

    public const string RegularContainer = "regular";
    public const string InitContainer = "init";
    public const string Sidecar = "sidecar";
    public const string EphemeralContainer = "ephemeral";
}

public enum RuntimeContainerState
{
    Created,
    Running,
    Exited,
    Unknown,
}

/// <summary>A container as the runtime knows it: CRI's Container and ContainerStatus in one.</summary>
/// <param name="Reason">Why it ended, as kubectl prints it: Completed, Error, OOMKilled. Empty while it runs.</param>
public sealed record RuntimeContainer(
    string Id,
    string SandboxId,
    string PodUid,
    string Name,
    int Attempt,
    RuntimeContainerState State,
    string Image,
    string ImageRef,
    string Hash,
    DateTimeOffset CreatedAt,
    DateTimeOffset? StartedAt = null,
    DateTimeOffset? FinishedAt = null,
    int ExitCode = 0,
    string Reason = "",
    string Message = "")
{
    /// <summary>The whole path of the file that the runtime writes its output to; empty where there is none.</summary>
    public string LogPath { get; init; } = "";
}

/// <param name="Id">The reference by digest.</param>
public sealed record RuntimeImage(string Id, IReadOnlyList<string> RepoTags, long SizeBytes)
{
    /// <summary>The hash of its configuration, by which containers may name it; empty where nobody says.</summary>
    public string ImageId { get; init; } = "";

    /// <summary>Who runs its command unless the pod says otherwise; null where it names nobody or <see cref="UserName"/>.</summary>
    public long? UserId { get; init; }

    public string UserName { get; init; } = "";

    /// <summary>Not to be collected as garbage.</summary>
    public bool IsPinned { get; init; }
}

/// <summary>How a registry knows who pulls: by user and password, or by one of the tokens.</summary>
public sealed record RegistryCredentials
{
    public string Username { get; init; } = "";
    public string Password { get; init; } = "";

    /// <summary>Exchanged for an access token.</summary>
    public string IdentityToken { get; init; } = "";

    /// <summary>Sent to the registry as it is.</summary>
    public string RegistryToken { get; init; } = "";

    public string ServerAddress { get; init; } = "";

    // Records print all that they have.
    public override string ToString() => $"credentials of {(Username.Length > 0 ? Username : "a token")}";
}

/// <summary>The file system that images or containers lie on, and what they take of it.</summary>
public sealed record ImageFilesystem(string Mountpoint, DateTimeOffset Time, long UsedBytes, long UsedInodes);

public sealed record ExecSyncResult(int ExitCode, string Output);

/// <param name="Text">Without its line's end.</param>
/// <param name="IsPartial">The line goes on in the next one of the same stream: it is too long for one.</param>
public sealed record LogLine(DateTimeOffset Time, bool IsStderr, string Text, bool IsPartial = false);

/// <param name="CpuNanoCores">What it uses now.</param>
/// <param name="CpuNanoSeconds">What it has used since its start.</param>
public sealed record ContainerUsage(
    string ContainerId, string Name, string PodUid, string PodName, string PodNamespace,
    DateTimeOffset Time, DateTimeOffset StartedAt, long CpuNanoCores, long CpuNanoSeconds, long MemoryBytes)
{
    /// <summary>What it has written to its own root, as the runtime last counted it.</summary>
    public long LayerBytes { get; init; }

    public long LayerInodes { get; init; }
}

public sealed record ContainerEvent(string PodUid, string ContainerId);
