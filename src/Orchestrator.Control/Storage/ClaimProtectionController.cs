using Orchestrator.Control.Pods;

namespace Orchestrator.Control.Storage;

/// <summary>Keeps a deleted claim until no pod uses it: it holds its finalizer and lets go of it.</summary>
/// <remarks>A pod uses its claims from the moment it has a node until its object is gone, ended or not. Without a node it uses none: no
/// kubelet starts a pod whose claim is being deleted.</remarks>
public static class ClaimProtectionController
{
    public static ControllerDescription Description { get; } = new()
    {
        Name = "pvc-protection-controller",
        Reconcile = Reconcile,
        Watches = [Watch.Self<PersistentVolumeClaim>(), Watch.On<Pod>(KeysOf)],
    };

    /// <summary>Only the end of a pod can free a claim.</summary>
    private static IEnumerable<NamespacedName> KeysOf(Pod? before, Pod? after, IObjectCache cache)
    {
        if (after is not null && !after.IsTerminal())
            return [];
        var pod = (after ?? before)!;
        return ClaimsOf(pod).Select(claim => new NamespacedName(pod.Namespace, claim));
    }

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<PersistentVolumeClaim>(input.Key.Namespace, input.Key.Name) is not { } claim)
            return Decision.Nothing;
        if (!claim.IsBeingDeleted || !claim.Metadata.Finalizers.OrEmpty().Contains(StorageFinalizers.Claim))
            return DecisionOf(StorageFinalizers.Settle(claim, StorageFinalizers.Claim, isUsed: false));
        if (input.Cache.List<Pod>(claim.Namespace).Any(pod => Uses(pod, claim)))
            return Decision.Nothing;
        // The cache may not have a pod that was just made: the API itself has to say that there is none.
        var lookup = new Lookup.List(new GroupVersionResource("", "v1", "pods"), claim.Namespace);
        if (input.Found.Errors.ContainsKey(lookup))
            return new Decision { RetryWithBackoff = true };
        if (!input.Found.Lists.TryGetValue(lookup, out var live))
            return new Decision { Lookups = [lookup] };
        return DecisionOf(StorageFinalizers.Settle(claim, StorageFinalizers.Claim, live.OfType<Pod>().Any(pod => Uses(pod, claim))));
    }

    private static Decision DecisionOf(Intent? intent) => intent is null ? Decision.Nothing : Decision.Of(intent);

    private static bool Uses(Pod pod, PersistentVolumeClaim claim) => pod.IsScheduled() && ClaimsOf(pod).Contains(claim.Name);

    private static IEnumerable<string> ClaimsOf(Pod pod) => pod.Spec.Volumes.OrEmpty()
        .Select(volume => volume.PersistentVolumeClaim?.ClaimName ?? (volume.Ephemeral is null ? null : $"{pod.Name}-{volume.Name}"))
        .OfType<string>();
}
