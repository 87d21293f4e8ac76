using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Matching;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>Pods of one kind are spread over hosts, zones or whatever the constraints name. A pod that says nothing and belongs
/// to a service or a set is spread over hosts (skew 3) and zones (skew 5) where it costs nothing else.</summary>
internal sealed class PodTopologySpreadPlugin : IFilterPlugin, IScorePlugin
{
    private const string PluginName = "PodTopologySpread";
    private const string HostnameLabel = "kubernetes.io/hostname";
    private const string ZoneLabel = "topology.kubernetes.io/zone";
    private const long Ignored = -1;

    private static readonly FilterResult Skewed =
        FilterResult.Resolvable(PluginName, "node(s) didn't match pod topology spread constraints");

    private static readonly FilterResult MissingLabel = FilterResult.Unresolvable(
        PluginName, "node(s) didn't match pod topology spread constraints (missing required label)");

    private (DomainCounts Counts, int Limit)[] _required = [];
    private double[] _sums = [];
    private int[] _stamps = [];
    private int _stamp;

    public string Name => PluginName;

    public Preparation Prepare(PodInfo pod, ClusterState cluster)
    {
        _required = [];
        if (pod.Spread.Length == 0 || !pod.Spread.Any(constraint => constraint.IsRequired))
            return Preparation.NotNeeded;
        var constraints = pod.Spread.Where(constraint => constraint.IsRequired).ToList();
        var tables = constraints.Select(constraint => cluster.Topology(constraint.TopologyKey)).ToArray();
        _required = [.. constraints.Select(constraint => ToLimit(pod, DomainCounts.Of(pod, cluster, constraint, tables)))];
        return Preparation.Needed;
    }

    public FilterResult? Filter(NodeInfo node)
    {
        foreach (var (counts, limit) in _required)
        {
            int value = counts.Table.ValueOf(node.Slot);
            if (value == TopologyTable.None)
                return MissingLabel;
            if (counts.At(value) > limit)
                return Skewed;
        }
        return null;
    }

    public bool Score(PodInfo pod, ClusterState cluster, ReadOnlySpan<NodeInfo> nodes, Span<long> scores)
    {
        var constraints = Wishes(pod, cluster);
        if (constraints.Length == 0)
            return false;
        // Who asks himself means nodes that have all the labels; the defaults take what there is.
        bool needsAllLabels = pod.Spread.Length > 0;
        var tables = constraints.Select(constraint => cluster.Topology(constraint.TopologyKey)).ToArray();
        var required = needsAllLabels ? tables : [];

        if (_sums.Length < nodes.Length)
            _sums = new double[nodes.Length];
        var sums = _sums.AsSpan(0, nodes.Length);
        sums.Clear();
        scores.Clear();
        int ignoredCount = needsAllLabels ? Ignore(tables, nodes, scores) : 0;
        for (int i = 0; i < constraints.Length; i++)
        {
            var constraint = constraints[i];
            if (constraint.TopologyKey == HostnameLabel)
            {
                var counter = cluster.Count(PodQuery.Spread(pod.Key.Namespace, constraint.Selector));
                AddHosts(constraint, tables[i], counter, nodes, scores, Weight(nodes.Length - ignoredCount), sums);
                continue;
            }
            var counts = DomainCounts.Of(pod, cluster, constraint, required);
            AddDomains(counts, nodes, scores, Weight(DistinctDomains(tables[i], nodes, scores)), sums);
        }
        Normalize(sums, scores);
        return true;
    }

    public bool MayHelp(PodInfo pod, in ClusterChange change)
    {
        switch (change.Type)
        {
            case ClusterChangeType.PodAssigned or ClusterChangeType.PodUpdated or ClusterChangeType.PodGone:
                var other = change.Pod!;
                var old = change.OldPod;
                return other.Key.Namespace == pod.Key.Namespace && pod.Spread.Any(constraint =>
                    constraint.Selector.Matches(other.Labels) || (old is not null && constraint.Selector.Matches(old.Labels)));
            case ClusterChangeType.NodeAdded:
                var labels = change.Node!.Labels;
                return pod.Spread.All(constraint => labels?.ContainsKey(constraint.TopologyKey) == true);
            case ClusterChangeType.NodeUpdated:
                return change.ChangesLabels || change.OldNode!.Spec.Taints.OrEmpty().Count > 0;
            case ClusterChangeType.WaitingPodUpdated:
                return true;
            default:
                return false;
        }
    }

