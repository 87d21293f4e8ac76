using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>What the volumes of all pods of a node share.</summary>
internal sealed class NodeVolumes : IAsyncDisposable
{
    private readonly CancellationTokenSource _ending;
    private readonly VolumeSurroundings _around;

    public NodeVolumes(ContainerSettings settings, IKubeletApi api, Alarms alarms, IReadOnlyDictionary<string, Quantity> allocatable, CancellationToken stopping)
    {
        _ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        _around = new VolumeSurroundings
        {
            PodFiles = VolumeFolders.RootOf(settings),
            Mounts = settings.Mounts,
            Api = api,
            Objects = new WatchedObjects(api, alarms.Clock, _ending.Token),
            Alarms = alarms,
            Allocatable = allocatable,
            LocalVolumes = settings.LocalVolumes,
            Ending = _ending.Token,
        };
    }

    /// <summary>Told by the runtime; false until then.</summary>
    public bool CanMountRecursivelyReadOnly { get; set; }

    /// <inheritdoc cref="PodVolumes(Pod, VolumeSurroundings, Action{string}, Action, Action{string})"/>
    public PodVolumes For(Pod pod, Action<string> tell, Action wake, Action<string> evict) =>
        new(pod, _around with { CanMountRecursivelyReadOnly = CanMountRecursivelyReadOnly }, tell, wake, evict);

    /// <summary>Takes down and deletes what pods have left that are no more.</summary>
    /// <param name="isKnown">Whether there is a pod of a uid; asked after its folder was seen, so that a new pod's is never taken.</param>
    /// <returns>What could not be removed: reasons.</returns>
    public IReadOnlyList<string> RemoveOrphans(Func<string, bool> isKnown)
    {
        var problems = new List<string>();
        foreach (string folder in Directory.GetDirectories(_around.PodFiles))
        {
            if (isKnown(Path.GetFileName(folder)))
                continue;
            try
            {
                var folders = new VolumeFolders(_around.PodFiles, Path.GetFileName(folder));
                PodVolumes.TakeDown(folders, _around.Mounts);
                _around.Mounts.RemoveTree(folders.Pod);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                problems.Add(e.Message);
            }
        }
        return problems;
    }

    public async ValueTask DisposeAsync() => await _ending.CancelAsync();
}
