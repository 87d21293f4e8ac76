using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Strategies;

/// <summary>Volumes note when their phase changed; claims name the source of their data in both of its fields.</summary>
internal static class VolumeStrategy
{
    public static KindStrategy<PersistentVolume> CreateVolume() => new()
    {
        ResetStatus = volume => volume.Status = new PersistentVolumeStatus { Phase = "Pending" },
        KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
        KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
        OnCreate = (volume, now) => volume.Status.LastPhaseTransitionTime = Strategy.WholeSeconds(now),
        OnStatusUpdate = OnVolumeStatus,
        Warns = (volume, _) => MiscellaneousWarnings.Of(volume),
    };

    public static KindStrategy<PersistentVolumeClaim> CreateClaim() => new()
    {
        ResetStatus = claim => claim.Status = new PersistentVolumeClaimStatus { Phase = "Pending" },
        KeepStatus = (updated, old) => updated.Status = old.Status.DeepClone(),
        KeepSpec = (updated, old) => updated.Spec = old.Spec.DeepClone(),
        OnCreate = (claim, _) => MirrorDataSource(claim.Spec),
        OnUpdate = (updated, _) => MirrorDataSource(updated.Spec),
        Warns = (claim, _) => MiscellaneousWarnings.Of(claim),
    };

    private static void OnVolumeStatus(PersistentVolume updated, PersistentVolume old, DateTimeOffset now)
    {
        if (updated.Status.Phase == old.Status.Phase)
            updated.Status.LastPhaseTransitionTime ??= old.Status.LastPhaseTransitionTime;
        else if (now != default && (updated.Status.LastPhaseTransitionTime is null
            || updated.Status.LastPhaseTransitionTime == old.Status.LastPhaseTransitionTime))
            updated.Status.LastPhaseTransitionTime = Strategy.WholeSeconds(now);
    }

    private static void MirrorDataSource(PersistentVolumeClaimSpec spec)
    {
        if (spec.DataSource is { } source && spec.DataSourceRef is null)
            spec.DataSourceRef = new TypedObjectReference { ApiGroup = source.ApiGroup, Kind = source.Kind, Name = source.Name };
        else if (spec.DataSource is null && spec.DataSourceRef is { } reference && string.IsNullOrEmpty(reference.Namespace)
            && (reference.Kind == "PersistentVolumeClaim" || reference.ApiGroup == "snapshot.storage.k8s.io"))
            spec.DataSource = new TypedLocalObjectReference
            {
                ApiGroup = reference.ApiGroup,
                Kind = reference.Kind,
                Name = reference.Name,
            };
    }
}
