using Orchestrator.Control.NodeLifecycle;
using Orchestrator.Control.Pods;
using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.PodGarbage;

/// <summary>Deletes pods that no kubelet will ever report on again: of nodes that are gone or out of service, never scheduled
/// and being deleted, and ended ones beyond a number that is kept.</summary>
public static class PodGarbageCollector
{
    /// <summary>How long a node must have been gone: it may be that only its object was made anew.</summary>
    private static readonly TimeSpan Quarantine = TimeSpan.FromSeconds(40);

    /// <param name="endedLimit">How many ended pods are kept in the whole cluster; 0 keeps them all.</param>
    public static ControllerDescription Describe(int endedLimit = 12500) => new()
    {
        Name = "pod-garbage-collector",
        Reconcile = input => Reconcile(input, endedLimit),
        Workers = 1,
        Period = TimeSpan.FromSeconds(20),
        Watches = [Watch.Silent<Pod>(), Watch.Silent<Node>()],
    };

    /// <param name="MissingSince">Nodes that pods name and that are not there.</param>
    private sealed record Memory(IReadOnlyDictionary<string, DateTimeOffset> MissingSince);

    public static Decision Reconcile(ReconcileInput input, int endedLimit)
    {
        var pods = input.Cache.List<Pod>();
        var nodes = input.Cache.List<Node>().ToDictionary(node => node.Name);
        var missing = MissingSince(pods, nodes, input);
        var lost = missing.Where(node => node.Value + Quarantine <= input.Now).Select(node => node.Key).ToList();
        // The caches may lag: the API itself has to say that the node is gone.
        var lookups = lost.Select(NodeLookup).Where(get => !input.Found.Objects.ContainsKey(get)
            && !input.Found.Errors.ContainsKey(get)).ToList<Lookup>();
        if (lookups.Count > 0)
            return new Decision { Lookups = lookups, Memory = input.Memory };
        var gone = lost.Where(name => input.Found.Objects.TryGetValue(NodeLookup(name), out var live) && live is null).ToHashSet();
        return new Decision
        {
            Intents =
            [
                .. Surplus(pods, endedLimit).SelectMany(pod => Remove(pod, null, "", input.Now)),
                .. pods.Where(pod => gone.Contains(pod.Spec.NodeName ?? ""))
                    .SelectMany(pod => Remove(pod, "DeletionByPodGC", "PodGC: node no longer exists", input.Now)),
                .. pods.Where(pod => IsOutOfService(pod, nodes))
                    .SelectMany(pod => Remove(pod, "DeletionByPodGC", "PodGC: node is out of service", input.Now)),
                .. pods.Where(pod => pod.IsBeingDeleted && !pod.IsScheduled())
                    .SelectMany(pod => Remove(pod, null, "", input.Now)),
            ],
            Memory = new Memory(missing),
        };
    }

    private static Lookup.Get NodeLookup(string name) => new(new ObjectRef(Node.StaticKind, "", name));

    private static Dictionary<string, DateTimeOffset> MissingSince(
        IReadOnlyList<Pod> pods, Dictionary<string, Node> nodes, ReconcileInput input)
    {
        var former = (input.Memory as Memory)?.MissingSince;
        var missing = new Dictionary<string, DateTimeOffset>();
        foreach (var pod in pods)
        {
            if (pod.IsScheduled() && !nodes.ContainsKey(pod.Spec.NodeName!))
                missing[pod.Spec.NodeName!] = former?.GetValueOrDefault(pod.Spec.NodeName!, input.Now) ?? input.Now;
        }
        return missing;
    }

    /// <summary>Ended pods beyond the limit, oldest first. Evicted ones go before others.</summary>
    private static IEnumerable<Pod> Surplus(IReadOnlyList<Pod> pods, int limit)
    {
        if (limit <= 0)
            return [];
        var ended = pods.Where(PodState.IsTerminal).ToList();
        return ended.OrderByDescending(pod => pod.Status.Reason == "Evicted").ThenBy(pod => pod.Metadata.CreationTimestamp)
            .ThenBy(pod => pod.Name, StringComparer.Ordinal).Take(Math.Max(0, ended.Count - limit));
    }

    private static bool IsOutOfService(Pod pod, Dictionary<string, Node> nodes) =>
        pod.IsBeingDeleted && pod.IsScheduled() && nodes.TryGetValue(pod.Spec.NodeName!, out var node)
        && node.Status.Conditions.OrEmpty().Any(condition => condition.Type == "Ready" && condition.Status != "True")
        && node.Spec.Taints.OrEmpty().Any(taint => taint.Key == NodeTaints.OutOfService);

    /// <summary>Marks a pod that still counts as running as failed, and takes it away without waiting for a kubelet.</summary>
    private static IEnumerable<Intent> Remove(Pod pod, string? reason, string message, DateTimeOffset now)
    {
        if (!pod.IsTerminal())
        {
            string condition = reason is null ? "" : $$"""
                ,"conditions":[{"type":"DisruptionTarget","status":"True","reason":"{{reason}}","message":"{{message}}","lastTransitionTime":"{{ApiTime.Text(now)}}"}]
                """;
            string body = $$$"""{"metadata":{"uid":"{{{pod.Uid}}}"},"status":{"phase":"Failed"{{{condition}}}}}""";
            yield return new Patch(ObjectRef.To(pod), PatchType.StrategicMerge, body, "status") { ContinueOnFailure = true };
        }
        yield return new Delete(ObjectRef.To(pod), GracePeriodSeconds: 0) { ContinueOnFailure = true };
    }
}
