using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Matching;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>nodeSelector and node affinity: the required part must hold, the preferred part is scored by its weights.</summary>
internal sealed class NodeAffinityPlugin : IFilterPlugin, IScorePlugin
{
    private static readonly FilterResult Refusal =
        FilterResult.Unresolvable("NodeAffinity", "node(s) didn't match Pod's node affinity/selector");

    private NodeSelection? _selection;

    public string Name => Refusal.Plugin;

    public Preparation Prepare(PodInfo pod, ClusterState cluster)
    {
        _selection = pod.NodeSelection;
        return _selection is null ? Preparation.NotNeeded : Preparation.Needed with { OnlyNodes = _selection.Names };
    }

    public FilterResult? Filter(NodeInfo node) => _selection!.Matches(node.Name, node.Labels) ? null : Refusal;

    public bool Score(PodInfo pod, ClusterState cluster, ReadOnlySpan<NodeInfo> nodes, Span<long> scores)
    {
        if (pod.PreferredNodes.Length == 0)
            return false;
        for (int i = 0; i < nodes.Length; i++)
        {
            scores[i] = 0;
            foreach (var (term, weight) in pod.PreferredNodes)
            {
                if (term.Matches(nodes[i].Name, nodes[i].Labels))
                    scores[i] += weight;
            }
        }
        ScoreScale.ToGreatest(scores, isReversed: false);
        return true;
    }

    public bool MayHelp(PodInfo pod, in ClusterChange change) =>
        change.Type == ClusterChangeType.WaitingPodUpdated
        || (change.ChangesLabels
            && pod.NodeSelection?.Matches(change.Node!.Name, change.Node.Labels) != false
            && (change.OldNode is null || pod.NodeSelection?.Matches(change.Node!.Name, change.OldNode.Metadata.Labels) == false));
}
