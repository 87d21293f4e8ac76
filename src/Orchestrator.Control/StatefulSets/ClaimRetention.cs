namespace Orchestrator.Control.StatefulSets;

/// <summary>What becomes of a StatefulSet's claims when it, or one of its pods, goes: by owner references the garbage collector
/// is told.</summary>
internal static class ClaimRetention
{
    /// <summary>Gives a claim the owners that the policy asks for.</summary>
    /// <param name="isCondemned">Whether the claim's pod is beyond the set's size.</param>
    /// <returns>Whether anything changed.</returns>
    public static bool Apply(PersistentVolumeClaim claim, StatefulSet set, Pod? pod, bool isCondemned)
    {
        var policy = set.Spec.PersistentVolumeClaimRetentionPolicy;
        bool deletesWithSet = policy?.WhenDeleted == "Delete";
        bool deletesWhenScaled = policy?.WhenScaled == "Delete";
        // With the pod, if it goes for being too many; with the set else.
        bool ownedByPod = deletesWhenScaled && isCondemned && pod is not null;
        bool ownedBySet = deletesWithSet && !(deletesWhenScaled && isCondemned);
        bool changed = Set(claim, References.Controller(set), ownedBySet);
        if (pod is not null && pod.Uid.Length > 0)
            changed |= Set(claim, References.Controller(pod), ownedByPod);
        return changed;
    }

    private static bool Set(PersistentVolumeClaim claim, OwnerReference owner, bool isWanted)
    {
        owner.Controller = null;
        owner.BlockOwnerDeletion = null;
        var owners = claim.Metadata.OwnerReferences.OrEmpty();
        bool isThere = owners.Any(reference => reference.Uid == owner.Uid);
        if (isThere == isWanted)
            return false;
        claim.Metadata.OwnerReferences = isWanted
            ? [.. owners, owner] : owners.Where(reference => reference.Uid != owner.Uid).ToList();
        if (claim.Metadata.OwnerReferences.Count == 0)
            claim.Metadata.OwnerReferences = null;
        return true;
    }
}
