using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling.Plugins;

/// <summary>What pods request must fit into what the node has to give; the emptier the node, the better (LeastAllocated).</summary>
internal sealed class NodeResourcesFitPlugin : IFilterPlugin, IScorePlugin
{
    private const string PluginName = "NodeResourcesFit";

    // The usual refusals by which of pods, cpu, memory and ephemeral storage are short, made once.
    private static readonly FilterResult[] Usual = [.. Enumerable.Range(0, 16).Select(bits => FilterResult.Resolvable(
        PluginName,
        ((string[])["Too many pods", "Insufficient cpu", "Insufficient memory", "Insufficient ephemeral-storage"])
            .Where((_, bit) => (bits & (1 << bit)) != 0).ToList()))];

    private Amounts _requests = new();

    public string Name => PluginName;

    public Preparation Prepare(PodInfo pod, ClusterState cluster)
    {
        _requests = pod.Requests;
        return Preparation.Needed;
    }

    public FilterResult? Filter(NodeInfo node)
    {
        var has = node.Allocatable;
        var taken = node.Requested;
        int missing = node.Pods.Count + 1 > has.Pods ? 1 : 0;
        if (_requests.MilliCpu > 0 && _requests.MilliCpu > has.MilliCpu - taken.MilliCpu)
            missing |= 2;
        if (_requests.Memory > 0 && _requests.Memory > has.Memory - taken.Memory)
            missing |= 4;
        if (_requests.EphemeralStorage > 0 && _requests.EphemeralStorage > has.EphemeralStorage - taken.EphemeralStorage)
            missing |= 8;
        if (_requests.Others is not null)
            return FilterOthers(node, missing);
        return missing == 0 ? null : Usual[missing];
    }

    public bool Score(PodInfo pod, ClusterState cluster, ReadOnlySpan<NodeInfo> nodes, Span<long> scores)
    {
        for (int i = 0; i < nodes.Length; i++)
        {
            var node = nodes[i];
            var has = node.Allocatable;
            long sum = 0;
            int count = 0;
            Add(node.ComparedMilliCpu + pod.ComparedMilliCpu, has.MilliCpu, ref sum, ref count);
            Add(node.ComparedMemory + pod.ComparedMemory, has.Memory, ref sum, ref count);
            scores[i] = count == 0 ? 0 : sum / count;
        }
        return true;
    }

    public bool MayHelp(PodInfo pod, in ClusterChange change) => change.Type switch
    {
        ClusterChangeType.NodeAdded => FitsEmpty(pod, change.Node!),
        ClusterChangeType.NodeUpdated => HasGrown(change) && FitsEmpty(pod, change.Node!),
        ClusterChangeType.PodGone => Frees(change.Pod!, pod),
        // A pod on a node was made smaller in place, or the waiting pod itself was.
        ClusterChangeType.PodUpdated => change.OldPod is not null && Shrinks(change.OldPod.Requests, change.Pod!.Requests),
        ClusterChangeType.WaitingPodUpdated => change.OldPod is null || Shrinks(change.OldPod.Requests, pod.Requests),
        _ => false,
    };

    private FilterResult? FilterOthers(NodeInfo node, int missing)
    {
        List<string>? reasons = null;
        foreach (var (name, amount) in _requests.Others!)
        {
            if (amount > 0 && amount > node.Allocatable.Get(name) - node.Requested.Get(name))
                (reasons ??= []).Add($"Insufficient {name}");
        }
        if (reasons is null)
            return missing == 0 ? null : Usual[missing];
        return FilterResult.Resolvable(PluginName, [.. Usual[missing].Reasons, .. reasons]);
    }

    private static void Add(long requested, long capacity, ref long sum, ref int count)
    {
        if (capacity == 0)
            return;
        count++;
        if (requested <= capacity)
            sum += (capacity - requested) * IScorePlugin.MaxScore / capacity;
    }

    private static bool FitsEmpty(PodInfo pod, NodeInfo node)
    {
        var wanted = pod.Requests;
        var has = node.Allocatable;
        return wanted.MilliCpu <= has.MilliCpu && wanted.Memory <= has.Memory && wanted.EphemeralStorage <= has.EphemeralStorage
            && has.Pods > 0 && (wanted.Others is null || wanted.Others.All(other => other.Value <= has.Get(other.Key)));
    }

    private static bool HasGrown(in ClusterChange change)
    {
        var old = Amounts.Of(change.OldNode?.Status.Allocatable);
        var now = change.Node!.Allocatable;
        return now.MilliCpu > old.MilliCpu || now.Memory > old.Memory || now.EphemeralStorage > old.EphemeralStorage
            || now.Pods > old.Pods || (now.Others is not null && now.Others.Any(other => other.Value > old.Get(other.Key)));
    }

    // Every pod that goes frees a place for one; what it requested helps those that want the same.
    private static bool Frees(PodInfo gone, PodInfo pod) => gone.Node is not null || gone.Pod.Spec.NodeName is { Length: > 0 };

    private static bool Shrinks(Amounts old, Amounts now) =>
        now.MilliCpu < old.MilliCpu || now.Memory < old.Memory || now.EphemeralStorage < old.EphemeralStorage
        || (old.Others is not null && old.Others.Any(other => now.Get(other.Key) < other.Value));
}
