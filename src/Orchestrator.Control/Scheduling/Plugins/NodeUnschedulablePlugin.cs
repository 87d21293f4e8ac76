using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Matching;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>No pods go to cordoned nodes, but those that tolerate the taint that stands for it.</summary>
internal sealed class NodeUnschedulablePlugin : IFilterPlugin
{
    private static readonly Taint Cordon = new() { Key = "node.kubernetes.io/unschedulable", Effect = TolerationRules.NoSchedule };

    private static readonly FilterResult Refusal =
        FilterResult.Unresolvable(nameof(NodeUnschedulablePlugin)[..^6], "node(s) were unschedulable");

    public string Name => Refusal.Plugin;

    public Preparation Prepare(PodInfo pod, ClusterState cluster) =>
        TolerationRules.Tolerates(pod.Pod.Spec.Tolerations, Cordon) ? Preparation.NotNeeded : Preparation.Needed;

    public FilterResult? Filter(NodeInfo node) => node.IsUnschedulable ? Refusal : null;

    public bool MayHelp(PodInfo pod, in ClusterChange change) =>
        (change.IsAboutNode && !change.Node!.IsUnschedulable && change.OldNode?.Spec.Unschedulable != false)
        || change.Type == ClusterChangeType.WaitingPodUpdated;
}
