using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling.Queueing;

/// <summary>A pod that waits for a node, and how it fared so far. The queue's own; others read it.</summary>
public sealed class QueuedPod
{
    internal QueuedPod(PodInfo pod, DateTimeOffset now)
    {
        Pod = pod;
        AddedAt = now;
        QueuedAt = now;
    }

    public PodInfo Pod { get; internal set; }

    /// <summary>When the pod was first seen.</summary>
    public DateTimeOffset AddedAt { get; }

    /// <summary>When the pod was last put into a queue; among equal priorities the longest wait comes first.</summary>
    public DateTimeOffset QueuedAt { get; internal set; }

    /// <summary>How often a node was looked for.</summary>
    public int Attempts { get; internal set; }

    /// <summary>Who turned it away the last time.</summary>
    public IReadOnlySet<string> RefusedBy { get; internal set; } = NoPlugins;

    /// <summary>Gates hold it: nobody looks for a node.</summary>
    public bool IsGated { get; internal set; }

    internal static IReadOnlySet<string> NoPlugins { get; } = new HashSet<string>();

    internal QueuePlace Place { get; set; }

    /// <summary>Counts moves: what an older one left in a heap is passed over.</summary>
    internal long Move { get; set; }
}

internal enum QueuePlace
{
    /// <summary>In none: a node is being looked for, or the pod is being bound.</summary>
    None,
    Active,
    Backoff,
    Unschedulable,
}
