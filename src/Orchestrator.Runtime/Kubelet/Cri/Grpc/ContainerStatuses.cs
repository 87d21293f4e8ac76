using System.Collections.Concurrent;
using System.Text;
using KvStore.Grpc;
using V1 = Orchestrator.Cri.V1;

namespace Orchestrator.Runtime.Kubelet.Cri.Grpc;

/// <summary>What a list of containers leaves out: start, end, exit code, reason. Asked for once for each state of a container.</summary>
/// <remarks>A container's status is fixed between its changes of state, and the list tells of these.</remarks>
internal sealed class ContainerStatuses(CriConnection connection)
{
    /// <summary>How much of the file of its last words becomes a container's message.</summary>
    private const int MessageLimitBytes = 4096;

    private readonly ConcurrentDictionary<string, RuntimeContainer> _known = new();

    /// <returns>Null when the container is gone again.</returns>
    public async Task<RuntimeContainer?> OfAsync(V1.Container container, CancellationToken ct)
    {
        if (_known.TryGetValue(container.Id, out RuntimeContainer? known) && known.State == FromMessage(container.State))
            return known;
        if (await AskAsync(container.Id, ct) is not { } status)
            return null;
        RuntimeContainer asked = Describe(container, status);
        _known[container.Id] = asked;
        return asked;
    }

    /// <returns>Null when there is no such container.</returns>
    public async Task<V1.ContainerStatus?> AskAsync(string containerId, CancellationToken ct)
    {
        try
        {
            var request = new V1.ContainerStatusRequest { ContainerId = containerId };
            return (await connection.CallAsync(CriMethods.ContainerStatus, request, ct)).Status;
        }
        catch (CriException e) when (e.Code == StatusCode.NotFound)
        {
            return null;
        }
    }

    /// <summary>Forgets all others.</summary>
    public void KeepOnly(IEnumerable<string> ids)
    {
        HashSet<string> kept = [.. ids];
        foreach (string id in _known.Keys.Where(id => !kept.Contains(id)))
            _known.TryRemove(id, out _);
    }

    public static RuntimeContainerState FromMessage(V1.ContainerState state) => state switch
    {
        V1.ContainerState.ContainerCreated => RuntimeContainerState.Created,
        V1.ContainerState.ContainerRunning => RuntimeContainerState.Running,
        V1.ContainerState.ContainerExited => RuntimeContainerState.Exited,
        _ => RuntimeContainerState.Unknown,
    };

    private static RuntimeContainer Describe(V1.Container container, V1.ContainerStatus status)
    {
        RuntimeContainerState state = FromMessage(status.State);
        string reason = status.Reason;
        if (state == RuntimeContainerState.Exited && reason.Length == 0)
            reason = status.ExitCode == 0 ? "Completed" : "Error";
        return new RuntimeContainer(
            container.Id,
            container.PodSandboxId,
            container.Labels.GetValueOrDefault(CriLabels.PodUid, ""),
            status.Metadata?.Name ?? container.Metadata.Name,
            (int)(status.Metadata?.Attempt ?? container.Metadata.Attempt),
            state,
            status.Image?.Image is { Length: > 0 } image ? image : container.Image?.Image ?? "",
            status.ImageRef,
            status.Annotations.GetValueOrDefault(CriAnnotations.ContainerHash, ""),
            CriTime.FromNanoseconds(status.CreatedAt),
            CriTime.FromNanosecondsOrNone(status.StartedAt),
            CriTime.FromNanosecondsOrNone(status.FinishedAt),
            status.ExitCode,
            reason,
            state == RuntimeContainerState.Exited ? Message(status) : status.Message)
        {
            LogPath = status.LogPath,
        };
    }

    /// <summary>The container's last words, if it left a file with some, else what the runtime says.</summary>
    private static string Message(V1.ContainerStatus status)
    {
        string path = status.Annotations.GetValueOrDefault(CriAnnotations.TerminationMessagePath, "");
        string? file = path.Length == 0 ? null : status.Mounts.FirstOrDefault(mount => mount.ContainerPath == path)?.HostPath;
        if (string.IsNullOrEmpty(file))
            return status.Message;
        try
        {
            using FileStream stream = File.OpenRead(file);
            stream.Seek(-Math.Min(stream.Length, MessageLimitBytes), SeekOrigin.End); // The end is what counts.
            using var reader = new StreamReader(stream, Encoding.UTF8);
            string words = reader.ReadToEnd();
            return words.Length > 0 ? words : status.Message;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return status.Message;
        }
    }
}
