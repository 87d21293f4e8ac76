using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.Nodes;
using Orchestrator.Control.Pods;
using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>Whether a pod that was bound to this node fits on it: the node's last word, a pure function.</summary>
internal static class NodeAdmission
{
    public const string NodeAffinity = "NodeAffinity";

    /// <summary>The resource that counts pods.</summary>
    public const string Pods = "pods";

    private const string Shortage = "OutOf";

    /// <param name="admitted">The node's other pods that have not ended.</param>
    /// <param name="allocatable">What the node has for pods, by resource.</param>
    /// <returns>Why not; null when it fits.</returns>
    public static PodVerdict? Check(Pod pod, IReadOnlyCollection<Pod> admitted, Node node, IReadOnlyDictionary<string, Quantity> allocatable)
    {
        if (Sysctls.Refusal(pod.Spec) is { } refusal)
            return new PodVerdict("SysctlForbidden", $"Pod was rejected: {refusal}");
        if (!NodeMatch.Fits(pod.Spec, node))
            return Failing(NodeAffinity);
        HostPort[] ports = HostPort.Of(pod.Spec);
        if (ports.Length > 0 && admitted.SelectMany(other => HostPort.Of(other.Spec)).Any(taken => ports.Any(taken.ConflictsWith)))
            return Failing("NodePorts");
        foreach (var (resource, requested, used, capacity) in Shortages(pod, admitted, allocatable))
        {
            return resource == "cpu"
                ? Lacking(resource, requested.MilliValue, used.MilliValue, capacity.MilliValue)
                : Lacking(resource, requested.Value, used.Value, capacity.Value);
        }
        return null;
    }

    /// <summary>Whether it was turned away for want of room alone.</summary>
    public static bool IsShortage(PodVerdict verdict) => verdict.Reason.StartsWith(Shortage, StringComparison.Ordinal);

    /// <summary>How much of each resource is missing for a pod.</summary>
    /// <inheritdoc cref="Check" path="/param"/>
    public static Dictionary<string, Quantity> Missing(Pod pod, IReadOnlyCollection<Pod> admitted, IReadOnlyDictionary<string, Quantity> allocatable) =>
        Shortages(pod, admitted, allocatable).ToDictionary(
            shortage => shortage.Resource, shortage => shortage.Used + shortage.Requested - shortage.Capacity);

    /// <summary>Whether a resource is one that others than the kubelet provide: <c>example.com/gpu</c>.</summary>
    public static bool IsExtended(string resource) =>
        resource.Contains('/') && !resource.StartsWith("kubernetes.io/", StringComparison.Ordinal);

    private static IEnumerable<(string Resource, Quantity Requested, Quantity Used, Quantity Capacity)> Shortages(
        Pod pod, IReadOnlyCollection<Pod> admitted, IReadOnlyDictionary<string, Quantity> allocatable)
    {
        if (allocatable.TryGetValue(Pods, out Quantity limit) && admitted.Count + 1 > limit.Value)
            yield return (Pods, Quantity.FromInt64(1), Quantity.FromInt64(admitted.Count), limit);
        List<Dictionary<string, Quantity>> others = [.. admitted.Select(other => PodResources.Requests(other.Spec))];
        foreach (var (resource, requested) in PodResources.Requests(pod.Spec))
        {
            // A resource that the node has not heard of is one that its plugin has yet to tell of: the scheduler has seen it.
            if (requested.IsZero || (IsExtended(resource) && !allocatable.ContainsKey(resource)))
                continue;
            Quantity used = Quantity.Zero;
            foreach (var other in others)
                used += other.GetValueOrDefault(resource);
            Quantity capacity = allocatable.GetValueOrDefault(resource);
            if (used + requested > capacity)
                yield return (resource, requested, used, capacity);
        }
    }

    private static PodVerdict Failing(string predicate) => new(predicate, $"Pod was rejected: Predicate {predicate} failed");

    private static PodVerdict Lacking(string resource, long requested, long used, long capacity) => new(
        Shortage + resource,
        string.Create(
            CultureInfo.InvariantCulture,
            $"Pod was rejected: Node didn't have enough resource: {resource}, requested: {requested}, used: {used}, capacity: {capacity}"));
}
