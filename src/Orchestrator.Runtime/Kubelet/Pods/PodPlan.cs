using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <param name="Container">What is to be started.</param>
/// <param name="Attempt">How often it was started before.</param>
/// <param name="Last">Its last life, which back-off counts from.</param>
internal sealed record ContainerStart(PodContainer Container, int Attempt, RuntimeContainer? Last);

internal sealed record ContainerKill(PodContainer Container, RuntimeContainer Running, string Message);

/// <summary>What has to be done now for a pod that is wanted: a pure function of what is wanted and what is there.</summary>
/// <param name="IsFinished">Its containers have ended for good: nothing of it will run again.</param>
internal sealed record PodPlan(bool NeedsSandbox, IReadOnlyList<ContainerKill> Kills, IReadOnlyList<ContainerStart> Starts, bool IsFinished)
{
    /// <summary>Whether carrying it out asks anything of the runtime.</summary>
    public bool HasWork => NeedsSandbox || Kills.Count > 0 || Starts.Count > 0;

    public static PodPlan Compute(Pod pod, PodObservation observed, Func<RuntimeContainer, ContainerHealth> health)
    {
        var plan = new Builder(pod, observed, health);
        plan.Decide();
        return new PodPlan(plan.NeedsSandbox, plan.Kills, plan.Starts, plan.IsFinished);
    }

    /// <summary>Whether the policy wants another life after this one.</summary>
    public static bool WantsRestart(Pod pod, RuntimeContainer ended) => pod.Spec.RestartPolicy switch
    {
        "Never" => false,
        "OnFailure" => ended.ExitCode != 0,
        _ => true,
    };

    private sealed class Builder(Pod pod, PodObservation observed, Func<RuntimeContainer, ContainerHealth> health)
    {
        public bool NeedsSandbox { get; private set; }
        public List<ContainerKill> Kills { get; } = [];
        public List<ContainerStart> Starts { get; } = [];
        public bool IsFinished { get; private set; }

        public void Decide()
        {
            bool hasSandbox = observed.Sandbox is { IsReady: true };
            if (HasFailedInit() || AllRegularHaveEnded())
            {
                IsFinished = true;
                KillTheRest();
                return;
            }
            if (!hasSandbox && pod.Spec.RestartPolicy == "Never" && (observed.Containers.Count > 0 || HasLostContainers()))
            {
                IsFinished = true; // Its surroundings are lost, and it does not want new ones.
                return;
            }
            NeedsSandbox = !hasSandbox;
            bool isInitialized = DecideInit();
            if (isInitialized)
                DecideRegular();
            DecideEphemeral(isInitialized);
        }

        private bool HasFailedInit() => pod.Spec.RestartPolicy == "Never" && PodContainer.InitOf(pod).Any(init =>
            init.Kind == PodContainerKind.Init && Ended(init) is { ExitCode: not 0 });

        /// <summary>The API shows a container that ran, the runtime knows of none: the node has been started anew.</summary>
        private bool HasLostContainers() =>
            pod.Status.ContainerStatuses.OrEmpty().Exists(status => status.ContainerID is { Length: > 0 });

        private bool AllRegularHaveEnded()
        {
            bool any = false;
            foreach (PodContainer container in PodContainer.RegularOf(pod))
            {
                any = true;
                if (Ended(container) is not { } ended || WantsRestart(pod, ended))
                    return false;
            }
            return any;
        }

        private void KillTheRest()
        {
            foreach (PodContainer container in PodContainer.Of(pod))
            {
                if (Running(container) is { } running)
                    Kills.Add(new ContainerKill(container, running, $"Stopping container {container.Name}"));
            }
        }

        /// <returns>Whether the regular containers may run.</returns>
        private bool DecideInit()
        {
            foreach (PodContainer init in PodContainer.InitOf(pod))
            {
                bool goesOn = init.Kind == PodContainerKind.Sidecar ? DecideSidecar(init) : DecideInit(init);
                if (!goesOn)
                    return false;
            }
            return true;
        }

        private bool DecideSidecar(PodContainer sidecar)
        {
            if (Running(sidecar) is { } running)
                return !KillIfUnwanted(sidecar, running) && health(running).IsStarted;
            bool ranBefore = observed.Latest(sidecar.Name) is { StartedAt: not null };
            Start(sidecar);
            return ranBefore; // One that has come up before does not hold the others up when it comes up again.
        }

        private bool DecideInit(PodContainer init)
        {
            if (Running(init) is { } running)
            {
                KillIfUnwanted(init, running);
                return false;
            }
            if (Ended(init) is { ExitCode: 0 })
                return true;
            Start(init);
            return false;
        }

        private void DecideRegular()
        {
            foreach (PodContainer container in PodContainer.RegularOf(pod))
            {
                if (Running(container) is { } running)
                {
                    if (KillIfUnwanted(container, running))
                        StartAfterKill(container, running);
                }
                else if (Ended(container) is not { } ended || WantsRestart(pod, ended))
                {
                    Start(container);
                }
            }
        }

        /// <summary>They start once and never again.</summary>
        private void DecideEphemeral(bool isInitialized)
        {
            if (!isInitialized)
                return;
            foreach (PodContainer container in PodContainer.EphemeralOf(pod))
            {
                if (observed.Latest(container.Name) is null)
                    Start(container);
            }
        }

        private bool KillIfUnwanted(PodContainer container, RuntimeContainer running)
        {
            string? reason = running.Hash != container.Hash
                ? $"Container {container.Name} definition changed, will be restarted"
                : health(running).KillReason;
            if (reason is null)
                return false;
            Kills.Add(new ContainerKill(container, running, reason));
            return true;
        }

        private void StartAfterKill(PodContainer container, RuntimeContainer running)
        {
            // A changed definition starts anew whatever the policy; what a probe ended obeys it.
            if (running.Hash != container.Hash || pod.Spec.RestartPolicy != "Never")
                Starts.Add(new ContainerStart(container, running.Attempt + 1, running));
        }

        private void Start(PodContainer container)
        {
            RuntimeContainer? last = observed.Latest(container.Name);
            Starts.Add(new ContainerStart(container, last is null ? FirstAttempt(container) : last.Attempt + 1, last));
        }

        /// <summary>A runtime that has lost its containers does not make their restarts undone.</summary>
        private int FirstAttempt(PodContainer container)
        {
            ContainerStatus? known = pod.Status.ContainerStatuses.OrEmpty().Concat(pod.Status.InitContainerStatuses.OrEmpty())
                .FirstOrDefault(status => status.Name == container.Name);
            bool hadOne = known?.ContainerID is { Length: > 0 } || known?.LastState?.Terminated is not null;
            // Of one that was lost a while ago, the status has no more than its count.
            return hadOne ? (known!.RestartCount ?? 0) + 1 : known?.RestartCount ?? 0;
        }

        private RuntimeContainer? Running(PodContainer container) =>
            observed.Latest(container.Name) is { State: RuntimeContainerState.Running } running ? running : null;

        private RuntimeContainer? Ended(PodContainer container) =>
            observed.Latest(container.Name) is { State: RuntimeContainerState.Exited } ended ? ended : null;
    }
}