    // A domain may hold as many as the emptiest and the skew more, the pod itself included.
    private static (DomainCounts Counts, int Limit) ToLimit(PodInfo pod, DomainCounts counts)
    {
        int self = counts.Constraint.Selector.Matches(pod.Labels) ? 1 : 0;
        long limit = (long)counts.Least() + counts.Constraint.MaxSkew - self;
        return (counts, (int)Math.Min(limit, int.MaxValue));
    }

    private static SpreadConstraint[] Wishes(PodInfo pod, ClusterState cluster)
    {
        if (pod.Spread.Length > 0)
            return [.. pod.Spread.Where(constraint => !constraint.IsRequired)];
        return cluster.Selectors.For(pod) is { } selector
            ? [new SpreadConstraint(HostnameLabel, 3, selector), new SpreadConstraint(ZoneLabel, 5, selector)]
            : [];
    }

    private static int Ignore(TopologyTable[] tables, ReadOnlySpan<NodeInfo> nodes, Span<long> scores)
    {
        int count = 0;
        for (int i = 0; i < nodes.Length; i++)
        {
            foreach (var table in tables)
            {
                if (table.ValueOf(nodes[i].Slot) != TopologyTable.None)
                    continue;
                scores[i] = Ignored;
                count++;
                break;
            }
        }
        return count;
    }

    // With many domains each holds few pods; the weight makes up for that.
    private static double Weight(int domainCount) => Math.Log(domainCount + 2);

    // A host is a domain by itself: its own count is there already.
    private static void AddHosts(
        SpreadConstraint constraint, TopologyTable table, SlotCounter counter, ReadOnlySpan<NodeInfo> nodes,
        ReadOnlySpan<long> scores, double weight, Span<double> sums)
    {
        for (int i = 0; i < nodes.Length; i++)
        {
            int slot = nodes[i].Slot;
            if (scores[i] != Ignored && table.ValueOf(slot) != TopologyTable.None)
                sums[i] += counter.At(slot) * weight + (constraint.MaxSkew - 1);
        }
    }

    private static void AddDomains(
        DomainCounts counts, ReadOnlySpan<NodeInfo> nodes, ReadOnlySpan<long> scores, double weight, Span<double> sums)
    {
        for (int i = 0; i < nodes.Length; i++)
        {
            int value = counts.Table.ValueOf(nodes[i].Slot);
            if (scores[i] != Ignored && value != TopologyTable.None)
                sums[i] += counts.At(value) * weight + (counts.Constraint.MaxSkew - 1);
        }
    }

    private int DistinctDomains(TopologyTable table, ReadOnlySpan<NodeInfo> nodes, ReadOnlySpan<long> scores)
    {
        if (_stamps.Length < table.ValueLimit)
            Array.Resize(ref _stamps, table.ValueLimit * 2);
        _stamp++;
        int count = 0;
        for (int i = 0; i < nodes.Length; i++)
        {
            int value = table.ValueOf(nodes[i].Slot);
            if (scores[i] == Ignored || value == TopologyTable.None || _stamps[value] == _stamp)
                continue;
            _stamps[value] = _stamp;
            count++;
        }
        return count;
    }

    // The fewer pods of the like, the better: the least sum becomes 100.
    private static void Normalize(ReadOnlySpan<double> sums, Span<long> scores)
    {
        long least = long.MaxValue;
        long greatest = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            if (scores[i] == Ignored)
                continue;
            scores[i] = (long)Math.Round(sums[i], MidpointRounding.AwayFromZero);
            least = Math.Min(least, scores[i]);
            greatest = Math.Max(greatest, scores[i]);
        }
        for (int i = 0; i < scores.Length; i++)
        {
            if (scores[i] == Ignored)
                scores[i] = 0;
            else
                scores[i] = greatest == 0 ? IScorePlugin.MaxScore : IScorePlugin.MaxScore * (greatest + least - scores[i]) / greatest;
        }
    }
}
