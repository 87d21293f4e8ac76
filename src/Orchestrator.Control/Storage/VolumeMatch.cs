using Orchestrator.Control.Nodes;
using Orchestrator.Control.Scheduling.Matching;

namespace Orchestrator.Control.Storage;

/// <summary>Which volume is for which claim.</summary>
public static class VolumeMatch
{
    /// <summary>The volume names the claim: this very one, or one of its name that was not there yet.</summary>
    public static bool IsFor(PersistentVolume volume, PersistentVolumeClaim claim) =>
        volume.Spec.ClaimRef is { } reference && reference.Name == claim.Name && reference.Namespace == claim.Namespace
        && (string.IsNullOrEmpty(reference.Uid) || reference.Uid == claim.Uid);

    /// <summary>Why a volume will not do for a claim that names it, as events say it.</summary>
    /// <returns>Null if it will.</returns>
    public static string? Mismatch(PersistentVolume volume, PersistentVolumeClaim claim)
    {
        if (SizeOf(volume) < SizeOf(claim))
            return "requested PV is too small";
        if (StorageNames.ClassOf(volume) != StorageNames.ClassOf(claim))
            return "storageClassName does not match";
        if (ModeOf(volume.Spec.VolumeMode) != ModeOf(claim.Spec.VolumeMode))
            return "incompatible volumeMode";
        return HasAccessModes(volume, claim) ? null : "incompatible accessMode";
    }

    /// <summary>One that names the claim, else the smallest free one that does; of equals the first by name.</summary>
    /// <param name="node">Where it must be reached from; null: anywhere.</param>
    /// <param name="isForPod">A free one is looked for although the class waits for the first pod: it is here.</param>
    /// <param name="taken">Names of volumes that others are to have.</param>
    public static PersistentVolume? Find(
        PersistentVolumeClaim claim, IEnumerable<PersistentVolume> volumes, Node? node, bool isForPod, IReadOnlySet<string>? taken = null)
    {
        PersistentVolume? named = null, best = null;
        foreach (var volume in volumes)
        {
            if (taken?.Contains(volume.Name) == true || volume.IsBeingDeleted || !Fits(volume, claim))
                continue;
            if (IsFor(volume, claim))
                named = named is null || IsBefore(volume, named) ? volume : named;
            else if (named is null && isForPod && IsFree(volume, claim) && IsReachedFrom(volume, node) && (best is null || IsBetter(volume, best)))
                best = volume;
        }
        // Where the claim's own is out of reach, no other will do.
        return named is null ? best : IsReachedFrom(named, node) ? named : null;
    }

    /// <summary>Whether programs on a node can use a volume.</summary>
    /// <param name="node">Null: from some node.</param>
    public static bool IsReachedFrom(PersistentVolume volume, Node? node) =>
        node is null || volume.Spec.NodeAffinity?.Required is not { } required || NodeMatch.Matches(required, node);

    private static bool Fits(PersistentVolume volume, PersistentVolumeClaim claim) =>
        SizeOf(volume) >= SizeOf(claim) && ModeOf(volume.Spec.VolumeMode) == ModeOf(claim.Spec.VolumeMode);

    private static bool IsBetter(PersistentVolume volume, PersistentVolume than)
    {
        int order = SizeOf(volume).CompareTo(SizeOf(than));
        return order < 0 || (order == 0 && IsBefore(volume, than));
    }

    private static bool IsBefore(PersistentVolume volume, PersistentVolume other) => string.CompareOrdinal(volume.Name, other.Name) < 0;

    private static bool IsFree(PersistentVolume volume, PersistentVolumeClaim claim) =>
        volume.Spec.ClaimRef is null && volume.Status.Phase == "Available"
        && StorageNames.ClassOf(volume) == StorageNames.ClassOf(claim)
        && (claim.Spec.Selector is null || LabelMatcher.Of(claim.Spec.Selector).Matches(volume.Metadata.Labels))
        && HasAccessModes(volume, claim);

    private static bool HasAccessModes(PersistentVolume volume, PersistentVolumeClaim claim) =>
        claim.Spec.AccessModes.OrEmpty().All(volume.Spec.AccessModes.OrEmpty().Contains);

    private static string ModeOf(string? mode) => string.IsNullOrEmpty(mode) ? "Filesystem" : mode;

    internal static Quantity SizeOf(PersistentVolume volume) => volume.Spec.Capacity.OrEmpty().GetValueOrDefault("storage");

    internal static Quantity SizeOf(PersistentVolumeClaim claim) => (claim.Spec.Resources?.Requests).OrEmpty().GetValueOrDefault("storage");
}
