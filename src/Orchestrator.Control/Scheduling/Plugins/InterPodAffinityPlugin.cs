using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Matching;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>Pods that want to be near others or away from them, and pods on nodes that want the same of the newcomer.</summary>
internal sealed class InterPodAffinityPlugin : IFilterPlugin, IScorePlugin
{
    private const string PluginName = "InterPodAffinity";

    // How much a pod on a node that requires company counts for whom it would have.
    private const int RequiredWeight = 1;

    private static readonly FilterResult AffinityRefusal =
        FilterResult.Unresolvable(PluginName, "node(s) didn't match pod affinity rules");

    private static readonly FilterResult AntiAffinityRefusal =
        FilterResult.Resolvable(PluginName, "node(s) didn't match pod anti-affinity rules");

    private static readonly FilterResult ExistingRefusal =
        FilterResult.Resolvable(PluginName, "node(s) didn't satisfy existing pods anti-affinity rules");

    private readonly List<TopologyCount> _affinity = [];
    private readonly List<TopologyCount> _antiAffinity = [];
    private readonly List<TopologyCount> _existing = [];
    private readonly List<(TopologyCount Count, int Weight)> _wishes = [];
    private bool _isFirstOfItsKind;

    public string Name => PluginName;

    public Preparation Prepare(PodInfo pod, ClusterState cluster)
    {
        _affinity.Clear();
        _antiAffinity.Clear();
        _existing.Clear();
        foreach (var existing in cluster.AntiAffinity.All)
        {
            if (cluster.IsMeant(existing.Term, pod))
                _existing.Add(existing.Counter.By(cluster.Topology(existing.Term.TopologyKey)));
        }
        if (pod.Affinity.Length > 0)
        {
            // Company is one pod that all the terms mean, not one for each.
            var company = cluster.Count(PodQuery.Terms(pod.Affinity));
            foreach (var term in pod.Affinity)
                _affinity.Add(company.By(cluster.Topology(term.TopologyKey)));
            // The first of a group that wants its own company must be let in somewhere.
            _isFirstOfItsKind = _affinity.All(count => count.Total == 0) && pod.Affinity.All(term => cluster.IsMeant(term, pod));
        }
        foreach (var term in pod.AntiAffinity)
            _antiAffinity.Add(cluster.Count(PodQuery.Term(term)).By(cluster.Topology(term.TopologyKey)));
        return _affinity.Count + _antiAffinity.Count + _existing.Count == 0 ? Preparation.NotNeeded : Preparation.Needed;
    }

    public FilterResult? Filter(NodeInfo node)
    {
        if (_affinity.Count > 0 && !HasCompany(node.Slot))
            return AffinityRefusal;
        foreach (var count in _antiAffinity)
        {
            if (count.AtSlot(node.Slot) > 0)
                return AntiAffinityRefusal;
        }
        foreach (var count in _existing)
        {
            if (count.AtSlot(node.Slot) > 0)
                return ExistingRefusal;
        }
        return null;
    }

    public bool Score(PodInfo pod, ClusterState cluster, ReadOnlySpan<NodeInfo> nodes, Span<long> scores)
    {
        GatherWishes(pod, cluster);
        if (_wishes.Count == 0)
            return false;
        long least = long.MaxValue;
        long greatest = long.MinValue;
        for (int i = 0; i < nodes.Length; i++)
        {
            long sum = 0;
            foreach (var (count, weight) in _wishes)
                sum += (long)weight * count.AtSlot(nodes[i].Slot);
            scores[i] = sum;
            least = Math.Min(least, sum);
            greatest = Math.Max(greatest, sum);
        }
        if (least == greatest)
            return false;
        for (int i = 0; i < nodes.Length; i++)
            scores[i] = (long)(IScorePlugin.MaxScore * ((double)(scores[i] - least) / (greatest - least)));
        return true;
    }

    public bool MayHelp(PodInfo pod, in ClusterChange change)
    {
        switch (change.Type)
        {
            case ClusterChangeType.PodAssigned or ClusterChangeType.PodUpdated or ClusterChangeType.PodGone:
                return Concerns(pod, change.Pod!) || (change.OldPod is not null && Concerns(pod, change.OldPod));
            case ClusterChangeType.NodeAdded:
                return true;
            case ClusterChangeType.NodeUpdated:
                return change.ChangesLabels;
            case ClusterChangeType.NamespaceUpdated or ClusterChangeType.WaitingPodUpdated:
                return true;
            default:
                return false;
        }
    }

    private bool HasCompany(int slot)
    {
        bool hasCompany = true;
        foreach (var count in _affinity)
        {
            int value = count.Table.ValueOf(slot);
            // A node without the label is in no domain at all, whoever is first.
            if (value == TopologyTable.None)
                return false;
            hasCompany &= count.At(value) > 0;
        }
        return hasCompany || _isFirstOfItsKind;
    }

    private void GatherWishes(PodInfo pod, ClusterState cluster)
    {
        _wishes.Clear();
        foreach (var term in pod.PreferredAffinity)
            Wish(cluster, cluster.Count(PodQuery.Term(term)), term, term.Weight);
        foreach (var term in pod.PreferredAntiAffinity)
            Wish(cluster, cluster.Count(PodQuery.Term(term)), term, -term.Weight);
        GatherExisting(pod, cluster, cluster.Affinity, _ => RequiredWeight);
        GatherExisting(pod, cluster, cluster.PreferredAffinity, term => term.Weight);
        GatherExisting(pod, cluster, cluster.PreferredAntiAffinity, term => -term.Weight);
    }

    private void GatherExisting(PodInfo pod, ClusterState cluster, ExistingTerms terms, Func<AffinityTerm, int> weight)
    {
        if (terms.Count == 0)
            return;
        foreach (var existing in terms.All)
        {
            if (cluster.IsMeant(existing.Term, pod))
                Wish(cluster, existing.Counter, existing.Term, weight(existing.Term));
        }
    }

    private void Wish(ClusterState cluster, SlotCounter counter, AffinityTerm term, int weight) =>
        _wishes.Add((counter.By(cluster.Topology(term.TopologyKey)), weight));

    // Either may mean the other; namespaces' labels are left aside, so that a change wakes rather too many than too few.
    private static bool Concerns(PodInfo pod, PodInfo other) =>
        pod.Affinity.Concat(pod.AntiAffinity).Any(term => term.Selector.Matches(other.Labels))
        || other.AntiAffinity.Any(term => term.Selector.Matches(pod.Labels));
}
