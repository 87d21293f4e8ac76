using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling;

public enum ClusterChangeType
{
    NodeAdded,
    NodeUpdated,
    PodAssigned,
    PodUpdated,
    PodGone,

    /// <summary>A pod that waits was changed itself.</summary>
    WaitingPodUpdated,

    NamespaceUpdated,

    /// <summary>A claim was added, changed, or is gone.</summary>
    ClaimChanged,

    /// <summary>A volume, or a class of volumes, was added, changed, or is gone.</summary>
    StorageChanged,

    /// <summary>Anything may have changed; every waiting pod is to be tried.</summary>
    Anything,
}

/// <summary>A change that may make room for pods that found none.</summary>
public readonly record struct ClusterChange(ClusterChangeType Type)
{
    /// <summary>The node now, for changes of nodes.</summary>
    public NodeInfo? Node { get; init; }

    /// <summary>The node before; null for an added one.</summary>
    public Node? OldNode { get; init; }

    /// <summary>The pod now, or as it was last.</summary>
    public PodInfo? Pod { get; init; }

    public PodInfo? OldPod { get; init; }

    /// <summary>Whose, for changes of claims.</summary>
    public NamespacedName Claim { get; init; }

    public bool IsAboutNode => Type is ClusterChangeType.NodeAdded or ClusterChangeType.NodeUpdated;

    internal bool ChangesLabels =>
        IsAboutNode && (OldNode is null || !SameLabels(OldNode.Metadata.Labels, Node!.Labels));

    internal static bool SameLabels(Dictionary<string, string>? left, Dictionary<string, string>? right)
    {
        if ((left?.Count ?? 0) != (right?.Count ?? 0))
            return false;
        return left is null || left.All(pair => right!.GetValueOrDefault(pair.Key) == pair.Value);
    }
}
