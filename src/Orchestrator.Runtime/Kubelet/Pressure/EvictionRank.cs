using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.Pressure;

/// <summary>Which pod goes first when something is short.</summary>
/// <remarks>Those that take more than they asked for before others, then by priority, then by how much more they take. Processes
/// cannot be asked for: there priority comes first. A pod of which nothing is known goes before those of which something is.</remarks>
internal static class EvictionRank
{
    /// <param name="uses">By pod's uid.</param>
    /// <param name="hasImageDisk">Then each disk counts only what lies on it.</param>
    public static IReadOnlyList<IEvictablePod> Order(
        IEnumerable<IEvictablePod> pods, EvictionSignal signal, IReadOnlyDictionary<string, PodUse> uses, bool hasImageDisk)
    {
        var ranked = pods.Select(pod => (Pod: pod, Priority: pod.Pod.Spec.Priority ?? 0, Surplus: Surplus(pod.Pod, signal, uses, hasImageDisk))).ToList();
        var ordered = signal == EvictionSignal.PidAvailable
            ? ranked.OrderBy(entry => entry.Priority)
            : ranked.OrderBy(entry => entry.Surplus switch { null => 0, > 0 => 1, _ => 2 }).ThenBy(entry => entry.Priority);
        return [.. ordered.ThenByDescending(entry => entry.Surplus ?? long.MaxValue).ThenBy(entry => entry.Pod.Pod.Name, StringComparer.Ordinal).Select(entry => entry.Pod)];
    }

    /// <returns>What it takes beyond its request; null where nothing is known.</returns>
    private static long? Surplus(Pod pod, EvictionSignal signal, IReadOnlyDictionary<string, PodUse> uses, bool hasImageDisk)
    {
        if (!uses.TryGetValue(pod.Uid, out PodUse? use))
            return null;
        bool isOfImages = signal is EvictionSignal.ImageDiskAvailable or EvictionSignal.ImageInodesFree;
        return signal switch
        {
            EvictionSignal.MemoryAvailable => use.MemoryBytes - PodUse.RequestOf(pod, EvictionSignals.Memory),
            EvictionSignal.PidAvailable => use.Processes,
            EvictionSignal.NodeInodesFree or EvictionSignal.ImageInodesFree => Disk().Inodes, // Nobody can ask for inodes.
            _ => Disk().Bytes - PodUse.RequestOf(pod, EvictionSignals.Storage),
        };

        DiskUse Disk() => use.Disk(withLayers: !hasImageDisk || isOfImages, withOthers: !hasImageDisk || !isOfImages);
    }
}
