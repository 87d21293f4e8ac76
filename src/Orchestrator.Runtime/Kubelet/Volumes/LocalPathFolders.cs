using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.Storage;

namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>The folders of <see cref="LocalPathProvisioner"/>'s volumes on one node: deleted with their volumes, by the node that has them
/// and nobody else.</summary>
/// <remarks>What a node may do beyond Kubernetes' kubelets is just that: read all volumes, and take this finalizer off its own.</remarks>
/// <param name="root">The folder of all volumes' folders. Nothing else is ever deleted, whatever a volume says.</param>
internal sealed class LocalPathFolders(string nodeName, string root, IKubeletApi api, IMounts mounts, Alarms alarms) : IObjectSink<PersistentVolume>
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly HashSet<string> _underWay = [];
    private CancellationToken _stopping;

    /// <summary>Follows the cluster's volumes until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        _stopping = ct;
        await api.WatchAsync<PersistentVolume>(null, this, ct);
    }

    public void Changed(PersistentVolume value)
    {
        if (!IsToGo(value))
            return;
        lock (_gate)
        {
            if (!_underWay.Add(value.Name))
                return;
        }
        _ = Task.Run(() => RemoveAsync(value.Name));
    }

    public void Deleted(PersistentVolume value)
    {
    }

    public void Synced()
    {
    }

    private bool IsToGo(PersistentVolume volume) => volume.IsBeingDeleted && LocalPathProvisioner.NodeOf(volume) == nodeName
        && volume.Metadata.Finalizers.OrEmpty().Contains(LocalPathProvisioner.Finalizer)
        // A claim still has it: deleted by hand, it waits for its claim's end as any volume does.
        && !volume.Metadata.Finalizers.OrEmpty().Contains(StorageFinalizers.Volume);

    private async Task RemoveAsync(string name)
    {
        try
        {
            if (await api.FindAsync<PersistentVolume>("", name, _stopping) is { } volume && IsToGo(volume))
            {
                // Of a volume that is to be kept, its object alone goes.
                if (volume.Spec.PersistentVolumeReclaimPolicy != "Retain")
                    RemoveFolder(volume);
                PersistentVolume changed = volume.DeepClone();
                changed.Metadata.Finalizers!.Remove(LocalPathProvisioner.Finalizer);
                await api.UpdateAsync(changed, _stopping);
            }
            lock (_gate)
                _underWay.Remove(name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ApiException)
        {
            alarms.Set(alarms.Now + Retry, () => _ = Task.Run(() => RemoveAsync(name))); // In use, or changed by somebody else meanwhile.
        }
        catch (OperationCanceledException)
        {
            // Stopping: the next life begins with all volumes.
        }
    }

    /// <summary>Where a volume's folder lies; null for one that is none of this folder's, whatever the volume says.</summary>
    internal static string? PathIn(string root, PersistentVolume volume)
    {
        string path = Path.GetFullPath(volume.Spec.Local?.Path ?? "/");
        return Path.GetDirectoryName(path) == Path.GetFullPath(root).TrimEnd('/') ? path : null;
    }

    private void RemoveFolder(PersistentVolume volume)
    {
        if (PathIn(root, volume) is not { } path)
            return; // Not one that was made here.
        if (LinuxFiles.StateOfLink(path)?.Kind == FileKind.Directory)
            mounts.RemoveTree(LinuxFiles.RealPath(path));
    }
}
