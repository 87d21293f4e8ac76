using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Matching;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>For one spread constraint, how many pods of its like are in each domain.</summary>
/// <remarks>
/// Where every node counts, the counts are there already. Where the pod's node affinity, taints or missing labels leave nodes
/// out, they are summed up over the nodes that count, which costs a walk over all of them.
/// </remarks>
internal sealed class DomainCounts
{
    private readonly TopologyCount? _all;
    private readonly Dictionary<int, int>? _some;

    private DomainCounts(SpreadConstraint constraint, TopologyTable table, SlotCounter counter, Dictionary<int, int>? some)
    {
        Constraint = constraint;
        Table = table;
        _some = some;
        _all = some is null ? counter.By(table) : null;
    }

    public SpreadConstraint Constraint { get; }

    public TopologyTable Table { get; }

    public static DomainCounts Of(PodInfo pod, ClusterState cluster, SpreadConstraint constraint, TopologyTable[] required)
    {
        var table = cluster.Topology(constraint.TopologyKey);
        var counter = cluster.Count(PodQuery.Spread(pod.Key.Namespace, constraint.Selector));
        var nodes = cluster.Order;
        bool allCount = (pod.NodeSelection is null || !constraint.HonorsNodeAffinity) && !constraint.HonorsTaints
            && required.All(other => other.LabelledNodeCount == nodes.Length);
        if (allCount)
            return new DomainCounts(constraint, table, counter, null);
        var some = new Dictionary<int, int>();
        foreach (var node in nodes)
        {
            int value = table.ValueOf(node.Slot);
            if (value == TopologyTable.None || !Counts(pod, constraint, node, required))
                continue;
            some[value] = some.GetValueOrDefault(value) + counter.At(node.Slot);
        }
        return new DomainCounts(constraint, table, counter, some);
    }

    /// <summary>Pods in a domain; none in one that does not count.</summary>
    public int At(int value) => _all?.At(value) ?? _some!.GetValueOrDefault(value);

    /// <summary>Pods in the emptiest domain; none while there are fewer domains than there should be.</summary>
    public int Least()
    {
        int domainCount = _some?.Count ?? Table.DomainCount;
        if (domainCount < Constraint.MinDomains)
            return 0;
        if (_some is not null)
            return _some.Count == 0 ? int.MaxValue : _some.Values.Min();
        int least = int.MaxValue;
        for (int value = 0; value < Table.ValueLimit; value++)
        {
            if (Table.NodeCount(value) > 0)
                least = Math.Min(least, _all!.At(value));
        }
        return least;
    }

    private static bool Counts(PodInfo pod, SpreadConstraint constraint, NodeInfo node, TopologyTable[] required)
    {
        foreach (var other in required)
        {
            if (other.ValueOf(node.Slot) == TopologyTable.None)
                return false;
        }
        if (constraint.HonorsNodeAffinity && pod.NodeSelection?.Matches(node.Name, node.Labels) == false)
            return false;
        return !constraint.HonorsTaints
            || node.Taints.All(taint => TolerationRules.Tolerates(pod.Pod.Spec.Tolerations, taint.Taint));
    }
}
