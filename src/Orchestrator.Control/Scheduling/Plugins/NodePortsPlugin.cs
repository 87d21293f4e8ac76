using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>A port of the node belongs to one pod.</summary>
internal sealed class NodePortsPlugin : IFilterPlugin
{
    private static readonly FilterResult Refusal =
        FilterResult.Resolvable("NodePorts", "node(s) didn't have free ports for the requested pod ports");

    private HostPort[] _wanted = [];

    public string Name => Refusal.Plugin;

    public Preparation Prepare(PodInfo pod, ClusterState cluster)
    {
        _wanted = pod.HostPorts;
        return _wanted.Length == 0 ? Preparation.NotNeeded : Preparation.Needed;
    }

    public FilterResult? Filter(NodeInfo node) => node.HasFreePorts(_wanted) ? null : Refusal;

    public bool MayHelp(PodInfo pod, in ClusterChange change) => change.Type switch
    {
        ClusterChangeType.NodeAdded => true,
        ClusterChangeType.PodGone => change.Pod!.HostPorts.Any(port => pod.HostPorts.Any(port.ConflictsWith)),
        _ => false,
    };
}
