namespace Orchestrator.Control.Storage;

/// <summary>What is to be done for one volume.</summary>
internal static class VolumeLook
{
    public static Decision Decide(PersistentVolume volume, ReconcileInput input)
    {
        // Named by a claim that is not there, or has not been seen: whoever named it may have meant one to come.
        if (volume.Spec.ClaimRef is not { } reference || string.IsNullOrEmpty(reference.Uid))
            return Of(Phase(volume, "Available"));
        var claim = input.Cache.Get<PersistentVolumeClaim>(reference.Namespace ?? "", reference.Name ?? "");
        if (claim?.Uid == reference.Uid)
            return OfClaimed(volume, claim);
        // The cache may be late: that a claim is gone leads to its data's end, so the API has to say it.
        return IsGone(reference, input, out var lookup) switch
        {
            null => lookup is null ? new Decision { RetryWithBackoff = true } : new Decision { Lookups = [lookup] },
            true => Release(volume),
            false => Decision.Nothing, // The cache will show it.
        };
    }

    /// <summary>Null if the volume is in this phase already.</summary>
    public static Update? Phase(PersistentVolume volume, string phase, string? message = null)
    {
        if (volume.Status.Phase == phase && volume.Status.Message == message)
            return null;
        var changed = volume.DeepClone();
        changed.Status.Phase = phase;
        changed.Status.Message = message;
        return Update.Status(changed);
    }

    private static Decision OfClaimed(PersistentVolume volume, PersistentVolumeClaim claim)
    {
        if (claim.Spec.VolumeName == volume.Name)
            return Of(Phase(volume, "Bound"));
        if (string.IsNullOrEmpty(claim.Spec.VolumeName))
            return Decision.Nothing; // Half a bond: the claim's own look makes it whole.
        // The claim has another one by now. What was made for it is of no use; what was chosen for it is free again.
        if (IsMade(volume) && volume.Spec.PersistentVolumeReclaimPolicy == "Delete")
            return Release(volume);
        return volume.Annotations.ContainsKey(StorageNames.BoundByController) ? Of(Unbound(volume)) : Of(Phase(volume, "Available"));
    }

    private static Update Unbound(PersistentVolume volume)
    {
        var changed = volume.DeepClone();
        changed.Spec.ClaimRef = null;
        changed.Metadata.Annotations!.Remove(StorageNames.BoundByController);
        return new Update(changed);
    }

    private static Decision Release(PersistentVolume volume)
    {
        if (volume.Status.Phase is not ("Released" or "Failed"))
            return Of(Phase(volume, "Released"));
        if (volume.Status.Phase == "Failed")
            return Decision.Nothing;
        return volume.Spec.PersistentVolumeReclaimPolicy switch
        {
            // Who made it removes it, and what it stands for.
            "Delete" when IsMade(volume) => Decision.Nothing,
            "Delete" => Fail(volume, "VolumeFailedDelete", $"error getting deleter volume plugin for volume \"{volume.Name}\": no deletable volume plugin matched"),
            "Recycle" => Fail(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!"),
            _ => Decision.Nothing,
        };
    }

    private static Decision Fail(PersistentVolume volume, string reason, string message) =>
        Decision.Of(Phase(volume, "Failed", message)! with { OnSuccess = EventNote.WarningAbout(volume, reason, message) });

    /// <summary>Whether the API has no such claim any more; null: it has not said.</summary>
    private static bool? IsGone(ObjectReference reference, ReconcileInput input, out Lookup.Get? lookup)
    {
        lookup = new Lookup.Get(new ObjectRef(PersistentVolumeClaim.StaticKind, reference.Namespace ?? "", reference.Name ?? ""));
        if (input.Found.Errors.ContainsKey(lookup))
        {
            lookup = null;
            return null;
        }
        return input.Found.Objects.TryGetValue(lookup, out var found) ? found?.Uid != reference.Uid : null;
    }

    private static bool IsMade(PersistentVolume volume) => volume.Annotations.ContainsKey(StorageNames.ProvisionedBy);

    private static Decision Of(Update? update) => update is null ? Decision.Nothing : Decision.Of(update);
}
