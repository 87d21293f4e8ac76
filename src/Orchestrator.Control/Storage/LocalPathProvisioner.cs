using Orchestrator.Api.StorageV1;

namespace Orchestrator.Control.Storage;

/// <summary>Makes volumes of folders on the nodes' own disks, where the first pod of a claim will run; and lets go of them.</summary>
/// <remarks>
/// It says alone what is to be there: the node that has the disk makes the folder when a pod is to use it, and empties it when
/// the volume is deleted. Until then <see cref="Finalizer"/> keeps the volume's object.
/// </remarks>
public static class LocalPathProvisioner
{
    public const string Name = "orchestrator.io/local-path";

    /// <summary>Taken off by the node, once the folder is gone.</summary>
    public const string Finalizer = "orchestrator.io/local-path";

    public const string ClassName = "local-path";

    private const string HostnameLabel = "kubernetes.io/hostname";

    /// <summary>The class that claims without one get.</summary>
    public static StorageClass DefaultClass() => new()
    {
        Metadata = new ObjectMeta { Name = ClassName, Annotations = new() { ["storageclass.kubernetes.io/is-default-class"] = "true" } },
        Provisioner = Name,
        ReclaimPolicy = "Delete",
        VolumeBindingMode = StorageNames.WaitForFirstConsumer,
    };

    /// <param name="root">The folder of all volumes' folders, the same on every node.</param>
    public static ControllerDescription Describe(string root) => new()
    {
        Name = Name,
        Reconcile = input => Reconcile(input, root),
        Watches =
        [
            Watch.Self<PersistentVolumeClaim>(), Watch.Self<PersistentVolume>(), Watch.Silent<StorageClass>(), Watch.Silent<Node>(),
        ],
    };

    /// <summary>The node that a volume of ours lies on; null for one of others.</summary>
    public static string? NodeOf(PersistentVolume volume) => volume.Annotations.GetValueOrDefault(StorageNames.ProvisionedBy) == Name
        ? volume.Annotations.GetValueOrDefault(StorageNames.SelectedNode)
        : null;

    private static Decision Reconcile(ReconcileInput input, string root)
    {
        if (input.Key.Namespace.Length == 0)
            return input.Cache.Get<PersistentVolume>("", input.Key.Name) is { } volume ? OfVolume(volume) : Decision.Nothing;
        return input.Cache.Get<PersistentVolumeClaim>(input.Key.Namespace, input.Key.Name) is { } claim
            ? OfClaim(claim, input, root)
            : Decision.Nothing;
    }

    private static Decision OfVolume(PersistentVolume volume) =>
        NodeOf(volume) is not null && volume is { IsBeingDeleted: false, Status.Phase: "Released", Spec.PersistentVolumeReclaimPolicy: "Delete" }
            ? Decision.Of(new Delete(ObjectRef.To(volume)))
            : Decision.Nothing;

    private static Decision OfClaim(PersistentVolumeClaim claim, ReconcileInput input, string root)
    {
        if (claim.IsBeingDeleted || !string.IsNullOrEmpty(claim.Spec.VolumeName) || claim.Annotations.GetValueOrDefault(StorageNames.Provisioner) != Name)
            return Decision.Nothing;
        string volumeName = "pvc-" + claim.Uid;
        if (input.Cache.Get<PersistentVolume>("", volumeName) is not null)
            return Decision.Nothing;
        if (input.Cache.Get<StorageClass>("", StorageNames.ClassOf(claim)) is not { } storage || storage.Provisioner != Name)
            return Decision.Nothing;
        return Problem(claim, input, out string hostname) is { } problem
            ? Fail(claim, storage, problem, input)
            : Decision.Of(new Create(Volume(claim, storage, volumeName, hostname, root))
            {
                OnSuccess = EventNote.About(claim, "ProvisioningSucceeded", $"Successfully provisioned volume {volumeName}"),
            });
    }

    /// <summary>Told once: nothing but a change of the claim makes it better.</summary>
    private static Decision Fail(PersistentVolumeClaim claim, StorageClass storage, string problem, ReconcileInput input) => new()
    {
        Intents = problem.Equals(input.Memory) ? [] :
        [
            new EmitEvent(EventNote.WarningAbout(
                claim, "ProvisioningFailed", $"failed to provision volume with StorageClass \"{storage.Name}\": {problem}")),
        ],
        Memory = problem,
    };

    private static string? Problem(PersistentVolumeClaim claim, ReconcileInput input, out string hostname)
    {
        hostname = "";
        if (claim.Spec.VolumeMode == "Block")
            return "a folder is no block device";
        if (claim.Spec.AccessModes.OrEmpty().Any(mode => mode is not ("ReadWriteOnce" or "ReadWriteOncePod")))
            return "only the access modes ReadWriteOnce and ReadWriteOncePod are supported";
        if (claim.Spec.Selector is not null)
            return "claim.Spec.Selector is not supported";
        if (claim.Annotations.GetValueOrDefault(StorageNames.SelectedNode) is not { Length: > 0 } name)
            return "no node was chosen: the class must have volumeBindingMode WaitForFirstConsumer";
        if (input.Cache.Get<Node>("", name) is not { } node)
            return $"node \"{name}\" not found";
        hostname = node.Labels.GetValueOrDefault(HostnameLabel) is { Length: > 0 } label ? label : name;
        return null;
    }

    private static PersistentVolume Volume(PersistentVolumeClaim claim, StorageClass storage, string name, string hostname, string root) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = name,
            Annotations = new()
            {
                [StorageNames.ProvisionedBy] = Name,
                [StorageNames.SelectedNode] = claim.Annotations[StorageNames.SelectedNode],
            },
            Finalizers = [Finalizer],
        },
        Spec = new PersistentVolumeSpec
        {
            AccessModes = [.. claim.Spec.AccessModes.OrEmpty()],
            Capacity = new() { ["storage"] = (claim.Spec.Resources?.Requests).OrEmpty().GetValueOrDefault("storage") },
            ClaimRef = References.To(claim),
            // Names of claims and namespaces have no slash: the folder lies below the root.
            Local = new LocalVolumeSource { Path = $"{root.TrimEnd('/')}/{name}_{claim.Namespace}_{claim.Name}" },
            NodeAffinity = new VolumeNodeAffinity
            {
                Required = new NodeSelector
                {
                    NodeSelectorTerms =
                    [
                        new NodeSelectorTerm
                        {
                            MatchExpressions = [new NodeSelectorRequirement { Key = HostnameLabel, Operator = "In", Values = [hostname] }],
                        },
                    ],
                },
            },
            PersistentVolumeReclaimPolicy = storage.ReclaimPolicy ?? "Delete",
            StorageClassName = storage.Name,
            VolumeMode = "Filesystem",
        },
    };
}
