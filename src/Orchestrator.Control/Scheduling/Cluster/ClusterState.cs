using Orchestrator.Api.PolicyV1;
using Orchestrator.Control.Scheduling.Matching;
using Orchestrator.Control.Scheduling.Preemption;

namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>The cluster as scheduling sees it: nodes, the pods on them, and what is counted about both.</summary>
/// <remarks>
/// Every change is taken in by itself; nothing is built anew for a decision. A pod is <em>assumed</em> on its node from the
/// decision on until the API shows it there, so that the next decision counts it. Not thread-safe: one owner calls it.
/// </remarks>
public sealed class ClusterState
{
    /// <summary>Topology keys beyond this: those that nobody asked for the longest are counted anew when somebody does.</summary>
    private const int TopologyLimit = 64;

    private readonly Dictionary<string, NodeInfo> _nodes = [];
    private readonly Stack<int> _freeSlots = new();
    private readonly Dictionary<string, PodInfo> _pods = [];
    private readonly Dictionary<string, HashSet<PodInfo>> _podsByNamespace = [];
    private readonly HashSet<string> _assumed = [];
    private readonly Dictionary<string, TopologyTable> _topologies = [];
    private readonly Dictionary<string, Dictionary<string, string>> _namespaces = [];
    private readonly Dictionary<NamespacedName, int> _claimUsers = [];
    private readonly PodCounters _counters;
    private NodeInfo[]? _order = [];
    private int _slotCount;
    private long _topologyClock;

    public ClusterState() => _counters = new PodCounters(this);

    /// <summary>Nodes that are known, in the order in which they are looked at.</summary>
    public IReadOnlyList<NodeInfo> Nodes => Order;

    internal NodeInfo[] Order => _order ??= NodeOrder.Of(_nodes.Values.Where(node => node.Node is not null));

    public int PodCount => _pods.Count;

    public int AssumedCount => _assumed.Count;

    /// <summary>What selects pods: services and those that make pods.</summary>
    internal PodSelectors Selectors { get; } = new();

    internal ImageTable Images { get; } = new();

    /// <summary>Required anti-affinity of pods on nodes.</summary>
    internal ExistingTerms AntiAffinity { get; } = new();

    internal ExistingTerms Affinity { get; } = new();

    internal ExistingTerms PreferredAffinity { get; } = new();

    internal ExistingTerms PreferredAntiAffinity { get; } = new();

    /// <summary>Nodes that are kept for pods that wait.</summary>
    public Nominations Nominations { get; } = new();

    internal DisruptionBudgets Budgets { get; } = new();

    /// <summary>How many nodes have taints that pods rather avoid.</summary>
    internal int SoftTaintedNodeCount { get; private set; }

    // Nodes

    public NodeInfo? FindNode(string name) => _nodes.TryGetValue(name, out var node) && node.Node is not null ? node : null;

    public void SetNode(Node node)
    {
        TrimTopologies();
        var info = GetOrAddNode(node.Name);
        var old = info.Node;
        if (old is null || NodeOrder.ZoneOf(old.Metadata.Labels) != NodeOrder.ZoneOf(node.Metadata.Labels))
            _order = null;
        ChangeNode(info, node);
    }

    public void RemoveNode(string name)
    {
        if (!_nodes.TryGetValue(name, out var info) || info.Node is null)
            return;
        _order = null;
        ChangeNode(info, null);
        DropIfUnused(info);
    }

    // Pods

    public PodInfo? FindPod(string uid) => _pods.GetValueOrDefault(uid);

    /// <summary>Whether the pod is on its node by our decision alone so far.</summary>
    public bool IsAssumed(string uid) => _assumed.Contains(uid);

    /// <summary>Counts a pod on the node that was chosen for it.</summary>
    public void Assume(PodInfo pod, string nodeName)
    {
        Put(pod, nodeName);
        _assumed.Add(pod.Uid);
    }

