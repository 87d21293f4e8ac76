using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>Says of each node why taking pods away from it would not help. It takes none away yet: a pod of lower priority
/// that could make room is passed over, and that node is counted among those where no victims were found.</summary>
internal sealed class PreemptionPlace : INoFitPlugin
{
    private const string NoVictims = "No preemption victims found for incoming pod";
    private const string NotHelpful = "Preemption is not helpful for scheduling";

    public string? Explain(PodInfo pod, ClusterState cluster, FitError error)
    {
        if (pod.Pod.Spec.PreemptionPolicy == "Never")
            return "preemption: not eligible due to preemptionPolicy=Never.";
        int resolvable = error.Refusals.Count(refusal => refusal.CanBeResolved);
        int others = error.NodeCount - resolvable;
        var histogram = new Dictionary<string, int>();
        if (resolvable > 0)
            histogram.Add(NoVictims, resolvable);
        if (others > 0)
            histogram.Add(NotHelpful, others);
        return $"preemption: {FitError.Format(error.NodeCount, histogram)}";
    }
}
