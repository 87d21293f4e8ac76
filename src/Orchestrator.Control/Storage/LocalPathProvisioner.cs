using Orchestrator.Api.StorageV1;

namespace Orchestrator.Control.Storage;

/// <summary>Makes volumes of folders on the nodes' own disks, where the first pod of a claim will run; and lets go of them.</summary>
/// <remarks>
/// It says alone what is to be there: the node that has the disk makes the folder when a pod is to use it, and empties it when
/// the volume is deleted. Until then <see cref="Finalizer"/> keeps the volume's object. Where a node's folders lie it says itself, by
/// <see cref="FolderAnnotation"/>; a node that says nothing has no disk (its pods are pretended), and its volumes are objects alone.
/// </remarks>
public static class LocalPathProvisioner
{
    public const string Name = "orchestrator.io/local-path";

    /// <summary>Taken off by the node, once the folder is gone.</summary>
    public const string Finalizer = "orchestrator.io/local-path";

    /// <summary>On a node: the folder of its volumes' folders.</summary>
    public const string FolderAnnotation = "orchestrator.io/local-volumes";

    public const string ClassName = "local-path";

    /// <summary>The longest name that Linux' filesystems take.</summary>
    private const int FileNameLimit = 255;

    private const string HostnameLabel = "kubernetes.io/hostname";
    private const string PretendedFolder = "/var/lib/orchestrator/volumes";

    public static ControllerDescription Description { get; } = new()
    {
        Name = Name,
        Reconcile = Reconcile,
        Watches =
        [
            Watch.Self<PersistentVolumeClaim>(), Watch.Self<PersistentVolume>(), Watch.Silent<StorageClass>(), Watch.Silent<Node>(),
        ],
    };

    /// <summary>The class that claims without one get.</summary>
    public static StorageClass DefaultClass() => new()
    {
        Metadata = new ObjectMeta { Name = ClassName, Annotations = new() { ["storageclass.kubernetes.io/is-default-class"] = "true" } },
        Provisioner = Name,
        ReclaimPolicy = "Delete",
        VolumeBindingMode = StorageNames.WaitForFirstConsumer,
    };

    /// <summary>The node that a volume of ours lies on; null for one of others.</summary>
    public static string? NodeOf(PersistentVolume volume) => volume.Annotations.GetValueOrDefault(StorageNames.ProvisionedBy) == Name
        ? volume.Annotations.GetValueOrDefault(StorageNames.SelectedNode)
        : null;

    private static Decision Reconcile(ReconcileInput input)
    {
        if (input.Key.Namespace.Length == 0)
            return input.Cache.Get<PersistentVolume>("", input.Key.Name) is { } volume ? OfVolume(volume) : Decision.Nothing;
        if (input.Cache.Get<PersistentVolumeClaim>(input.Key.Namespace, input.Key.Name) is not { IsBeingDeleted: false } claim)
            return Decision.Nothing;
        return string.IsNullOrEmpty(claim.Spec.VolumeName) ? OfWaiting(claim, input) : OfBound(claim, input);
    }

    private static Decision OfVolume(PersistentVolume volume) =>
        NodeOf(volume) is not null && volume is { IsBeingDeleted: false, Status.Phase: "Released", Spec.PersistentVolumeReclaimPolicy: "Delete" }
            ? Decision.Of(new Delete(ObjectRef.To(volume)))
            : Decision.Nothing;

    private static Decision OfWaiting(PersistentVolumeClaim claim, ReconcileInput input)
    {
        if (claim.Annotations.GetValueOrDefault(StorageNames.Provisioner) != Name)
            return Decision.Nothing;
        string volumeName = "pvc-" + claim.Uid;
        if (input.Cache.Get<PersistentVolume>("", volumeName) is not null)
            return Decision.Nothing;
        if (ClassOf(claim, input) is not { } storage)
            return Decision.Nothing;
        if (Problem(claim) is { } problem)
            return Fail(claim, storage, problem, input);
        string nodeName = claim.Annotations[StorageNames.SelectedNode];
        if (input.Cache.Get<Node>("", nodeName) is not { } node)
            return Unselect(claim, storage, $"node \"{nodeName}\" not found");
        return Decision.Of(new Create(Volume(claim, storage, volumeName, node))
        {
            OnSuccess = EventNote.About(claim, "ProvisioningSucceeded", $"Successfully provisioned volume {volumeName}"),
        });
    }

