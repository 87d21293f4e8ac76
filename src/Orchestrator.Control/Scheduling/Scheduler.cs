using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Plugins;

namespace Orchestrator.Control.Scheduling;

/// <summary>Chooses the node for one pod after the other.</summary>
/// <remarks>
/// In a large cluster it looks at a part of the nodes only, and begins where it stopped the last time, so that all come in
/// turn. Among the best nodes chance decides, by the seed given: equal histories give equal choices. Not thread-safe; the
/// <see cref="ClusterState"/> must not change during a decision.
/// </remarks>
public sealed class Scheduler : INodeCheck
{
    private const int SampleAllBelow = 100;
    private const int LeastPercentage = 5;

    private readonly ClusterState _cluster;
    private readonly SchedulerProfile _profile;
    private readonly List<IFilterPlugin> _filters = [];
    private FilterResult?[] _refusals = [];
    private NodeInfo[] _refusedNodes = [];
    private NodeInfo[] _feasible = [];
    private long[] _scores = [];
    private long[] _sums = [];
    private int _start;
    private ulong _random;

    public Scheduler(ClusterState cluster, SchedulerProfile profile, ulong seed)
    {
        _cluster = cluster;
        _profile = profile;
        // The generator below never leaves zero.
        _random = seed == 0 ? 0x9E3779B97F4A7C15 : seed;
    }

    /// <summary>Chooses a node. Nothing is changed: whoever asks assumes the pod there.</summary>
    public SchedulingResult Schedule(PodInfo pod)
    {
        var nodes = _cluster.Order;
        if (nodes.Length == 0)
            return new SchedulingResult(null, new FitError(0, []), 0, 0);
        if (Prepare(pod, out var onlyNodes) is { } refusal)
            return NoFit(pod, new FitError(nodes.Length, [], ofPod: refusal));

        if (KeptFor(pod) is { } kept && onlyNodes?.Names.Contains(kept.Name) != false && Refusal(pod, kept) is null)
            return new SchedulingResult(kept, null, 1, 1);
        var candidates = onlyNodes is null ? nodes : Named(onlyNodes.Value.Names);
        int evaluated = Filter(pod, candidates, out int feasible);
        if (feasible == 0)
        {
            var ofOthers = onlyNodes is null ? null : NotNamed(onlyNodes.Value.Plugins);
            return NoFit(pod, new FitError(
                nodes.Length, [.. _refusals.Take(evaluated)!], ofOthers: ofOthers, nodes: _refusedNodes[..evaluated]));
        }
        var chosen = feasible == 1 ? _feasible[0] : Best(pod, feasible);
        return new SchedulingResult(chosen, null, evaluated, feasible);
    }

    /// <summary>How many nodes that will do are enough, in a cluster of this size.</summary>
    internal static int SampleSize(int nodeCount)
    {
        if (nodeCount < SampleAllBelow)
            return nodeCount;
        int percentage = Math.Max(LeastPercentage, 50 - nodeCount / 125);
        return Math.Max(SampleAllBelow, nodeCount * percentage / 100);
    }

    FilterResult? INodeCheck.Refusal(PodInfo pod, NodeInfo node)
    {
        if (Prepare(pod, out var onlyNodes) is { } refusal)
            return refusal;
        return onlyNodes?.Names.Contains(node.Name) == false ? NotNamed(onlyNodes.Value.Plugins) : Refusal(pod, node);
    }

    /// <summary>The node where the pod has had room made for it: it comes first.</summary>
    private NodeInfo? KeptFor(PodInfo pod) =>
        _cluster.Nominations.TryGetNode(pod.Uid, out string? name) ? _cluster.FindNode(name) : null;

    private FilterResult? Prepare(PodInfo pod, out (HashSet<string> Names, List<string> Plugins)? onlyNodes)
    {
        onlyNodes = null;
        _filters.Clear();
        foreach (var filter in _profile.Filters)
        {
            var preparation = filter.Prepare(pod, _cluster);
            if (preparation.Refusal is not null)
                return preparation.Refusal;
            if (preparation.OnlyNodes is not null)
            {
                onlyNodes ??= ([.. preparation.OnlyNodes], []);
                onlyNodes.Value.Names.IntersectWith(preparation.OnlyNodes);
                onlyNodes.Value.Plugins.Add(filter.Name);
            }
            if (preparation.IsNeeded)
                _filters.Add(filter);
        }
        return null;
    }

