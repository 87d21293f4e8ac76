using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Defaulting;

/// <summary>Which of the many kinds of source a volume has; a sound one has exactly one.</summary>
internal static class VolumeSources
{
    /// <summary>The JSON names of the sources that are set, in the order in which Kubernetes looks at them.</summary>
    public static IEnumerable<string> NamesOf(Volume volume)
    {
        if (volume.EmptyDir is not null) yield return "emptyDir";
        if (volume.HostPath is not null) yield return "hostPath";
        if (volume.GitRepo is not null) yield return "gitRepo";
        if (volume.GcePersistentDisk is not null) yield return "gcePersistentDisk";
        if (volume.AwsElasticBlockStore is not null) yield return "awsElasticBlockStore";
        if (volume.Secret is not null) yield return "secret";
        if (volume.Nfs is not null) yield return "nfs";
        if (volume.Iscsi is not null) yield return "iscsi";
        if (volume.Glusterfs is not null) yield return "glusterfs";
        if (volume.Flocker is not null) yield return "flocker";
        if (volume.PersistentVolumeClaim is not null) yield return "persistentVolumeClaim";
        if (volume.Rbd is not null) yield return "rbd";
        if (volume.Cinder is not null) yield return "cinder";
        if (volume.Cephfs is not null) yield return "cephFS";
        if (volume.Quobyte is not null) yield return "quobyte";
        if (volume.DownwardAPI is not null) yield return "downwarAPI"; // Spelt so by Kubernetes too: clients see it.
        if (volume.Fc is not null) yield return "fc";
        if (volume.FlexVolume is not null) yield return "flexVolume";
        if (volume.ConfigMap is not null) yield return "configMap";
        if (volume.AzureFile is not null) yield return "azureFile";
        if (volume.VsphereVolume is not null) yield return "vsphereVolume";
        if (volume.PhotonPersistentDisk is not null) yield return "photonPersistentDisk";
        if (volume.PortworxVolume is not null) yield return "portworxVolume";
        if (volume.AzureDisk is not null) yield return "azureDisk";
        if (volume.Storageos is not null) yield return "storageos";
        if (volume.Projected is not null) yield return "projected";
        if (volume.ScaleIO is not null) yield return "scaleIO";
        if (volume.Csi is not null) yield return "csi";
        if (volume.Ephemeral is not null) yield return "ephemeral";
        if (volume.Image is not null) yield return "image";
    }

    /// <summary>The same of a persistent volume.</summary>
    public static IEnumerable<string> NamesOf(PersistentVolumeSpec volume)
    {
        if (volume.HostPath is not null) yield return "hostPath";
        if (volume.GcePersistentDisk is not null) yield return "gcePersistentDisk";
        if (volume.AwsElasticBlockStore is not null) yield return "awsElasticBlockStore";
        if (volume.Glusterfs is not null) yield return "glusterfs";
        if (volume.Flocker is not null) yield return "flocker";
        if (volume.Nfs is not null) yield return "nfs";
        if (volume.Rbd is not null) yield return "rbd";
        if (volume.Quobyte is not null) yield return "quobyte";
        if (volume.Cephfs is not null) yield return "cephFS";
        if (volume.Iscsi is not null) yield return "iscsi";
        if (volume.Cinder is not null) yield return "cinder";
        if (volume.Fc is not null) yield return "fc";
        if (volume.FlexVolume is not null) yield return "flexVolume";
        if (volume.AzureFile is not null) yield return "azureFile";
        if (volume.VsphereVolume is not null) yield return "vsphereVolume";
        if (volume.PhotonPersistentDisk is not null) yield return "photonPersistentDisk";
        if (volume.PortworxVolume is not null) yield return "portworxVolume";
        if (volume.AzureDisk is not null) yield return "azureDisk";
        if (volume.ScaleIO is not null) yield return "scaleIO";
        if (volume.Local is not null) yield return "local";
        if (volume.Storageos is not null) yield return "storageos";
        if (volume.Csi is not null) yield return "csi";
    }
}
