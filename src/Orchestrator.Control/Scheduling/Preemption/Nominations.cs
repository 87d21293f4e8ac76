using System.Diagnostics.CodeAnalysis;
using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Scheduling.Preemption;

/// <summary>Which node is kept for which waiting pod: it made room there, and nobody of less importance shall take it.</summary>
public sealed class Nominations
{
    private readonly Dictionary<string, (PodInfo Pod, string Node)> _byPod = [];
    private readonly Dictionary<string, List<PodInfo>> _byNode = [];

    public int Count => _byPod.Count;

    /// <summary>Keeps a node for a pod, in the place of any other.</summary>
    public void Set(PodInfo pod, string node)
    {
        Remove(pod.Uid);
        _byPod.Add(pod.Uid, (pod, node));
        if (!_byNode.TryGetValue(node, out var pods))
            _byNode.Add(node, pods = []);
        pods.Add(pod);
    }

    public void Remove(string uid)
    {
        if (!_byPod.Remove(uid, out var nomination))
            return;
        var pods = _byNode[nomination.Node];
        pods.RemoveAll(pod => pod.Uid == uid);
        if (pods.Count == 0)
            _byNode.Remove(nomination.Node);
    }

    public bool TryGetNode(string uid, [MaybeNullWhen(false)] out string node)
    {
        bool isNominated = _byPod.TryGetValue(uid, out var nomination);
        node = nomination.Node;
        return isNominated;
    }

    /// <summary>Pods of no less importance than this one that are to come to the node.</summary>
    internal IReadOnlyList<PodInfo> Before(PodInfo pod, string node)
    {
        if (_byNode.Count == 0 || !_byNode.TryGetValue(node, out var pods))
            return [];
        return pods.Where(other => other.Priority >= pod.Priority && other.Uid != pod.Uid).ToList();
    }

    /// <summary>Pods of less importance that were to come to the node: what is made of it now may leave no place for them.</summary>
    public IReadOnlyList<PodInfo> After(PodInfo pod, string node) =>
        _byNode.TryGetValue(node, out var pods) ? pods.Where(other => other.Priority < pod.Priority).ToList() : [];
}
