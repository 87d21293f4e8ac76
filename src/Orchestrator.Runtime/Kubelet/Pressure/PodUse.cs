using Orchestrator.Api.CoreV1;
using Orchestrator.Control.Pods;

namespace Orchestrator.Runtime.Kubelet.Pressure;

/// <summary>Files of one kind: how much of a disk they take.</summary>
internal readonly record struct DiskUse(long Bytes, long Inodes)
{
    public static DiskUse operator +(DiskUse one, DiskUse other) => new(one.Bytes + other.Bytes, one.Inodes + other.Inodes);
}

/// <param name="MemoryBytes">Its working set.</param>
/// <param name="Layer">What it has written to its own root.</param>
internal sealed record ContainerUse(string Name, long MemoryBytes, DiskUse Layer, DiskUse Logs);

/// <summary>What a pod takes of its node.</summary>
/// <param name="Volumes">On the node's disk and the pod's own: not claims, not the host's folders, not memory.</param>
internal sealed record PodUse(IReadOnlyList<ContainerUse> Containers, long Processes, DiskUse Volumes)
{
    public long MemoryBytes => Containers.Sum(container => container.MemoryBytes);

    /// <summary>Of all that <c>ephemeral-storage</c> counts.</summary>
    public long StorageBytes => Disk(withLayers: true, withOthers: true).Bytes;

    /// <param name="withOthers">Logs and volumes.</param>
    public DiskUse Disk(bool withLayers, bool withOthers)
    {
        DiskUse sum = withOthers ? Volumes : default;
        foreach (ContainerUse container in Containers)
        {
            sum += withLayers ? container.Layer : default;
            sum += withOthers ? container.Logs : default;
        }
        return sum;
    }

    public static long RequestOf(Pod pod, string resource) => PodResources.Requests(pod.Spec).GetValueOrDefault(resource).Value;
}
