using Orchestrator.Runtime.Streams;

namespace Orchestrator.Runtime.Kubelet.Cri;

/// <summary>What a kubelet asks of a container runtime: the shape of CRI v1's RuntimeService.</summary>
/// <remarks>
/// Where CRI answers with a URL to stream from (exec, attach, port-forward) or leaves a file (logs), this interface carries
/// the streams themselves. Failures are <see cref="CriException"/>s. Everything may be asked again: a second stop of a stopped
/// container is no error.
/// </remarks>
public interface IContainerRuntime
{
    Task<RuntimeVersion> VersionAsync(CancellationToken ct);

    Task<RuntimeStatus> StatusAsync(CancellationToken ct);

    /// <summary>Tells which addresses this node's pods get.</summary>
    Task UpdateRuntimeConfigAsync(string podCidr, CancellationToken ct);

    /// <summary>Makes the pod's surroundings: its network and, in a real runtime, the container that holds it.</summary>
    /// <returns>The sandbox's id.</returns>
    Task<string> RunPodSandboxAsync(PodSandboxConfig config, CancellationToken ct);

    /// <summary>Kills what runs in it and takes its network away.</summary>
    Task StopPodSandboxAsync(string sandboxId, CancellationToken ct);

    Task RemovePodSandboxAsync(string sandboxId, CancellationToken ct);

    /// <param name="podUid">Null for all pods.</param>
    Task<IReadOnlyList<PodSandbox>> ListPodSandboxAsync(string? podUid, CancellationToken ct);

    /// <param name="sandbox">What the sandbox was made from.</param>
    /// <returns>The container's id.</returns>
    Task<string> CreateContainerAsync(string sandboxId, ContainerConfig config, PodSandboxConfig sandbox, CancellationToken ct);

    /// <summary>Returns when the container's process has been started.</summary>
    /// <exception cref="CriException">
    /// It could not be. The container has ended then as one whose process fails has: exit code 128, reason StartError, the same
    /// message, no time of a start.
    /// </exception>
    Task StartContainerAsync(string containerId, CancellationToken ct);

    /// <summary>Asks the process to end, and kills it after <paramref name="grace"/>; returns when it has ended.</summary>
    Task StopContainerAsync(string containerId, TimeSpan grace, CancellationToken ct);

    Task RemoveContainerAsync(string containerId, CancellationToken ct);

    /// <summary>All containers, those that have ended included.</summary>
    /// <param name="podUid">Null for all pods.</param>
    Task<IReadOnlyList<RuntimeContainer>> ListContainersAsync(string? podUid, CancellationToken ct);

    /// <summary>Passes on changed resources and annotations of a running container.</summary>
    /// <param name="resources">Null: they are what they were.</param>
    Task UpdateContainerResourcesAsync(
        string containerId, LinuxResources? resources, IReadOnlyDictionary<string, string> annotations, CancellationToken ct);

    /// <summary>Runs a command to its end, for probes and hooks.</summary>
    Task<ExecSyncResult> ExecSyncAsync(string containerId, IReadOnlyList<string> command, TimeSpan timeout, CancellationToken ct);

    Task<RemoteCommandResult> ExecAsync(string containerId, RemoteCommandSession session, CancellationToken ct);

    Task<RemoteCommandResult> AttachAsync(string containerId, RemoteCommandSession session, CancellationToken ct);

    /// <remarks>Inside the pod: what listens at its loopback address alone is reached too.</remarks>
    Task PortForwardAsync(string sandboxId, int port, DuplexStream connection, CancellationToken ct);

    /// <summary>Joins a connection with one to a port at the pod's address, as anybody in the cluster may make it.</summary>
    /// <param name="address">The sandbox's, or the host's for a pod in its network.</param>
    Task ConnectAsync(string sandboxId, string address, int port, DuplexStream connection, CancellationToken ct) =>
        PodPort.JoinAsync(address, port, connection, ct);

    /// <summary>The lines that a container has written, oldest first.</summary>
    /// <param name="follow">Goes on with what it writes, until it ends.</param>
    IAsyncEnumerable<LogLine> ReadLogAsync(string containerId, bool follow, CancellationToken ct);

    Task<IReadOnlyList<ContainerUsage>> ListContainerStatsAsync(CancellationToken ct);

    /// <summary>Calls <paramref name="changed"/> whenever a container has started or ended by itself, and perhaps once for each
    /// that there is at the beginning.</summary>
    /// <returns>Ends the calls.</returns>
    IDisposable SubscribeContainerEvents(Action<ContainerEvent> changed);
}
