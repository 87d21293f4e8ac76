using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Defaulting;

/// <summary>Defaults of a pod's volumes.</summary>
internal static class VolumeDefaults
{
    private const int FileMode = 420; // 0644

    public static void Apply(Volume volume)
    {
        if (!HasSource(volume))
            volume.EmptyDir = new EmptyDirVolumeSource();
        if (volume.Secret is { } secret)
            secret.DefaultMode ??= FileMode;
        if (volume.ConfigMap is { } configMap)
            configMap.DefaultMode ??= FileMode;
        if (volume.DownwardAPI is { } downward)
        {
            downward.DefaultMode ??= FileMode;
            Apply(downward.Items);
        }
        if (volume.Projected is { } projected)
            Apply(projected);
        if (volume.HostPath is { } host)
            host.Type ??= "";
        if (volume.Ephemeral?.VolumeClaimTemplate is { } template)
            template.Spec.VolumeMode ??= "Filesystem";
        if (volume.Image is { } image)
            image.PullPolicy = Defaults.Filled(image.PullPolicy, PodDefaults.PullPolicyOf(image.Reference));
        ApplyNetworkDisks(volume);
    }

    private static void Apply(ProjectedVolumeSource projected)
    {
        projected.DefaultMode ??= FileMode;
        foreach (var source in projected.Sources.OrEmpty())
        {
            Apply(source.DownwardAPI?.Items);
            if (source.ServiceAccountToken is { } token)
                token.ExpirationSeconds ??= 3600;
        }
    }

    private static void Apply(List<DownwardAPIVolumeFile>? files)
    {
        foreach (var file in files.OrEmpty())
        {
            if (file.FieldRef is { } field)
                field.ApiVersion = Defaults.Filled(field.ApiVersion, "v1");
            if (file.ResourceFieldRef is { } resource)
                resource.Divisor ??= Quantity.FromInt64(0);
        }
    }

    private static void ApplyNetworkDisks(Volume volume)
    {
        if (volume.Iscsi is { } iscsi)
            iscsi.IscsiInterface = Defaults.Filled(iscsi.IscsiInterface, "default");
        if (volume.Rbd is { } rbd)
        {
            rbd.Pool = Defaults.Filled(rbd.Pool, "rbd");
            rbd.User = Defaults.Filled(rbd.User, "admin");
            rbd.Keyring = Defaults.Filled(rbd.Keyring, "/etc/ceph/keyring");
        }
        if (volume.AzureDisk is { } disk)
        {
            disk.CachingMode ??= "ReadWrite";
            disk.Kind ??= "Shared";
            disk.FsType ??= "ext4";
            disk.ReadOnly ??= false;
        }
        if (volume.ScaleIO is { } scaleIO)
        {
            scaleIO.StorageMode = Defaults.Filled(scaleIO.StorageMode, "ThinProvisioned");
            scaleIO.FsType = Defaults.Filled(scaleIO.FsType, "xfs");
        }
    }

    private static bool HasSource(Volume volume) => VolumeSources.NamesOf(volume).Any();
}
