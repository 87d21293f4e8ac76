using Orchestrator.Control.Pods;
using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.NodeLifecycle;

/// <summary>Deletes pods from nodes with NoExecute taints that they do not tolerate, or not any longer.</summary>
public static class TaintEvictionController
{
    private const string ByNode = "node";

    public static ControllerDescription Description { get; } = new()
    {
        Name = "taint-eviction-controller",
        Reconcile = Reconcile,
        Workers = 8,
        Watches = [Watch.On<Pod>(PodKeys), Watch.On<Node>(NodeKeys)],
        Indexes = [ObjectIndex.Of<Pod>(ByNode, static pod => pod.IsScheduled() ? [pod.Spec.NodeName!] : [])],
    };

    private static IEnumerable<NamespacedName> PodKeys(Pod? before, Pod? after, IObjectCache cache)
    {
        if (after is null || !after.IsScheduled() || after.IsBeingDeleted)
            yield break;
        bool isNew = before is null || before.Spec.NodeName != after.Spec.NodeName || before == after
            || before.Spec.Tolerations.OrEmpty().Count != after.Spec.Tolerations.OrEmpty().Count;
        if (isNew && cache.Get<Node>("", after.Spec.NodeName!) is { } node && NoExecute(node).Count > 0)
            yield return after.Key;
    }

    private static IEnumerable<NamespacedName> NodeKeys(Node? before, Node? after, IObjectCache cache)
    {
        if (after is null || (before is not null && before != after && SameTaints(NoExecute(before), NoExecute(after))))
            yield break;
        if (before is null && NoExecute(after).Count == 0)
            yield break;
        foreach (var pod in cache.ByIndex<Pod>(ByNode, after.Name))
            yield return pod.Key;
    }

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<Pod>(input.Key.Namespace, input.Key.Name) is not { } pod || pod.IsBeingDeleted
            || !pod.IsScheduled() || input.Cache.Get<Node>("", pod.Spec.NodeName!) is not { } node)
        {
            return Decision.Nothing;
        }
        var taints = NoExecute(node);
        if (taints.Count == 0)
            return WasMarked(input) ? Cancelled(pod) : Decision.Nothing;
        if (EvictionTime(pod, taints, input) is not { } at)
            return Decision.Nothing;
        if (at > input.Now)
            return new Decision { RequeueAt = at, Memory = new Marked(at) };
        return Decision.Of(
            DisruptionPatch(pod, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint", input.Now),
            new Delete(ObjectRef.To(pod))
            {
                OnSuccess = EventNote.About(pod, "TaintManagerEviction", $"Marking for deletion Pod {pod.Namespace}/{pod.Name}"),
            });
    }

    /// <param name="At">When the pod is to go. Its start is the taint's first sighting, so that a restart of the control plane
    /// prolongs nobody's stay by more than it lasts.</param>
    private sealed record Marked(DateTimeOffset At);

    private static bool WasMarked(ReconcileInput input) => input.Memory is Marked;

    private static Decision Cancelled(Pod pod) => Decision.Of(new EmitEvent(EventNote.About(
        pod, "TaintManagerEviction", $"Cancelling deletion of Pod {pod.Namespace}/{pod.Name}")));

    /// <summary>When the pod has to go; null if it may stay for ever.</summary>
    private static DateTimeOffset? EvictionTime(Pod pod, IReadOnlyList<Taint> taints, ReconcileInput input)
    {
        long? shortest = null;
        var since = input.Now;
        foreach (var taint in taints)
        {
            var tolerations = pod.Spec.Tolerations.OrEmpty().Where(t => NodeTaints.Tolerates(t, taint)).ToList();
            if (tolerations.Count == 0)
                return input.Now;
            if (taint.TimeAdded is { } added && added < since)
                since = added;
            foreach (long seconds in tolerations.Where(t => t.TolerationSeconds is not null).Select(t => t.TolerationSeconds!.Value))
                shortest = shortest is { } s ? Math.Min(s, Math.Max(0, seconds)) : Math.Max(0, seconds);
        }
        if (shortest is not { } stay)
            return null;
        var at = since.AddSeconds(Math.Min(stay, int.MaxValue));
        return input.Memory is Marked marked && marked.At < at ? marked.At : at;
    }

    /// <summary>Says on the pod why it is disrupted, before that happens.</summary>
    internal static Patch DisruptionPatch(Pod pod, string reason, string message, DateTimeOffset now)
    {
        string time = ApiTime.Text(now);
        string body = $$$"""
            {"metadata":{"uid":"{{{pod.Uid}}}"},"status":{"conditions":[{"type":"DisruptionTarget","status":"True","reason":"{{{reason}}}","message":"{{{message}}}","lastTransitionTime":"{{{time}}}"}]}}
            """;
        return new Patch(ObjectRef.To(pod), PatchType.StrategicMerge, body, "status");
    }

    private static List<Taint> NoExecute(Node node) =>
        node.Spec.Taints.OrEmpty().Where(taint => taint.Effect == NodeTaints.NoExecute).ToList();

    private static bool SameTaints(List<Taint> x, List<Taint> y) =>
        x.Count == y.Count && x.All(a => y.Any(b => a.Key == b.Key && a.Value == b.Value));
}
