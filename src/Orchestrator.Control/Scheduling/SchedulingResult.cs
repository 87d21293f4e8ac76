using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling;

/// <summary>A node for a pod, or why there is none.</summary>
/// <param name="EvaluatedCount">Nodes that were looked at.</param>
/// <param name="FeasibleCount">Nodes among them that would do.</param>
public readonly record struct SchedulingResult(NodeInfo? Node, FitError? Error, int EvaluatedCount, int FeasibleCount);
