using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Tests.Simulation;

/// <summary>Every node's kubelet at once: pods with a node start, become ready, finish if they are to, and end when deleted.</summary>
public sealed class FakeKubelets(VirtualWorld world, FakeApiServer server)
{
    private int _address;

    /// <summary>Whether a node's kubelet does nothing.</summary>
    public Func<string, bool> IsDown { get; init; } = _ => false;

    /// <summary>How often a pod that ends by itself fails.</summary>
    public double FailureChance { get; set; }

    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(300 + world.Random.Next(500)), world.Time, cancellation);
            foreach (var pod in server.All<Pod>())
                Look(pod);
        }
    }

    private void Look(Pod pod)
    {
        if (string.IsNullOrEmpty(pod.Spec.NodeName) || IsDown(pod.Spec.NodeName))
            return;
        if (pod.IsBeingDeleted)
        {
            // What is told to end in the middle of its work has not done it.
            if (pod.Status.Phase == "Running")
                server.Put(Finished(pod, hasFailed: pod.Spec.RestartPolicy != "Always"));
            server.EndGrace<Pod>(pod.Namespace, pod.Name);
            return;
        }
        if (pod.Status.Phase == "Pending")
            server.Put(Running(pod));
        else if (pod.Status.Phase == "Running" && pod.Spec.RestartPolicy != "Always")
            server.Put(Finished(pod, hasFailed: world.Random.NextDouble() < FailureChance));
        else if (pod.Status.Phase == "Running" && pod.Status.Conditions.OrEmpty().Any(one => one is { Type: "Ready", Status: not "True" }))
            server.Put(ReadyAgain(pod));
    }

    private Pod Running(Pod pod)
    {
        pod.Status.Phase = "Running";
        pod.Status.PodIP = $"10.0.{_address / 250}.{_address++ % 250 + 1}";
        pod.Status.PodIPs = [new PodIP { Ip = pod.Status.PodIP }];
        pod.Status.StartTime = world.Time.GetUtcNow();
        pod.Status.Conditions =
        [
            .. ((string[])["Initialized", "Ready", "ContainersReady", "PodScheduled"]).Select(type => new PodCondition
            {
                Type = type, Status = "True", LastTransitionTime = world.Time.GetUtcNow(),
            }),
        ];
        pod.Status.ContainerStatuses =
        [
            .. pod.Spec.Containers.OrEmpty().Select(container => new ContainerStatus
            {
                Name = container.Name,
                Ready = true,
                Started = true,
                RestartCount = 0,
                State = new ContainerState { Running = new ContainerStateRunning { StartedAt = world.Time.GetUtcNow() } },
            }),
        ];
        return pod;
    }

    // A node that was away had its pods marked; its kubelet knows better once it is back.
    private Pod ReadyAgain(Pod pod)
    {
        foreach (var condition in pod.Status.Conditions.OrEmpty().Where(one => one.Type == "Ready"))
        {
            condition.Status = "True";
            condition.LastTransitionTime = world.Time.GetUtcNow();
        }
        return pod;
    }

    private Pod Finished(Pod pod, bool hasFailed)
    {
        pod.Status.Phase = hasFailed ? "Failed" : "Succeeded";
        foreach (var status in pod.Status.ContainerStatuses.OrEmpty())
        {
            status.Ready = false;
            status.State = new ContainerState
            {
                Terminated = new ContainerStateTerminated
                {
                    ExitCode = hasFailed ? 1 : 0, Reason = hasFailed ? "Error" : "Completed", FinishedAt = world.Time.GetUtcNow(),
                },
            };
        }
        foreach (var condition in pod.Status.Conditions.OrEmpty().Where(one => one.Type is "Ready" or "ContainersReady"))
        {
            condition.Status = "False";
            condition.LastTransitionTime = world.Time.GetUtcNow();
        }
        return pod;
    }
}
