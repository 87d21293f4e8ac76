using Orchestrator.Control.Pods;

namespace Orchestrator.Control.ReplicaSets;

/// <summary>The figures of a set's status.</summary>
public readonly record struct ReplicaCounts(
    int Replicas, int FullyLabeled, int Ready, int Available, int Terminating, DateTimeOffset? NextAvailableAt)
{
    public static ReplicaCounts Of(
        IReadOnlyList<Pod> pods, PodTemplateSpec template, int minReadySeconds, DateTimeOffset now)
    {
        var templateLabels = Selector.Of(template.Metadata.Labels.OrEmpty());
        int replicas = 0, fullyLabeled = 0, ready = 0, available = 0, terminating = 0;
        DateTimeOffset? next = null;
        foreach (var pod in pods)
        {
            if (pod.IsTerminating())
                terminating++;
            if (!pod.IsActive())
                continue;
            replicas++;
            if (templateLabels.Matches(pod.Labels))
                fullyLabeled++;
            if (!pod.IsReady())
                continue;
            ready++;
            if (pod.IsAvailable(minReadySeconds, now))
                available++;
            else if (pod.AvailableAt(minReadySeconds, now) is { } at && (next is null || at < next))
                next = at;
        }
        return new(replicas, fullyLabeled, ready, available, terminating, next);
    }
}
