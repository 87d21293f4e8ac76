namespace Orchestrator.Control.Pods;

/// <summary>What controllers ask about a pod.</summary>
public static class PodState
{
    public static PodCondition? Condition(this Pod pod, string type)
    {
        if (pod.Status.Conditions is { } conditions)
        {
            foreach (var condition in conditions)
            {
                if (condition.Type == type)
                    return condition;
            }
        }
        return null;
    }

    public static bool IsReady(this Pod pod) => pod.Condition("Ready")?.Status == "True";

    /// <summary>When the pod became ready; null if it is not, or if nobody wrote when.</summary>
    public static DateTimeOffset? ReadySince(this Pod pod) =>
        pod.Condition("Ready") is { Status: "True" } ready ? ready.LastTransitionTime : null;

    /// <summary>Ready for at least <paramref name="minReadySeconds"/>.</summary>
    public static bool IsAvailable(this Pod pod, int minReadySeconds, DateTimeOffset now)
    {
        if (!pod.IsReady())
            return false;
        return minReadySeconds == 0 || (pod.ReadySince() is { } since && since.AddSeconds(minReadySeconds) <= now);
    }

    /// <summary>When a pod that stays ready becomes available; null if it is not ready or is available already.</summary>
    public static DateTimeOffset? AvailableAt(this Pod pod, int minReadySeconds, DateTimeOffset now) =>
        pod.ReadySince() is { } since && since.AddSeconds(minReadySeconds) is var at && at > now ? at : null;

    public static bool IsSucceeded(this Pod pod) => pod.Status.Phase == "Succeeded";

    public static bool IsFailed(this Pod pod) => pod.Status.Phase == "Failed";

    /// <summary>Whether its containers ended for good.</summary>
    public static bool IsTerminal(this Pod pod) => pod.IsSucceeded() || pod.IsFailed();

    /// <summary>Neither ended nor being deleted: what counts as a replica.</summary>
    public static bool IsActive(this Pod pod) => !pod.IsTerminal() && !pod.IsBeingDeleted;

    /// <summary>Being deleted and not yet ended: still holds its place on the node.</summary>
    public static bool IsTerminating(this Pod pod) => !pod.IsTerminal() && pod.IsBeingDeleted;

    public static bool IsScheduled(this Pod pod) => !string.IsNullOrEmpty(pod.Spec.NodeName);

    /// <summary>The most restarts of a container; for init containers see <see cref="SidecarRestarts"/>.</summary>
    public static int Restarts(this Pod pod)
    {
        int most = 0;
        foreach (var status in pod.Status.ContainerStatuses.OrEmpty())
            most = Math.Max(most, status.RestartCount ?? 0);
        return most;
    }

    /// <summary>The most restarts of an init container that runs beside the others (restartPolicy Always).</summary>
    public static int SidecarRestarts(this Pod pod)
    {
        int most = 0;
        foreach (var status in pod.Status.InitContainerStatuses.OrEmpty())
        {
            if (pod.Spec.InitContainers.OrEmpty().Any(c => c.Name == status.Name && c.RestartPolicy == "Always"))
                most = Math.Max(most, status.RestartCount ?? 0);
        }
        return most;
    }
}
