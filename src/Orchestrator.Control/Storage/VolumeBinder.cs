using Orchestrator.Api.StorageV1;

namespace Orchestrator.Control.Storage;

/// <summary>Brings claims and volumes together, and says of each where it stands.</summary>
/// <remarks>
/// A volume is bound first, by the claim's uid in it: that is what two claims cannot both have. The claim follows. Whatever is
/// interrupted between two writes is taken up by the next look at either. Keys are claims (namespace and name) and volumes
/// (no namespace). One look writes each object once: the next one waits for what was written.
/// </remarks>
public static class VolumeBinder
{
    public static ControllerDescription Description { get; } = new()
    {
        Name = "persistentvolume-controller",
        Reconcile = Reconcile,
        IsSerial = true, // It hands out volumes.
        Watches =
        [
            Watch.On<PersistentVolumeClaim>(KeysOfClaim), Watch.On<PersistentVolume>(KeysOfVolume), Watch.On<StorageClass>(KeysOfClass),
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

    private static IEnumerable<NamespacedName> KeysOfClaim(PersistentVolumeClaim? before, PersistentVolumeClaim? after, IObjectCache cache)
    {
        var claim = (after ?? before)!;
        yield return claim.Key;
        foreach (var volume in cache.List<PersistentVolume>())
        {
            if (volume.Name == claim.Spec.VolumeName || (volume.Spec.ClaimRef is { } reference && reference.Name == claim.Name && reference.Namespace == claim.Namespace))
                yield return volume.Key;
        }
    }

    private static IEnumerable<NamespacedName> KeysOfVolume(PersistentVolume? before, PersistentVolume? after, IObjectCache cache)
    {
        var volume = (after ?? before)!;
        yield return volume.Key;
        if (volume.Spec.ClaimRef is { Namespace: { } ns, Name: { } name })
            yield return new NamespacedName(ns, name);
        foreach (var claim in cache.List<PersistentVolumeClaim>())
        {
            bool mayHave = volume.Spec.ClaimRef is null && claim.Status.Phase != "Bound" && StorageNames.ClassOf(claim) == StorageNames.ClassOf(volume);
            if (mayHave || claim.Spec.VolumeName == volume.Name)
                yield return claim.Key;
        }
    }

    private static IEnumerable<NamespacedName> KeysOfClass(StorageClass? before, StorageClass? after, IObjectCache cache) =>
        cache.List<PersistentVolumeClaim>()
            .Where(claim => claim.Status.Phase != "Bound" && StorageNames.ClassOf(claim) == (after ?? before)!.Name)
            .Select(claim => claim.Key);
}
