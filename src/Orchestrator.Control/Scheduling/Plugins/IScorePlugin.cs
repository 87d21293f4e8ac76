using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>Says how good each of the nodes is that will do.</summary>
public interface IScorePlugin
{
    /// <summary>The best score of a node.</summary>
    const long MaxScore = 100;

    string Name { get; }

    /// <summary>Scores from 0 to <see cref="MaxScore"/>, one for each node.</summary>
    /// <returns>False: the plugin makes no difference between these nodes, and the scores are to be ignored.</returns>
    bool Score(PodInfo pod, ClusterState cluster, ReadOnlySpan<NodeInfo> nodes, Span<long> scores);
}