    /// <summary>The pod did not get there after all.</summary>
    public void Forget(string uid)
    {
        if (_assumed.Remove(uid))
            Take(uid);
    }

    /// <summary>Takes in a pod that the API shows on a node, or a change of one.</summary>
    public void SetPod(Pod pod)
    {
        TrimTopologies();
        _assumed.Remove(pod.Uid);
        string nodeName = pod.Spec.NodeName ?? "";
        if (_pods.TryGetValue(pod.Uid, out var known))
        {
            if (known.Node!.Name == nodeName && CountsTheSame(known.Pod, pod))
            {
                known.Pod = pod;
                return;
            }
            Take(pod.Uid);
        }
        Put(PodInfo.Of(pod), nodeName);
    }

    public void RemovePod(string uid)
    {
        _assumed.Remove(uid);
        Take(uid);
    }

    /// <summary>Takes a pod away for a trial: <see cref="Return"/> follows before anything else is taken in.</summary>
    internal void Lift(PodInfo pod) => Take(pod.Uid);

    /// <summary>Brings a lifted pod back, or for a trial one that is not there yet.</summary>
    internal void Return(PodInfo pod, NodeInfo node) => Put(pod, node.Name);

    public void SetBudget(PodDisruptionBudget budget) => Budgets.Set(budget);

    public void RemoveBudget(NamespacedName key) => Budgets.Remove(key);

    // What spreads pods

    public void SetService(Service service) => Selectors.SetService(service.Key, service.Spec.Selector);

    public void RemoveService(NamespacedName key) => Selectors.SetService(key, null);

    /// <param name="kind">ReplicaSet, StatefulSet or ReplicationController: who makes pods that are to be spread.</param>
    public void SetOwner(string kind, NamespacedName key, LabelSelector? selector) =>
        Selectors.SetOwner(kind, key, selector is null ? null : LabelMatcher.Of(selector));

    public void RemoveOwner(string kind, NamespacedName key) => Selectors.SetOwner(kind, key, null);

    // Namespaces

    public void SetNamespace(string name, Dictionary<string, string>? labels)
    {
        // Only labels decide; most changes of a namespace are of its status.
        if (_namespaces.TryGetValue(name, out var old) && SameLabels(old, labels))
            return;
        _namespaces[name] = labels ?? [];
        _counters.ForgetThoseOfNamespaceLabels();
    }

    public void RemoveNamespace(string name)
    {
        if (_namespaces.Remove(name))
            _counters.ForgetThoseOfNamespaceLabels();
    }

    // Counts

    /// <summary>Whether a term means this pod.</summary>
    internal bool IsMeant(AffinityTerm term, PodInfo pod) =>
        term.Matches(pod.Key.Namespace, _namespaces.GetValueOrDefault(pod.Key.Namespace), pod.Labels);

    /// <summary>How many pods on nodes use a claim.</summary>
    internal int CountUsers(string ns, string claim) => _claimUsers.GetValueOrDefault(new NamespacedName(ns, claim));

    internal SlotCounter Count(PodQuery query) => _counters.Get(query);

    internal TopologyTable Topology(string key)
    {
        if (!_topologies.TryGetValue(key, out var table))
        {
            table = new TopologyTable(key);
            foreach (var node in _nodes.Values)
                table.Set(node.Slot, node.Labels?.GetValueOrDefault(key));
            _topologies.Add(key, table);
        }
        table.UsedAt = ++_topologyClock;
        return table;
    }

    internal int KeptTopologies => _topologies.Count;

    // Between decisions only: in one, all that it asked for have to stay.
    private void TrimTopologies()
    {
        while (_topologies.Count > TopologyLimit)
        {
            var oldest = _topologies.Values.MinBy(table => table.UsedAt)!;
            _topologies.Remove(oldest.Key);
            oldest.Drop();
        }
    }

