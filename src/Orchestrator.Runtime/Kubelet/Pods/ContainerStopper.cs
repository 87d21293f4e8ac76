using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>The way of a pod's containers to their end: event, preStop hook, farewell to services, the stop signal, and what is left of the grace.</summary>
internal sealed class ContainerStopper(PodWorker worker, Kubelet kubelet)
{
    /// <summary>A container gets this long after its preStop hook has used up the pod's grace.</summary>
    private static readonly TimeSpan LeastGrace = TimeSpan.FromSeconds(2);

    /// <summary>Ends all that run, sidecars last: they serve the others to their end.</summary>
    /// <param name="leavesServices">None is told to end while services still send to the pod.</param>
    public async Task StopAllAsync(Pod pod, PodObservation observed, TimeSpan grace, bool leavesServices, CancellationToken ct)
    {
        List<(PodContainer Container, RuntimeContainer Running)> running =
        [
            .. PodContainer.Of(pod)
                .Select(container => (Container: container, Running: observed.Latest(container.Name)))
                .Where(pair => pair.Running is { State: RuntimeContainerState.Running })
                .Select(pair => (pair.Container, pair.Running!)),
        ];
        if (running.Count == 0)
            return;
        Task farewell = leavesServices ? new ServiceFarewell(kubelet).TakeAsync(pod, grace, ct) : Task.CompletedTask;
        await StopAllAsync(running.Where(pair => pair.Container.Kind != PodContainerKind.Sidecar), grace, farewell, ct);
        await StopAllAsync(running.Where(pair => pair.Container.Kind == PodContainerKind.Sidecar), grace, farewell, ct);
    }

    public Task StopAsync(PodContainer container, RuntimeContainer running, TimeSpan grace, string message, CancellationToken ct) =>
        StopAsync(container, running, grace, message, Task.CompletedTask, ct);

    private async Task StopAsync(
        PodContainer container, RuntimeContainer running, TimeSpan grace, string message, Task farewell, CancellationToken ct)
    {
        worker.Emit(container, "Normal", "Killing", message);
        DateTimeOffset deadline = worker.Now + grace;
        if (container.Spec.Lifecycle?.PreStop is { } hook && grace > TimeSpan.Zero)
            await new LifecycleHooks(worker, kubelet).RunAsync(container, running.Id, hook, grace, "PreStopHook", ct);
        await farewell;
        TimeSpan left = deadline - worker.Now;
        await kubelet.Runtime.StopContainerAsync(running.Id, grace == TimeSpan.Zero || left > LeastGrace ? left : LeastGrace, ct);
    }

    private Task StopAllAsync(
        IEnumerable<(PodContainer Container, RuntimeContainer Running)> containers, TimeSpan grace, Task farewell, CancellationToken ct) =>
        Task.WhenAll(containers.Select(pair =>
            StopAsync(pair.Container, pair.Running, grace, $"Stopping container {pair.Container.Name}", farewell, ct)));
}
