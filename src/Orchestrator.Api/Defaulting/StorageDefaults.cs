using Orchestrator.Api.CoreV1;
using Orchestrator.Api.StorageV1;

namespace Orchestrator.Api.Defaulting;

/// <summary>Defaults of volumes, claims and of what provides them.</summary>
internal static class StorageDefaults
{
    public static void Apply(PersistentVolume volume)
    {
        volume.Status.Phase = Defaults.Filled(volume.Status.Phase, "Pending");
        var spec = volume.Spec;
        spec.PersistentVolumeReclaimPolicy = Defaults.Filled(spec.PersistentVolumeReclaimPolicy, "Retain");
        spec.VolumeMode ??= "Filesystem";
        if (spec.HostPath is { } host)
            host.Type ??= "";
        if (spec.Iscsi is { } iscsi)
            iscsi.IscsiInterface = Defaults.Filled(iscsi.IscsiInterface, "default");
        if (spec.Rbd is { } rbd)
        {
            rbd.Pool = Defaults.Filled(rbd.Pool, "rbd");
            rbd.User = Defaults.Filled(rbd.User, "admin");
            rbd.Keyring = Defaults.Filled(rbd.Keyring, "/etc/ceph/keyring");
        }
        if (spec.AzureDisk is { } disk)
        {
            disk.CachingMode ??= "ReadWrite";
            disk.Kind ??= "Shared";
            disk.FsType ??= "ext4";
            disk.ReadOnly ??= false;
        }
        if (spec.ScaleIO is { } scaleIO)
        {
            scaleIO.StorageMode = Defaults.Filled(scaleIO.StorageMode, "ThinProvisioned");
            scaleIO.FsType = Defaults.Filled(scaleIO.FsType, "xfs");
        }
    }

    public static void Apply(PersistentVolumeClaim claim)
    {
        claim.Status.Phase = Defaults.Filled(claim.Status.Phase, "Pending");
        claim.Spec.VolumeMode ??= "Filesystem";
    }

    public static void Apply(StorageClass storage)
    {
        storage.ReclaimPolicy ??= "Delete";
        storage.VolumeBindingMode ??= "Immediate";
    }

    public static void Apply(CSIDriver driver)
    {
        var spec = driver.Spec;
        spec.AttachRequired ??= true;
        spec.PodInfoOnMount ??= false;
        spec.StorageCapacity ??= false;
        spec.FsGroupPolicy ??= "ReadWriteOnceWithFSType";
        if (spec.VolumeLifecycleModes is not { Count: > 0 })
            spec.VolumeLifecycleModes = ["Persistent"];
        spec.RequiresRepublish ??= false;
        spec.SeLinuxMount ??= false;
    }
}
