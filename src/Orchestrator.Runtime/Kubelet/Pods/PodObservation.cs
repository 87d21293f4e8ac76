using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>What the runtime knows of one pod at one moment.</summary>
/// <param name="Sandbox">The newest; null if there is none.</param>
/// <param name="Containers">All of them, those that have ended included.</param>
internal sealed record PodObservation(PodSandbox? Sandbox, IReadOnlyList<RuntimeContainer> Containers)
{
    public static PodObservation Nothing { get; } = new(null, []);

    public RuntimeContainer? Latest(string name)
    {
        RuntimeContainer? latest = null;
        foreach (RuntimeContainer container in Containers)
        {
            if (container.Name == name && (latest is null || container.Attempt > latest.Attempt))
                latest = container;
        }
        return latest;
    }

    /// <summary>The life before the latest.</summary>
    public RuntimeContainer? Previous(string name)
    {
        RuntimeContainer? latest = Latest(name);
        RuntimeContainer? previous = null;
        foreach (RuntimeContainer container in Containers)
        {
            if (container.Name == name && container != latest && (previous is null || container.Attempt > previous.Attempt))
                previous = container;
        }
        return previous;
    }
}

/// <summary>What probes say of a running container; without probes it is started, ready and alive.</summary>
/// <param name="KillReason">Text of the event that its end is announced by, when a probe wants its end; else null.</param>
internal readonly record struct ContainerHealth(bool IsStarted, bool IsReady, string? KillReason)
{
    public static ContainerHealth Good { get; } = new(true, true, null);
}
