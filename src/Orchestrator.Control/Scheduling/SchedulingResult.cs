using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Plugins;

namespace Orchestrator.Control.Scheduling;

/// <summary>A node for a pod, or why there is none.</summary>
/// <param name="EvaluatedCount">Nodes that were looked at.</param>
/// <param name="FeasibleCount">Nodes among them that would do.</param>
public readonly record struct SchedulingResult(NodeInfo? Node, FitError? Error, int EvaluatedCount, int FeasibleCount)
{
    /// <summary>What was tried when no node would do.</summary>
    public NoFitAnswer? NoFit { get; init; }
}
