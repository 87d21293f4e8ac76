using Orchestrator.Api.StorageV1;

namespace Orchestrator.Control.Storage;

/// <summary>What is to be done for one claim.</summary>
internal static class ClaimLook
{
    public static Decision Decide(PersistentVolumeClaim claim, ReconcileInput input) =>
        claim.Annotations.ContainsKey(StorageNames.BindCompleted) ? OfBound(claim, input) : OfUnbound(claim, input);

    private static Decision OfUnbound(PersistentVolumeClaim claim, ReconcileInput input)
    {
        if (claim.IsBeingDeleted)
            return Decision.Nothing;
        if (!string.IsNullOrEmpty(claim.Spec.VolumeName))
            return OfChosen(claim, input);
        var storage = ClassOf(claim, input);
        bool isForPod = storage?.VolumeBindingMode != StorageNames.WaitForFirstConsumer;
        if (VolumeMatch.Find(claim, VolumeBinder.CandidatesFor(claim, input.Cache), node: null, isForPod) is { } volume)
            return Bind(claim, volume);
        if (claim.Spec.StorageClassName is null && StorageNames.ClassOf(claim).Length == 0 && StorageNames.DefaultOf(input.Cache.List<StorageClass>()) is { } preset)
            return Decision.Of(InClass(claim, preset.Name));
        return Waiting(claim, storage, isForPod, input);
    }

    /// <summary>There was no default class when the claim was made; now there is.</summary>
    private static Update InClass(PersistentVolumeClaim claim, string name)
    {
        var changed = claim.DeepClone();
        changed.Spec.StorageClassName = name;
        return new Update(changed);
    }

    /// <summary>No volume yet: one is to be made, or waited for.</summary>
    private static Decision Waiting(PersistentVolumeClaim claim, StorageClass? storage, bool isForPod, ReconcileInput input)
    {
        string name = StorageNames.ClassOf(claim);
        if (!isForPod && !claim.Annotations.ContainsKey(StorageNames.SelectedNode))
            return Pending(claim, input, EventNote.About(claim, "WaitForFirstConsumer", "waiting for first consumer to be created before binding"));
        if (name.Length == 0)
            return Pending(claim, input, EventNote.About(
                claim, "FailedBinding", "no persistent volumes available for this claim and no storage class is set"));
        if (storage is null)
            return Pending(claim, input, EventNote.WarningAbout(claim, "ProvisioningFailed", $"storageclass.storage.k8s.io \"{name}\" not found"));
        if (storage.Provisioner == StorageNames.NoProvisioner)
            return Pending(claim, input, EventNote.WarningAbout(claim, "ProvisioningFailed", "no volume plugin matched"));
        return Provision(claim, storage.Provisioner ?? "", input);
    }

    private static Decision Provision(PersistentVolumeClaim claim, string provisioner, ReconcileInput input)
    {
        var note = EventNote.About(
            claim, "ExternalProvisioning",
            $"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system administrator. "
            + "If volume creation is delayed, please verify that the provisioner is running and correctly registered.");
        if (claim.Annotations.GetValueOrDefault(StorageNames.Provisioner) == provisioner)
            return Pending(claim, input, note);
        var changed = claim.DeepClone();
        changed.Metadata.Annotations ??= [];
        changed.Metadata.Annotations[StorageNames.Provisioner] = provisioner;
        changed.Metadata.Annotations[StorageNames.BetaProvisioner] = provisioner;
        return new Decision { Intents = [new Update(changed) { OnSuccess = note }], Memory = note.Message };
    }

    /// <summary>A person, or a write that was interrupted, has named its volume.</summary>
    private static Decision OfChosen(PersistentVolumeClaim claim, ReconcileInput input)
    {
        if (input.Cache.Get<PersistentVolume>("", claim.Spec.VolumeName!) is not { } volume)
            return Pending(claim, input, null);
        if (volume.Spec.ClaimRef is null && VolumeMatch.Mismatch(volume, claim) is { } problem)
            return Pending(claim, input, EventNote.WarningAbout(claim, "VolumeMismatch", $"Cannot bind to requested volume \"{volume.Name}\": {problem}"));
        if (volume.Spec.ClaimRef is null || VolumeMatch.IsFor(volume, claim))
            return Bind(claim, volume);
        return Pending(claim, input, EventNote.WarningAbout(claim, "FailedBinding", $"volume \"{volume.Name}\" already bound to a different claim."));
    }