    /// <summary>Pods on nodes; of one namespace or, for null, of all.</summary>
    internal IReadOnlyCollection<PodInfo> PodsOf(string? ns)
    {
        if (ns is null)
            return _pods.Values;
        return _podsByNamespace.TryGetValue(ns, out var pods) ? pods : [];
    }

    private NodeInfo GetOrAddNode(string name)
    {
        if (_nodes.TryGetValue(name, out var known))
            return known;
        int slot = _freeSlots.TryPop(out int free) ? free : _slotCount++;
        var added = new NodeInfo(name, slot);
        _nodes.Add(name, added);
        return added;
    }

    private void ChangeNode(NodeInfo info, Node? node)
    {
        if (info.SoftTaints.Length > 0)
            SoftTaintedNodeCount--;
        Images.Remove(info.Slot, info.Node?.Status.Images);
        info.SetNode(node);
        if (info.SoftTaints.Length > 0)
            SoftTaintedNodeCount++;
        Images.Add(info.Slot, node?.Status.Images);
        foreach (var table in _topologies.Values)
            table.Set(info.Slot, node?.Metadata.Labels?.GetValueOrDefault(table.Key));
    }

    private void DropIfUnused(NodeInfo info)
    {
        if (info.Node is not null || info.Pods.Count > 0)
            return;
        _nodes.Remove(info.Name);
        _freeSlots.Push(info.Slot);
    }

    private void Put(PodInfo pod, string nodeName)
    {
        var node = GetOrAddNode(nodeName);
        pod.Node = node;
        _pods.Add(pod.Uid, pod);
        if (!_podsByNamespace.TryGetValue(pod.Key.Namespace, out var neighbours))
            _podsByNamespace.Add(pod.Key.Namespace, neighbours = []);
        neighbours.Add(pod);
        CountPod(pod, node, 1);
    }

    private void Take(string uid)
    {
        if (!_pods.Remove(uid, out var pod))
            return;
        var neighbours = _podsByNamespace[pod.Key.Namespace];
        neighbours.Remove(pod);
        if (neighbours.Count == 0)
            _podsByNamespace.Remove(pod.Key.Namespace);
        var node = pod.Node!;
        CountPod(pod, node, -1);
        pod.Node = null;
        DropIfUnused(node);
    }

    private void CountPod(PodInfo pod, NodeInfo node, int sign)
    {
        node.Add(pod, sign);
        _counters.Add(pod, node.Slot, sign);
        AntiAffinity.Add(pod.AntiAffinity, node.Slot, sign);
        Affinity.Add(pod.Affinity, node.Slot, sign);
        PreferredAffinity.Add(pod.PreferredAffinity, node.Slot, sign);
        PreferredAntiAffinity.Add(pod.PreferredAntiAffinity, node.Slot, sign);
        foreach (var claim in pod.Claims)
            CountUser(new NamespacedName(pod.Key.Namespace, claim.Name), sign);
    }

    private void CountUser(NamespacedName claim, int sign)
    {
        int count = _claimUsers.GetValueOrDefault(claim) + sign;
        if (count > 0)
            _claimUsers[claim] = count;
        else
            _claimUsers.Remove(claim);
    }

    // Most changes of a pod on a node are its kubelet's words about its state: nothing that is counted here.
    private static bool CountsTheSame(Pod old, Pod changed) =>
        old.Metadata.Generation is not null && old.Metadata.Generation == changed.Metadata.Generation
        && old.IsBeingDeleted == changed.IsBeingDeleted
        && SameLabels(old.Metadata.Labels, changed.Metadata.Labels);

    private static bool SameLabels(Dictionary<string, string>? left, Dictionary<string, string>? right)
    {
        if ((left?.Count ?? 0) != (right?.Count ?? 0))
            return false;
        if (left is null || right is null)
            return true;
        foreach (var (key, value) in left)
        {
            if (!right.TryGetValue(key, out string? other) || other != value)
                return false;
        }
        return true;
    }
}
