using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Pressure;

/// <summary>Containers that have ended and that nobody will miss, when the disk is short.</summary>
internal static class DeadContainers
{
    /// <summary>Of ended pods all; of others all but the last life of each container, which tells how it ended.</summary>
    /// <param name="hasEnded">Whether the pod of a uid has ended or is no more.</param>
    public static IReadOnlyList<RuntimeContainer> Needless(IReadOnlyList<RuntimeContainer> containers, Func<string, bool> hasEnded) =>
    [
        .. containers.Where(container => container.State == RuntimeContainerState.Exited)
            .GroupBy(container => (container.PodUid, container.Name))
            .SelectMany(lives => lives.OrderByDescending(life => life.Attempt).Skip(hasEnded(lives.Key.PodUid) ? 0 : 1)),
    ];

    public static async Task RemoveAsync(IContainerRuntime runtime, Func<string, bool> hasEnded, CancellationToken ct)
    {
        foreach (RuntimeContainer container in Needless(await runtime.ListContainersAsync(null, ct), hasEnded))
            await runtime.RemoveContainerAsync(container.Id, ct);
    }
}
