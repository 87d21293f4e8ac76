namespace Orchestrator.Runtime.Kubelet.Cri;

/// <summary>The runtime's name and version: <c>containerd 1.6.20</c>.</summary>
public sealed record RuntimeVersion(string Name, string Version);

/// <summary>Whether the runtime and its network are ready, with the reason if not.</summary>
public sealed record RuntimeStatus(bool IsRuntimeReady, bool IsNetworkReady, string Message);

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
    IReadOnlyDictionary<string, string> Annotations);

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
    IReadOnlyDictionary<string, string> Annotations);

/// <summary>What kubelets tell runtimes beside the pod's own annotations.</summary>
public static class CriAnnotations
{
    /// <summary>Always, OnFailure or Never.</summary>
    public const string RestartPolicy = "io.kubernetes.pod.restartPolicy";

    /// <summary><see cref="RegularContainer"/>, <see cref="InitContainer"/>, sidecar or ephemeral.</summary>
    public const string ContainerKind = "io.kubernetes.container.kind";

    /// <summary>Of the container's definition: another one means that it has to be made anew.</summary>
    public const string ContainerHash = "io.kubernetes.container.hash";

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
    string Message = "");

/// <param name="Id">The reference by digest.</param>
public sealed record RuntimeImage(string Id, IReadOnlyList<string> RepoTags, long SizeBytes);

public sealed record ExecSyncResult(int ExitCode, string Output);

/// <param name="Text">Without its line's end.</param>
public sealed record LogLine(DateTimeOffset Time, bool IsStderr, string Text);

/// <param name="CpuNanoCores">What it uses now.</param>
/// <param name="CpuNanoSeconds">What it has used since its start.</param>
public sealed record ContainerUsage(
    string ContainerId, string Name, string PodUid, string PodName, string PodNamespace,
    DateTimeOffset Time, DateTimeOffset StartedAt, long CpuNanoCores, long CpuNanoSeconds, long MemoryBytes);

public sealed record ContainerEvent(string PodUid, string ContainerId);
