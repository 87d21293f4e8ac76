using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>CPU and memory of a node are to be used alike: the closer the two shares, the better.</summary>
internal sealed class BalancedAllocationPlugin : IScorePlugin
{
    public string Name => "NodeResourcesBalancedAllocation";

    public bool Score(PodInfo pod, ClusterState cluster, ReadOnlySpan<NodeInfo> nodes, Span<long> scores)
    {
        // A pod that requests neither changes no balance; scoring it would draw all such pods to one node.
        if (pod.Requests.MilliCpu == 0 && pod.Requests.Memory == 0)
            return false;
        for (int i = 0; i < nodes.Length; i++)
        {
            var node = nodes[i];
            double cpu = Share(node.Requested.MilliCpu + pod.Requests.MilliCpu, node.Allocatable.MilliCpu);
            double memory = Share(node.Requested.Memory + pod.Requests.Memory, node.Allocatable.Memory);
            double deviation = node.Allocatable.MilliCpu == 0 || node.Allocatable.Memory == 0 ? 0 : Math.Abs((cpu - memory) / 2);
            scores[i] = (long)((1 - deviation) * IScorePlugin.MaxScore);
        }
        return true;
    }

    private static double Share(long requested, long capacity) =>
        capacity == 0 ? 0 : Math.Min(1, (double)requested / capacity);
}