    /// <summary>A folder has no size: what its claim asks for more, where the class lets it, it has.</summary>
    private static Decision OfBound(PersistentVolumeClaim claim, ReconcileInput input)
    {
        if (input.Cache.Get<PersistentVolume>("", claim.Spec.VolumeName!) is not { IsBeingDeleted: false } volume
            || NodeOf(volume) is null || volume.Spec.ClaimRef?.Uid != claim.Uid)
            return Decision.Nothing;
        var asked = VolumeMatch.SizeOf(claim);
        if (asked <= VolumeMatch.SizeOf(volume) || ClassOf(claim, input)?.AllowVolumeExpansion != true)
            return Decision.Nothing;
        var changed = volume.DeepClone();
        (changed.Spec.Capacity ??= [])["storage"] = asked;
        return Decision.Of(new Update(changed)
        {
            OnSuccess = EventNote.About(claim, "VolumeResizeSuccessful", "Resize volume succeeded"),
        });
    }

    private static StorageClass? ClassOf(PersistentVolumeClaim claim, ReconcileInput input) =>
        input.Cache.Get<StorageClass>("", StorageNames.ClassOf(claim)) is { Provisioner: Name } found ? found : null;

    /// <summary>Told once: nothing but a change of the claim makes it better.</summary>
    private static Decision Fail(PersistentVolumeClaim claim, StorageClass storage, string problem, ReconcileInput input) => new()
    {
        Intents = problem.Equals(input.Memory) ? [] : [new EmitEvent(Failed(claim, storage, problem))],
        Memory = problem,
    };

    /// <summary>The scheduler chooses another node, as it does whenever the one that it chose is taken off the claim.</summary>
    private static Decision Unselect(PersistentVolumeClaim claim, StorageClass storage, string problem)
    {
        var changed = claim.DeepClone();
        changed.Metadata.Annotations!.Remove(StorageNames.SelectedNode);
        return Decision.Of(new Update(changed) { OnSuccess = Failed(claim, storage, problem) });
    }

    private static EventNote Failed(PersistentVolumeClaim claim, StorageClass storage, string problem) =>
        EventNote.WarningAbout(claim, "ProvisioningFailed", $"failed to provision volume with StorageClass \"{storage.Name}\": {problem}");

    private static string? Problem(PersistentVolumeClaim claim)
    {
        if (claim.Spec.VolumeMode == "Block")
            return "a folder is no block device";
        if (claim.Spec.AccessModes.OrEmpty().Any(mode => mode is not ("ReadWriteOnce" or "ReadWriteOncePod")))
            return "only the access modes ReadWriteOnce and ReadWriteOncePod are supported";
        if (claim.Spec.Selector is not null)
            return "claim.Spec.Selector is not supported";
        return claim.Annotations.GetValueOrDefault(StorageNames.SelectedNode) is { Length: > 0 }
            ? null
            : "no node was chosen: the class must have volumeBindingMode WaitForFirstConsumer";
    }

    private static PersistentVolume Volume(PersistentVolumeClaim claim, StorageClass storage, string name, Node node)
    {
        // Names of claims and namespaces have no slash: the folder lies below the node's. It is unique by the claim's uid alone.
        string ownFolder = $"{name}_{claim.Namespace}_{claim.Name}";
        ownFolder = ownFolder[..Math.Min(ownFolder.Length, FileNameLimit)];
        string? folder = node.Annotations.GetValueOrDefault(FolderAnnotation) is { Length: > 0 } own ? own : null;
        string hostname = node.Labels.GetValueOrDefault(HostnameLabel) is { Length: > 0 } label ? label : node.Name;
        return new PersistentVolume
        {
            Metadata = new ObjectMeta
            {
                Name = name,
                Annotations = new()
                {
                    [StorageNames.ProvisionedBy] = Name,
                    [StorageNames.SelectedNode] = claim.Annotations[StorageNames.SelectedNode],
                },
                Finalizers = folder is null ? null : [Finalizer],
            },
            Spec = new PersistentVolumeSpec
            {
                AccessModes = [.. claim.Spec.AccessModes.OrEmpty()],
                Capacity = new() { ["storage"] = VolumeMatch.SizeOf(claim) },
                ClaimRef = References.To(claim),
                Local = new LocalVolumeSource { Path = $"{(folder ?? PretendedFolder).TrimEnd('/')}/{ownFolder}" },
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
}
