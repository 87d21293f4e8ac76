using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>What is tried, and said, when no node will do for a pod.</summary>
public interface INoFitPlugin
{
    /// <returns>What is added to the pod's message; null for nothing.</returns>
    string? Explain(PodInfo pod, ClusterState cluster, FitError error);
}
