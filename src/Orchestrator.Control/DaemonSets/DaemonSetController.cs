using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.DaemonSets;

/// <summary>Keeps one pod of a DaemonSet on each node that it fits.</summary>
public static class DaemonSetController
{
    /// <summary>The most pods made or removed by one look.</summary>
    public const int BurstLimit = 250;

    public static ControllerDescription Description { get; } = new()
    {
        Name = "daemonset-controller",
        Reconcile = Reconcile,
        Workers = 2,
        Watches =
        [
            Watch.Self<DaemonSet>(),
            Watch.On<Pod>(static (before, after, cache) =>
                OwnerKeys.Of<DaemonSet, Pod>(before, after, cache, static set => Selector.Of(set.Spec.Selector))),
            Watch.On<ControllerRevision>(static (before, after, cache) => OwnerKeys.Of<DaemonSet, ControllerRevision>(
                before, after, cache, static set => Selector.Of(set.Spec.Selector))),
            Watch.On<Node>(NodeKeys),
        ],
    };

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<DaemonSet>(input.Key.Namespace, input.Key.Name) is not { } set)
            return Decision.Nothing;
        if (set.Spec.Selector is { } everything && everything.MatchLabels.OrEmpty().Count == 0
            && everything.MatchExpressions.OrEmpty().Count == 0)
        {
            return Decision.Of(new EmitEvent(EventNote.WarningAbout(set, "SelectingAll",
                "This daemon set is selecting all pods. A non-empty selector is required.")));
        }
        if (set.IsBeingDeleted)
            return Decision.Nothing;
        var selector = Selector.Of(set.Spec.Selector);
        var pods = OwnershipClaim<Pod>.Decide(set, selector, input);
        var revisions = OwnershipClaim<ControllerRevision>.Decide(set, selector, input);
        if (pods.Lookups.Count + revisions.Lookups.Count > 0)
            return new Decision { Lookups = pods.Lookups.Count > 0 ? pods.Lookups : revisions.Lookups };
        return new DaemonLook(set, pods, revisions, input).Decide();
    }

    /// <summary>A change of a node that lets a set's pod in or out.</summary>
    private static IEnumerable<NamespacedName> NodeKeys(Node? before, Node? after, IObjectCache cache)
    {
        // Most changes of a node are heartbeats.
        if (before is not null && after is not null && before.Spec.DeepEquals(after.Spec) && SameLabels(before, after))
            yield break;
        foreach (var set in cache.List<DaemonSet>())
        {
            var fit = new DaemonFit(set.Spec.Template);
            var was = before is null ? default : fit.Of(before);
            var now = after is null ? default : fit.Of(after);
            if (was != now)
                yield return set.Key;
        }
    }

    private static bool SameLabels(Node before, Node after) => before.Labels.Count == after.Labels.Count
        && before.Labels.All(label => after.Labels.TryGetValue(label.Key, out string? value) && value == label.Value);
}
