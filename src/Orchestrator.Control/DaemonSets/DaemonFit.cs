using Orchestrator.Control.NodeLifecycle;
using Orchestrator.Control.Nodes;

namespace Orchestrator.Control.DaemonSets;

/// <summary>Which nodes a DaemonSet's pods fit.</summary>
internal sealed class DaemonFit(PodTemplateSpec template)
{
    private readonly List<Toleration> _tolerations = DaemonPods.Tolerations(template.Spec);

    /// <summary>Whether a node is to get a pod, and whether one that is there may stay.</summary>
    public (bool ShouldRun, bool MayStay) Of(Node node)
    {
        if (!string.IsNullOrEmpty(template.Spec.NodeName) && template.Spec.NodeName != node.Name)
            return (false, false);
        if (!NodeMatch.Fits(template.Spec, node))
            return (false, false);
        bool shouldRun = true, mayStay = true;
        foreach (var taint in node.Spec.Taints.OrEmpty())
        {
            if (taint.Effect is not (NodeTaints.NoSchedule or NodeTaints.NoExecute) || NodeTaints.IsTolerated(taint, _tolerations))
                continue;
            shouldRun = false;
            mayStay &= taint.Effect != NodeTaints.NoExecute;
        }
        return (shouldRun, mayStay);
    }
}
