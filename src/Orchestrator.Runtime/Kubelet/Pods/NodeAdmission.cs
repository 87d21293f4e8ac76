using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>Whether a pod that was bound to this node fits on it: the node's last word, a pure function.</summary>
internal static class NodeAdmission
{
    /// <param name="admitted">The node's other pods that have not ended.</param>
    /// <returns>Why not; null when it fits.</returns>
    public static PodVerdict? Check(Pod pod, IReadOnlyCollection<Pod> admitted, IReadOnlyDictionary<string, Quantity> allocatable, IReadOnlyDictionary<string, string> labels)
    {
        foreach (var (key, value) in pod.Spec.NodeSelector.OrEmpty())
        {
            if (labels.GetValueOrDefault(key) != value)
                return new PodVerdict("NodeAffinity", "Pod was rejected: Predicate NodeAffinity failed");
        }
        if (allocatable.TryGetValue("pods", out Quantity limit) && admitted.Count + 1 > limit.Value)
            return Lacking("pods", 1, admitted.Count, limit.Value);
        var requests = Requests(pod);
        foreach (var (resource, requested) in requests)
        {
            if (requested.IsZero)
                continue;
            Quantity used = Quantity.Zero;
            foreach (Pod other in admitted)
                used += Requests(other).GetValueOrDefault(resource);
            Quantity capacity = allocatable.GetValueOrDefault(resource);
            if (used + requested > capacity)
                return resource == "cpu"
                    ? Lacking(resource, requested.MilliValue, used.MilliValue, capacity.MilliValue)
                    : Lacking(resource, requested.Value, used.Value, capacity.Value);
        }
        return null;
    }

    /// <summary>What a pod asks for as a whole: its containers together, or the largest init container with the sidecars before it.</summary>
    public static Dictionary<string, Quantity> Requests(Pod pod)
    {
        var total = new Dictionary<string, Quantity>();
        foreach (PodContainer container in PodContainer.RegularOf(pod))
            Add(total, container.Spec.Resources?.Requests);
        var sidecars = new Dictionary<string, Quantity>();
        var initPeak = new Dictionary<string, Quantity>();
        foreach (PodContainer init in PodContainer.InitOf(pod))
        {
            if (init.Kind == PodContainerKind.Sidecar)
                Add(sidecars, init.Spec.Resources?.Requests);
            var during = new Dictionary<string, Quantity>(sidecars);
            if (init.Kind == PodContainerKind.Init)
                Add(during, init.Spec.Resources?.Requests);
            Raise(initPeak, during);
        }
        Add(total, sidecars);
        Raise(total, initPeak);
        Add(total, pod.Spec.Overhead);
        return total;
    }

    private static void Add(Dictionary<string, Quantity> total, Dictionary<string, Quantity>? more)
    {
        foreach (var (resource, quantity) in more.OrEmpty())
            total[resource] = total.GetValueOrDefault(resource) + quantity;
    }

    private static void Raise(Dictionary<string, Quantity> total, Dictionary<string, Quantity> atLeast)
    {
        foreach (var (resource, quantity) in atLeast)
            total[resource] = Quantity.Max(total.GetValueOrDefault(resource), quantity);
    }

    private static PodVerdict Lacking(string resource, long requested, long used, long capacity) => new(
        "OutOf" + resource,
        string.Create(
            CultureInfo.InvariantCulture,
            $"Pod was rejected: Node didn't have enough resource: {resource}, requested: {requested}, used: {used}, capacity: {capacity}"));
}