    private NodeInfo[] Named(HashSet<string> names) =>
        [.. names.Order(StringComparer.Ordinal).Select(_cluster.FindNode).OfType<NodeInfo>()];

    private static FilterResult NotNamed(List<string> plugins) => FilterResult.Unresolvable(
        string.Join(',', plugins), $"node(s) didn't satisfy plugin(s) [{string.Join(' ', plugins)}]");

    private int Filter(PodInfo pod, NodeInfo[] nodes, out int feasible)
    {
        int wanted = SampleSize(nodes.Length);
        if (_feasible.Length < wanted)
            _feasible = new NodeInfo[wanted];
        if (_refusals.Length < nodes.Length)
        {
            _refusals = new FilterResult[nodes.Length];
            _refusedNodes = new NodeInfo[nodes.Length];
        }
        feasible = 0;
        int refused = 0;
        int at = nodes.Length == 0 ? 0 : _start % nodes.Length;
        while (feasible < wanted && feasible + refused < nodes.Length)
        {
            var node = nodes[at];
            if (Refusal(pod, node) is { } refusal)
            {
                _refusedNodes[refused] = node;
                _refusals[refused++] = refusal;
            }
            else
            {
                _feasible[feasible++] = node;
            }
            if (++at == nodes.Length)
                at = 0;
        }
        _start = at;
        return feasible + refused;
    }

    /// <summary>A node must do with the pods that it is kept for, and also without them, as they may never come.</summary>
    private FilterResult? Refusal(PodInfo pod, NodeInfo node)
    {
        var awaited = _cluster.Nominations.Before(pod, node.Name);
        return awaited.Count > 0 && RefusalBeside(awaited, pod, node) is { } refusal ? refusal : Refusal(node);
    }

    private FilterResult? RefusalBeside(IReadOnlyList<PodInfo> awaited, PodInfo pod, NodeInfo node)
    {
        foreach (var other in awaited)
            _cluster.Return(other, node);
        var refusal = Prepare(pod, out _) ?? Refusal(node);
        foreach (var other in awaited)
            _cluster.Lift(other);
        Prepare(pod, out _);
        return refusal;
    }

    private FilterResult? Refusal(NodeInfo node)
    {
        foreach (var filter in _filters)
        {
            if (filter.Filter(node) is { } refusal)
                return refusal;
        }
        return null;
    }

    private NodeInfo Best(PodInfo pod, int feasible)
    {
        if (_scores.Length < feasible)
        {
            _scores = new long[feasible];
            _sums = new long[feasible];
        }
        var nodes = _feasible.AsSpan(0, feasible);
        var scores = _scores.AsSpan(0, feasible);
        var sums = _sums.AsSpan(0, feasible);
        sums.Clear();
        foreach (var (plugin, weight) in _profile.Scores)
        {
            if (!plugin.Score(pod, _cluster, nodes, scores))
                continue;
            for (int i = 0; i < sums.Length; i++)
                sums[i] += weight * scores[i];
        }
        return nodes[Pick(sums)];
    }

    // Each of the best has the same chance: the nth of them takes the place with a chance of 1/n.
    private int Pick(ReadOnlySpan<long> sums)
    {
        int best = 0;
        int bestCount = 1;
        for (int i = 1; i < sums.Length; i++)
        {
            if (sums[i] < sums[best])
                continue;
            bestCount = sums[i] > sums[best] ? 1 : bestCount + 1;
            if (bestCount == 1 || Next() % (ulong)bestCount == 0)
                best = i;
        }
        return best;
    }

    // xorshift64*
    private ulong Next()
    {
        _random ^= _random >> 12;
        _random ^= _random << 25;
        _random ^= _random >> 27;
        return _random * 2685821657736338717;
    }

    private SchedulingResult NoFit(PodInfo pod, FitError error)
    {
        var answer = _profile.NoFit?.Resolve(pod, _cluster, error, this);
        error.NoFitMessage = answer?.Message;
        return new SchedulingResult(null, error, error.Refusals.Count, 0) { NoFit = answer };
    }
}
