using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.Storage;

namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>A claimed volume: what it is, is found out when it is set up.</summary>
/// <param name="localVolumes">The folder of the volumes that this node makes itself; null for none.</param>
/// <param name="ownerUid">For a claim that was made for the pod alone: the pod's uid; else null.</param>
internal sealed class ClaimVolume(
    IKubeletApi api, string ns, string claimName, string? ownerUid, bool isReadOnly, VolumeFolders folders, VolumeOwner owner, IMounts mounts,
    string? localVolumes) : IVolume
{
    private IVolume? _volume;

    public string Root => _volume?.Root ?? throw new InvalidOperationException($"the volume of {claimName} was not set up");

    public bool IsReadOnly => isReadOnly;

    public async Task SetUpAsync(CancellationToken ct)
    {
        _volume ??= await FindAsync(ct);
        await _volume.SetUpAsync(ct);
    }

    private async Task<IVolume> FindAsync(CancellationToken ct)
    {
        PersistentVolumeClaim claim = await api.FindAsync<PersistentVolumeClaim>(ns, claimName, ct)
            ?? throw Unknown($"failed to fetch PVC from API server: persistentvolumeclaims \"{claimName}\" not found");
        if (ownerUid is not null && claim.ControllerOwner?.Uid != ownerUid)
            throw Unknown($"PVC {ns}/{claimName} was not created for the pod (pod is not owner)");
        if (claim.IsBeingDeleted)
            throw Unknown("PVC is being deleted");
        if (claim.Status.Phase != "Bound" || string.IsNullOrEmpty(claim.Spec.VolumeName))
            throw Unknown("PVC is not bound");
        PersistentVolume volume = await api.FindAsync<PersistentVolume>("", claim.Spec.VolumeName, ct)
            ?? throw Unknown($"failed to find PV {claim.Spec.VolumeName} in PVInformer cache: persistentvolumes \"{claim.Spec.VolumeName}\" not found");
        if (volume.Spec.ClaimRef?.Uid != claim.Uid)
            throw Unknown($"PV {volume.Name} is bound to another claim");
        if (volume.Spec.VolumeMode == "Block")
            throw Unknown($"volume {volume.Name} has volumeMode Block, which this node does not support");
        return volume.Spec switch
        {
            { Local.Path: { } path } => new LocalVolume(
                path, IsMadeHere(volume), folders.Of("local-volume", volume.Name), isReadOnly, owner, mounts),
            { HostPath: { } host } => new HostPathVolume(host.Path ?? "", host.Type ?? ""),
            _ => throw Unknown($"failed to get Plugin from volumeSpec for volume \"{volume.Name}\" err=no volume plugin matched"),
        };
    }

    private bool IsMadeHere(PersistentVolume volume) =>
        localVolumes is not null && LocalPathProvisioner.NodeOf(volume) is not null && LocalPathFolders.PathIn(localVolumes, volume) is not null;

    private VolumeException Unknown(string problem) => new($"error processing PVC {ns}/{claimName}: {problem}", isUnknown: true);
}

/// <summary>A folder of the node's disk that is a volume of the cluster.</summary>
/// <param name="isMadeHere">Whoever uses it first makes it; else it must be there.</param>
internal sealed class LocalVolume(string source, bool isMadeHere, string root, bool isReadOnly, VolumeOwner owner, IMounts mounts) : IVolume
{
    private const UnixFileMode Everybody = (UnixFileMode)0x1FF; // 0777

    public string Root => root;

    public bool IsReadOnly => isReadOnly;

    public Task SetUpAsync(CancellationToken ct)
    {
        if (mounts.IsMounted(root))
            return Task.CompletedTask;
        if (isMadeHere && LinuxFiles.StateOf(source) is null)
        {
            Directory.CreateDirectory(source);
            LinuxFiles.ChangeMode(source, Everybody);
        }
        if (LinuxFiles.StateOf(source) is not { } state)
            throw new VolumeException($"path \"{source}\" does not exist");
        if (state.Kind != FileKind.Directory)
            throw new VolumeException($"path \"{source}\" is not a directory");
        if (!isReadOnly)
            owner.Apply(source, isReadOnly: false);
        Directory.CreateDirectory(root);
        mounts.Bind(source, root, isRecursive: false);
        return Task.CompletedTask;
    }
}
