using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Plugins;

namespace Orchestrator.Control.Scheduling;

/// <summary>Chooses the node for one pod after the other.</summary>
/// <remarks>
/// In a large cluster it looks at a part of the nodes only, and begins where it stopped the last time, so that all come in
/// turn. Among the best nodes chance decides, by the seed given: equal histories give equal choices. Not thread-safe; the
/// <see cref="ClusterState"/> must not change during a decision.
/// </remarks>
public sealed class Scheduler
{
    private const int SampleAllBelow = 100;
    private const int LeastPercentage = 5;

    private readonly ClusterState _cluster;
    private readonly SchedulerProfile _profile;
    private readonly List<IFilterPlugin> _filters = [];
    private FilterResult?[] _refusals = [];
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

        var candidates = onlyNodes is null ? nodes : Named(onlyNodes.Value.Names);
        int evaluated = Filter(candidates, out int feasible);
        if (feasible == 0)
        {
            var ofOthers = onlyNodes is null ? null : NotNamed(onlyNodes.Value.Plugins);
            return NoFit(pod, new FitError(nodes.Length, [.. _refusals.Take(evaluated)!], ofOthers: ofOthers));
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

    private int Filter(NodeInfo[] nodes, out int feasible)
    {
        int wanted = SampleSize(nodes.Length);
        if (_feasible.Length < wanted)
            _feasible = new NodeInfo[wanted];
        if (_refusals.Length < nodes.Length)
            _refusals = new FilterResult[nodes.Length];
        feasible = 0;
        int refused = 0;
        int at = nodes.Length == 0 ? 0 : _start % nodes.Length;
        while (feasible < wanted && feasible + refused < nodes.Length)
        {
            var node = nodes[at];
            if (Refusal(node) is { } refusal)
                _refusals[refused++] = refusal;
            else
                _feasible[feasible++] = node;
            if (++at == nodes.Length)
                at = 0;
        }
        _start = at;
        return feasible + refused;
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
        error.NoFitMessage = _profile.NoFit?.Explain(pod, _cluster, error);
        return new SchedulingResult(null, error, error.Refusals.Count, 0);
    }
}
