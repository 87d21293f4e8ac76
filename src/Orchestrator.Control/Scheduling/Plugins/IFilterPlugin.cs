using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>Says which nodes will do for a pod. Keeps what it works out for one pod until the next.</summary>
public interface IFilterPlugin
{
    string Name { get; }

    /// <summary>Looks at a pod before any node.</summary>
    Preparation Prepare(PodInfo pod, ClusterState cluster);

    /// <summary>Whether a node will do for the pod that was prepared for; null if so.</summary>
    FilterResult? Filter(NodeInfo node);

    /// <summary>Whether a pod that this plugin turned away may have a place after this change.</summary>
    bool MayHelp(PodInfo pod, in ClusterChange change);
}

/// <summary>What a filter says before it has seen a node.</summary>
/// <param name="IsNeeded">False: every node will do as far as this plugin is concerned.</param>
public readonly record struct Preparation(bool IsNeeded)
{
    public static Preparation Needed { get; } = new(true);

    public static Preparation NotNeeded { get; } = new(false);

    /// <summary>Only these nodes need to be looked at; null for all.</summary>
    public IReadOnlySet<string>? OnlyNodes { get; init; }

    /// <summary>No node will do, for this reason.</summary>
    public FilterResult? Refusal { get; init; }
}
