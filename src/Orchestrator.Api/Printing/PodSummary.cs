using System.Globalization;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Printing;

/// <summary>What one line says of a pod: how many containers are ready, in one word how it is, and how often it restarted.</summary>
/// <remarks>
/// While init containers run, the first that has not succeeded gives the word. After that the containers are asked from last to first,
/// so that the first one's reason wins; one that merely runs does not change it.
/// </remarks>
public sealed class PodSummary
{
    private int _restarts;
    private DateTimeOffset? _lastRestart;
    private int _sidecarRestarts;
    private DateTimeOffset? _lastSidecarRestart;

    private PodSummary(Pod pod)
    {
        Status = string.IsNullOrEmpty(pod.Status.Reason) ? pod.Status.Phase ?? "" : pod.Status.Reason;
        if (pod.Status.Conditions.OrEmpty().Any(condition => condition is { Type: "PodScheduled", Reason: "SchedulingGated" }))
            Status = "SchedulingGated";
        TotalContainers = pod.Spec.Containers.OrEmpty().Count + pod.Spec.InitContainers.OrEmpty().Count(IsSidecar);
        bool isInitializing = SumUpInitContainers(pod);
        if (!isInitializing || HasCondition(pod, "Initialized"))
            SumUpContainers(pod);
        if (pod.Metadata.DeletionTimestamp is not null)
            Status = pod.Status.Reason == "NodeLost" ? "Unknown" : "Terminating";
    }

    public static PodSummary Of(Pod pod) => new(pod);

    /// <summary><c>Running</c>, <c>CrashLoopBackOff</c>, <c>Init:0/2</c>, <c>Terminating</c> ...</summary>
    public string Status { get; private set; }

    public int ReadyContainers { get; private set; }

    /// <summary>Containers and sidecars: other init containers are never ready.</summary>
    public int TotalContainers { get; }

    /// <summary><c>0</c>, or <c>3 (5m ago)</c> once a container came back.</summary>
    public string Restarts(DateTimeOffset now)
    {
        string count = _restarts.ToString(CultureInfo.InvariantCulture);
        return _restarts != 0 && _lastRestart is { } last ? $"{count} ({HumanDuration.Since(last, now)} ago)" : count;
    }

    private bool SumUpInitContainers(Pod pod)
    {
        var specs = pod.Spec.InitContainers.OrEmpty();
        var statuses = pod.Status.InitContainerStatuses.OrEmpty();
        for (int i = 0; i < statuses.Count; i++)
        {
            var status = statuses[i];
            bool isSidecar = specs.Any(container => container.Name == status.Name && IsSidecar(container));
            CountRestarts(status);
            if (isSidecar)
            {
                _sidecarRestarts += status.RestartCount ?? 0;
                _lastSidecarRestart = Later(_lastSidecarRestart, status.LastState?.Terminated?.FinishedAt);
            }
            if (status.State?.Terminated is { ExitCode: 0 or null })
                continue;
            if (isSidecar && status.Started == true)
            {
                if (status.Ready == true)
                    ReadyContainers++;
                continue;
            }
            Status = InitStatus(status, i, specs.Count);
            return true;
        }
        return false;
    }

    private static string InitStatus(ContainerStatus status, int index, int count)
    {
        if (status.State?.Terminated is { } terminated)
            return "Init:" + EndOf(terminated);
        if (status.State?.Waiting?.Reason is { Length: > 0 } reason && reason != "PodInitializing")
            return "Init:" + reason;
        return string.Create(CultureInfo.InvariantCulture, $"Init:{index}/{count}");
    }

    private void SumUpContainers(Pod pod)
    {
        _restarts = _sidecarRestarts;
        _lastRestart = _lastSidecarRestart;
        bool hasRunning = false;
        foreach (var status in pod.Status.ContainerStatuses.OrEmpty().AsEnumerable().Reverse())
        {
            CountRestarts(status);
            if (status.State?.Waiting?.Reason is { Length: > 0 } reason)
                Status = reason;
            else if (status.State?.Terminated is { } terminated)
                Status = EndOf(terminated);
            else if (status.Ready == true && status.State?.Running is not null)
            {
                hasRunning = true;
                ReadyContainers++;
            }
        }
        if (Status == "Completed" && hasRunning)
            Status = HasCondition(pod, "Ready") ? "Running" : "NotReady";
    }

    private void CountRestarts(ContainerStatus status)
    {
        _restarts += status.RestartCount ?? 0;
        _lastRestart = Later(_lastRestart, status.LastState?.Terminated?.FinishedAt);
    }

    private static string EndOf(ContainerStateTerminated terminated)
    {
        if (!string.IsNullOrEmpty(terminated.Reason))
            return terminated.Reason;
        return terminated.Signal is { } signal and not 0
            ? string.Create(CultureInfo.InvariantCulture, $"Signal:{signal}")
            : string.Create(CultureInfo.InvariantCulture, $"ExitCode:{terminated.ExitCode ?? 0}");
    }

    private static bool IsSidecar(Container container) => container.RestartPolicy == "Always";

    private static bool HasCondition(Pod pod, string type) =>
        pod.Status.Conditions.OrEmpty().Find(condition => condition.Type == type)?.Status == "True";

    private static DateTimeOffset? Later(DateTimeOffset? left, DateTimeOffset? right) =>
        right is null || left >= right ? left : right;
}
