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
        PersistentVolume? best = null;
        foreach (var volume in volumes.OrderBy(volume => volume.Name, StringComparer.Ordinal))
        {
            if (taken?.Contains(volume.Name) == true || volume.IsBeingDeleted)
                continue;
            if (SizeOf(volume) < SizeOf(claim) || ModeOf(volume.Spec.VolumeMode) != ModeOf(claim.Spec.VolumeMode))
                continue;
            if (node is not null && !IsReachedFrom(volume, node))
                continue;
            if (volume.Spec.ClaimRef is not null)
            {
                if (IsFor(volume, claim))
                    return volume;
                continue;
            }
            if (isForPod && IsFree(volume, claim) && (best is null || SizeOf(volume) < SizeOf(best)))
                best = volume;
        }
        return best;
    }

    /// <summary>Whether programs on a node can use a volume.</summary>
    public static bool IsReachedFrom(PersistentVolume volume, Node node) =>
        volume.Spec.NodeAffinity?.Required is not { } required || NodeMatch.Matches(required, node);

    private static bool IsFree(PersistentVolume volume, PersistentVolumeClaim claim) =>
        volume.Status.Phase == "Available"
        && StorageNames.ClassOf(volume) == StorageNames.ClassOf(claim)
        && (claim.Spec.Selector is null || LabelMatcher.Of(claim.Spec.Selector).Matches(volume.Metadata.Labels))
        && HasAccessModes(volume, claim);

    private static bool HasAccessModes(PersistentVolume volume, PersistentVolumeClaim claim) =>
        claim.Spec.AccessModes.OrEmpty().All(volume.Spec.AccessModes.OrEmpty().Contains);

    private static string ModeOf(string? mode) => string.IsNullOrEmpty(mode) ? "Filesystem" : mode;

    private static Quantity SizeOf(PersistentVolume volume) => volume.Spec.Capacity.OrEmpty().GetValueOrDefault("storage");

    private static Quantity SizeOf(PersistentVolumeClaim claim) => (claim.Spec.Resources?.Requests).OrEmpty().GetValueOrDefault("storage");
}
