using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.StatefulSets;

/// <summary>Keeps a row of pods with lasting names and storage.</summary>
public static class StatefulSetController
{
    public static ControllerDescription Description { get; } = new()
    {
        Name = "statefulset-controller",
        Reconcile = Reconcile,
        Workers = 5,
        Watches =
        [
            Watch.Self<StatefulSet>(),
            Watch.On<Pod>(static (before, after, cache) =>
                OwnerKeys.Of<StatefulSet, Pod>(before, after, cache, static set => Selector.Of(set.Spec.Selector))),
            Watch.On<ControllerRevision>(static (before, after, cache) => OwnerKeys.Of<StatefulSet, ControllerRevision>(
                before, after, cache, static set => Selector.Of(set.Spec.Selector))),
            Watch.On<PersistentVolumeClaim>(KeysOfClaim),
        ],
    };

    /// <summary>A claim that goes, or loses its former pod, may let its place have a new one.</summary>
    private static IEnumerable<NamespacedName> KeysOfClaim(PersistentVolumeClaim? before, PersistentVolumeClaim? after, IObjectCache cache)
    {
        if (before is null || (after is not null && after.Metadata.OwnerReferences.OrEmpty().Count == before.Metadata.OwnerReferences.OrEmpty().Count))
            return [];
        return cache.List<StatefulSet>(before.Namespace).Where(set => StatefulPods.MayOwn(set, before)).Select(set => set.Key);
    }

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<StatefulSet>(input.Key.Namespace, input.Key.Name) is not { } set)
            return Decision.Nothing;
        var selector = Selector.Of(set.Spec.Selector);
        var pods = OwnershipClaim<Pod>.Decide(set, selector, input, pod => StatefulPods.OrdinalOf(set, pod.Name) is not null);
        var revisions = OwnershipClaim<ControllerRevision>.Decide(set, selector, input);
        if (pods.Lookups.Count + revisions.Lookups.Count > 0)
            return new Decision { Lookups = pods.Lookups.Count > 0 ? pods.Lookups : revisions.Lookups };
        return new StatefulLook(set, pods, revisions, input).Decide();
    }
}