    private static Decision OfBound(PersistentVolumeClaim claim, ReconcileInput input)
    {
        if (string.IsNullOrEmpty(claim.Spec.VolumeName))
            return Lost(claim, "ClaimLost", "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!");
        if (input.Cache.Get<PersistentVolume>("", claim.Spec.VolumeName) is not { } volume)
            return Lost(claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
        if (volume.Spec.ClaimRef is null || volume.Spec.ClaimRef.Uid == claim.Uid)
            return Bind(claim, volume);
        return Lost(claim, "ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly");
    }

    /// <summary>What is still missing of the bond; specs before what is told of them.</summary>
    private static Decision Bind(PersistentVolumeClaim claim, PersistentVolume volume)
    {
        List<Intent> specs = [.. Some(BoundVolume(volume, claim)), .. Some(BoundClaim(claim, volume))];
        return specs.Count > 0 ? Decision.Of(specs) : Decision.Of([.. Some(VolumeLook.Phase(volume, "Bound")), .. Some(BoundStatus(claim, volume))]);
    }

    private static Update? BoundVolume(PersistentVolume volume, PersistentVolumeClaim claim)
    {
        if (volume.Spec.ClaimRef is { } known && known.Uid == claim.Uid)
            return null;
        var changed = volume.DeepClone();
        if (changed.Spec.ClaimRef is null)
            (changed.Metadata.Annotations ??= [])[StorageNames.BoundByController] = "yes";
        changed.Spec.ClaimRef = References.To(claim);
        return new Update(changed);
    }

    private static Update? BoundClaim(PersistentVolumeClaim claim, PersistentVolume volume)
    {
        if (claim.Spec.VolumeName == volume.Name && claim.Annotations.ContainsKey(StorageNames.BindCompleted))
            return null;
        var changed = claim.DeepClone();
        changed.Metadata.Annotations ??= [];
        if (claim.Spec.VolumeName != volume.Name)
            changed.Metadata.Annotations[StorageNames.BoundByController] = "yes";
        changed.Metadata.Annotations[StorageNames.BindCompleted] = "yes";
        changed.Spec.VolumeName = volume.Name;
        return new Update(changed);
    }

    private static Update? BoundStatus(PersistentVolumeClaim claim, PersistentVolume volume)
    {
        var changed = claim.DeepClone();
        changed.Status.Phase = "Bound";
        changed.Status.AccessModes = [.. volume.Spec.AccessModes.OrEmpty()];
        changed.Status.Capacity = new(volume.Spec.Capacity.OrEmpty());
        return changed.Status.DeepEquals(claim.Status) ? null : Update.Status(changed);
    }

    /// <summary>What it waits for is told once, and not with each look.</summary>
    private static Decision Pending(PersistentVolumeClaim claim, ReconcileInput input, EventNote? note)
    {
        var intents = new List<Intent>();
        if (note is not null && !note.Message.Equals(input.Memory))
            intents.Add(new EmitEvent(note));
        if (claim.Status.Phase != "Pending")
            intents.Add(InPhase(claim, "Pending"));
        return new Decision { Intents = intents, Memory = note?.Message };
    }

    private static Decision Lost(PersistentVolumeClaim claim, string reason, string message) => claim.Status.Phase == "Lost"
        ? Decision.Nothing
        : Decision.Of(InPhase(claim, "Lost") with { OnSuccess = EventNote.WarningAbout(claim, reason, message) });

    private static Update InPhase(PersistentVolumeClaim claim, string phase)
    {
        var changed = claim.DeepClone();
        changed.Status.Phase = phase;
        return Update.Status(changed);
    }

    private static StorageClass? ClassOf(PersistentVolumeClaim claim, ReconcileInput input) =>
        StorageNames.ClassOf(claim) is { Length: > 0 } name ? input.Cache.Get<StorageClass>("", name) : null;

    private static IEnumerable<Intent> Some(Intent? intent) => intent is null ? [] : [intent];
}
