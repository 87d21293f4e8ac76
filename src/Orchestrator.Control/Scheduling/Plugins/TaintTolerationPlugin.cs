using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Matching;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>Pods stay away from taints that they do not tolerate; the soft ones they avoid where they can.</summary>
internal sealed class TaintTolerationPlugin : IFilterPlugin, IScorePlugin
{
    public const string PluginName = "TaintToleration";

    private List<Toleration>? _tolerations;

    public string Name => PluginName;

    public Preparation Prepare(PodInfo pod, ClusterState cluster)
    {
        _tolerations = pod.Pod.Spec.Tolerations;
        return Preparation.Needed;
    }

    public FilterResult? Filter(NodeInfo node)
    {
        foreach (var (taint, refusal) in node.Taints)
        {
            if (!TolerationRules.Tolerates(_tolerations, taint))
                return refusal;
        }
        return null;
    }

    /// <summary>The fewer soft taints the pod does not tolerate, the better.</summary>
    public bool Score(PodInfo pod, ClusterState cluster, ReadOnlySpan<NodeInfo> nodes, Span<long> scores)
    {
        if (cluster.SoftTaintedNodeCount == 0)
            return false;
        var tolerations = pod.Pod.Spec.Tolerations;
        for (int i = 0; i < nodes.Length; i++)
        {
            scores[i] = 0;
            foreach (var taint in nodes[i].SoftTaints)
            {
                if (!TolerationRules.Tolerates(tolerations, taint))
                    scores[i]++;
            }
        }
        ScoreScale.ToGreatest(scores, isReversed: true);
        return true;
    }

    public bool MayHelp(PodInfo pod, in ClusterChange change)
    {
        if (change.Type == ClusterChangeType.WaitingPodUpdated)
            return true;
        if (!change.IsAboutNode)
            return false;
        bool isTolerated = change.Node!.Taints.All(taint => TolerationRules.Tolerates(pod.Pod.Spec.Tolerations, taint.Taint));
        bool wasTolerated = change.OldNode is not null && change.OldNode.Spec.Taints.OrEmpty()
            .Where(taint => taint.Effect is TolerationRules.NoSchedule or TolerationRules.NoExecute)
            .All(taint => TolerationRules.Tolerates(pod.Pod.Spec.Tolerations, taint));
        return isTolerated && !wasTolerated;
    }
}
