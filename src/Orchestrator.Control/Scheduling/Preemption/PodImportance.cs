using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling.Preemption;

/// <summary>Puts the more important pod first: the one of higher priority, then the one that has run longer.</summary>
internal sealed class PodImportance : IComparer<PodInfo>
{
    public static PodImportance MostFirst { get; } = new();

    public int Compare(PodInfo? x, PodInfo? y)
    {
        int byPriority = y!.Priority.CompareTo(x!.Priority);
        if (byPriority != 0)
            return byPriority;
        int byStart = StartOf(x).CompareTo(StartOf(y));
        return byStart != 0 ? byStart : string.CompareOrdinal(x.Uid, y.Uid);
    }

    /// <summary>One that has not begun yet counts as the youngest.</summary>
    public static DateTimeOffset StartOf(PodInfo pod) => pod.Pod.Status.StartTime ?? DateTimeOffset.MaxValue;
}
