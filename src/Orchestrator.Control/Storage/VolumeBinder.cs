using Orchestrator.Api.StorageV1;

namespace Orchestrator.Control.Storage;

/// <summary>Brings claims and volumes together, and says of each where it stands.</summary>
/// <remarks>
/// A volume is bound first, by the claim's uid in it: that is what two claims cannot both have. The claim follows. Whatever is
/// interrupted between two writes is taken up by the next look at either. Keys are claims (namespace and name) and volumes
/// (no namespace). One look writes each object once: the next one waits for what was written. Keys are looked at side by side: whoever
/// is second at a free volume has its version against them, and looks again.
/// </remarks>
public static class VolumeBinder
{
    private const string ByClaim = "claim";
    private const string ByVolume = "volume";
    private const string FreeByClass = "free";
    private const string UnboundByClass = "unbound";

    public static ControllerDescription Description { get; } = new()
    {
        Name = "persistentvolume-controller",
        Reconcile = Reconcile,
        Watches =
        [
            Watch.On<PersistentVolumeClaim>(KeysOfClaim), Watch.On<PersistentVolume>(KeysOfVolume), Watch.On<StorageClass>(KeysOfClass),
        ],
        Indexes =
        [
            ObjectIndex.Of<PersistentVolume>(ByClaim, volume => volume.Spec.ClaimRef is { } reference ? [$"{reference.Namespace}/{reference.Name}"] : []),
            ObjectIndex.Of<PersistentVolume>(FreeByClass, volume => volume.Spec.ClaimRef is null ? [ClassIndex(StorageNames.ClassOf(volume))] : []),
            ObjectIndex.Of<PersistentVolumeClaim>(ByVolume, claim => string.IsNullOrEmpty(claim.Spec.VolumeName) ? [] : [claim.Spec.VolumeName]),
            ObjectIndex.Of<PersistentVolumeClaim>(UnboundByClass, claim => claim.Status.Phase == "Bound" ? [] : [ClassIndex(StorageNames.ClassOf(claim))]),
        ],
    };

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Key.Namespace.Length == 0)
            return input.Cache.Get<PersistentVolume>("", input.Key.Name) is { } volume ? VolumeLook.Decide(volume, input) : Decision.Nothing;
        return input.Cache.Get<PersistentVolumeClaim>(input.Key.Namespace, input.Key.Name) is { } claim
            ? ClaimLook.Decide(claim, input)
            : Decision.Nothing;
    }

    /// <summary>The volumes that a claim may have: those that name it, and free ones of its class.</summary>
    internal static IEnumerable<PersistentVolume> CandidatesFor(PersistentVolumeClaim claim, IObjectCache cache) =>
        cache.ByIndex<PersistentVolume>(ByClaim, $"{claim.Namespace}/{claim.Name}")
            .Concat(cache.ByIndex<PersistentVolume>(FreeByClass, ClassIndex(StorageNames.ClassOf(claim))));

    private static IEnumerable<NamespacedName> KeysOfClaim(PersistentVolumeClaim? before, PersistentVolumeClaim? after, IObjectCache cache)
    {
        var claim = (after ?? before)!;
        yield return claim.Key;
        if (!string.IsNullOrEmpty(claim.Spec.VolumeName))
            yield return new NamespacedName("", claim.Spec.VolumeName);
        foreach (var volume in cache.ByIndex<PersistentVolume>(ByClaim, $"{claim.Namespace}/{claim.Name}"))
        {
            if (volume.Name != claim.Spec.VolumeName)
                yield return volume.Key;
        }
    }

    private static IEnumerable<NamespacedName> KeysOfVolume(PersistentVolume? before, PersistentVolume? after, IObjectCache cache)
    {
        var volume = (after ?? before)!;
        yield return volume.Key;
        if (volume.Spec.ClaimRef is { Namespace: { } ns, Name: { } name })
            yield return new NamespacedName(ns, name);
        foreach (var claim in cache.ByIndex<PersistentVolumeClaim>(ByVolume, volume.Name))
            yield return claim.Key;
        if (volume.Spec.ClaimRef is not null)
            yield break;
        foreach (var claim in cache.ByIndex<PersistentVolumeClaim>(UnboundByClass, ClassIndex(StorageNames.ClassOf(volume))))
            yield return claim.Key;
    }

    /// <summary>Claims that wait for the class; and, as it may be the default one, those that name none.</summary>
    private static IEnumerable<NamespacedName> KeysOfClass(StorageClass? before, StorageClass? after, IObjectCache cache) =>
        cache.ByIndex<PersistentVolumeClaim>(UnboundByClass, ClassIndex((after ?? before)!.Name))
            .Concat(cache.ByIndex<PersistentVolumeClaim>(UnboundByClass, ClassIndex("")))
            .Select(claim => claim.Key);

    /// <summary>A value that also stands for no class.</summary>
    private static string ClassIndex(string name) => "class " + name;
}
