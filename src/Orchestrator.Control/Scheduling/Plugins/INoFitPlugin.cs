using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Preemption;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>What is tried, and said, when no node will do for a pod.</summary>
public interface INoFitPlugin
{
    /// <summary>May change the cluster for its trials; what it returns finds it as it was.</summary>
    NoFitAnswer Resolve(PodInfo pod, ClusterState cluster, FitError error, INodeCheck check);
}

/// <summary>Whether a pod would do on a node as the cluster is now, pods that are nominated to the node counted.</summary>
public interface INodeCheck
{
    /// <returns>Why not; null if it would.</returns>
    FilterResult? Refusal(PodInfo pod, NodeInfo node);
}

/// <summary>What has come of a pod for which no node would do.</summary>
/// <param name="Message">What is added to the pod's message; null for nothing.</param>
public sealed record NoFitAnswer(string? Message)
{
    /// <summary>The place that can be made.</summary>
    public PreemptionPlan? Preemption { get; init; }

    /// <summary>The node that was promised to the pod earlier is of no use to it any more.</summary>
    public bool ClearsNomination { get; init; }
}
