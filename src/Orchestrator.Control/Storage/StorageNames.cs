using Orchestrator.Api.StorageV1;

namespace Orchestrator.Control.Storage;

/// <summary>What claims and volumes say of each other beside their specs.</summary>
public static class StorageNames
{
    /// <summary>On a claim: it has found its volume, once for all.</summary>
    public const string BindCompleted = "pv.kubernetes.io/bind-completed";

    /// <summary>On a claim or volume: the other was chosen by the controller, not by a person.</summary>
    public const string BoundByController = "pv.kubernetes.io/bound-by-controller";

    /// <summary>On a volume: who made it, and so who removes what it stands for.</summary>
    public const string ProvisionedBy = "pv.kubernetes.io/provisioned-by";

    /// <summary>On a claim: who is to make a volume for it.</summary>
    public const string Provisioner = "volume.kubernetes.io/storage-provisioner";
    public const string BetaProvisioner = "volume.beta.kubernetes.io/storage-provisioner";

    /// <summary>On a claim: the node where its first pod will run.</summary>
    public const string SelectedNode = "volume.kubernetes.io/selected-node";

    /// <summary>The provisioner of classes whose volumes people make.</summary>
    public const string NoProvisioner = "kubernetes.io/no-provisioner";

    public const string WaitForFirstConsumer = "WaitForFirstConsumer";

    /// <summary>On a class: claims that name none are in it.</summary>
    public const string DefaultClass = "storageclass.kubernetes.io/is-default-class";

    private const string BetaDefaultClass = "storageclass.beta.kubernetes.io/is-default-class";
    private const string BetaClass = "volume.beta.kubernetes.io/storage-class";

    /// <summary>Empty for none: such claims and volumes are for each other alone.</summary>
    public static string ClassOf(PersistentVolumeClaim claim) => claim.Annotations.GetValueOrDefault(BetaClass) ?? claim.Spec.StorageClassName ?? "";

    /// <inheritdoc cref="ClassOf(PersistentVolumeClaim)"/>
    public static string ClassOf(PersistentVolume volume) => volume.Annotations.GetValueOrDefault(BetaClass) ?? volume.Spec.StorageClassName ?? "";

    /// <summary>Of several default classes the newest; of those made in the same second the first by name.</summary>
    public static StorageClass? DefaultOf(IEnumerable<StorageClass> classes) => classes.Where(IsDefault)
        .OrderByDescending(found => found.Metadata.CreationTimestamp).ThenBy(found => found.Name, StringComparer.Ordinal).FirstOrDefault();

    public static bool IsDefault(StorageClass found) =>
        found.Annotations.GetValueOrDefault(DefaultClass) == "true" || found.Annotations.GetValueOrDefault(BetaDefaultClass) == "true";
}
