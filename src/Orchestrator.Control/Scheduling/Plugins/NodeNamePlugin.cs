using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>A pod that names its node goes nowhere else.</summary>
internal sealed class NodeNamePlugin : IFilterPlugin
{
    private static readonly FilterResult Refusal =
        FilterResult.Unresolvable("NodeName", "node(s) didn't match the requested node name");

    private string _wanted = "";

    public string Name => Refusal.Plugin;

    public Preparation Prepare(PodInfo pod, ClusterState cluster)
    {
        _wanted = pod.Pod.Spec.NodeName ?? "";
        return _wanted.Length == 0 ? Preparation.NotNeeded : Preparation.Needed;
    }

    public FilterResult? Filter(NodeInfo node) => node.Name == _wanted ? null : Refusal;

    public bool MayHelp(PodInfo pod, in ClusterChange change) =>
        change.Type == ClusterChangeType.NodeAdded && change.Node!.Name == pod.Pod.Spec.NodeName;
}
