using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>Why a container does not run though it should: what kubectl prints as its status.</summary>
internal readonly record struct WaitingReason(string Reason, string Message);

/// <summary>The end of a pod that is not its containers' doing: Evicted, DeadlineExceeded, OutOfcpu.</summary>
/// <param name="IsForNode">It goes for the node's sake: whoever made it can tell that from a failure of its own.</param>
internal readonly record struct PodVerdict(string Reason, string Message, bool IsForNode = false);

/// <summary>What the kubelet knows when it reports a pod.</summary>
internal sealed record PodReport
{
    public required Pod Pod { get; init; }
    public required PodObservation Observed { get; init; }
    public required Func<RuntimeContainer, ContainerHealth> Health { get; init; }

    /// <summary>By container.</summary>
    public required IReadOnlyDictionary<string, WaitingReason> Waiting { get; init; }

    public PodVerdict? Verdict { get; init; }
    public required DateTimeOffset StartTime { get; init; }
    public required string HostIp { get; init; }

    /// <summary>Names the runtime in container ids: <c>containerd://…</c>.</summary>
    public required string RuntimeName { get; init; }

    /// <summary>Nothing of it runs any more and nothing will: it has been stopped on purpose.</summary>
    public bool IsStopped { get; init; }
}

/// <summary>Turns what the kubelet knows of a pod into the status that the API shows: a pure function.</summary>
internal static class PodStatusBuilder
{
    public static PodStatus Build(PodReport report, DateTimeOffset now)
    {
        Pod pod = report.Pod;
        var status = new PodStatus
        {
            StartTime = report.StartTime,
            ObservedGeneration = pod.Metadata.Generation,
            HostIP = report.HostIp,
            HostIPs = [new HostIP { Ip = report.HostIp }],
            InitContainerStatuses = Containers(report, PodContainer.InitOf(pod)),
            ContainerStatuses = Containers(report, PodContainer.RegularOf(pod)),
            EphemeralContainerStatuses = Containers(report, PodContainer.EphemeralOf(pod)),
        };
        AddAddresses(report, status);
        status.Phase = report.Verdict is null ? Phase(report, status) : "Failed";
        status.Reason = report.Verdict?.Reason;
        status.Message = report.Verdict?.Message;
        if (pod.Status.Phase is "Failed" or "Succeeded")
            status.Phase = pod.Status.Phase; // An end is an end.
        status.Conditions = Conditions(report, status, now);
        return status;
    }

    private static void AddAddresses(PodReport report, PodStatus status)
    {
        string ip = report.Pod.Spec.HostNetwork == true ? report.HostIp : report.Observed.Sandbox?.Ip ?? "";
        if (report.Observed.Sandbox is null || ip.Length == 0)
            return;
        status.PodIP = ip;
        status.PodIPs = [new PodIP { Ip = ip }];
    }

    private static List<ContainerStatus>? Containers(PodReport report, IEnumerable<PodContainer> containers)
    {
        List<ContainerStatus> statuses = [.. containers.Select(container => One(report, container))];
        return statuses.Count == 0 ? null : statuses;
    }

    private static ContainerStatus One(PodReport report, PodContainer container)
    {
        RuntimeContainer? latest = report.Observed.Latest(container.Name);
        RuntimeContainer? previous = report.Observed.Previous(container.Name);
        ContainerStatus? known = Known(report.Pod, container);
        var status = new ContainerStatus
        {
            Name = container.Name,
            Image = latest?.Image ?? container.Spec.Image,
            ImageID = latest?.ImageRef ?? "",
            ContainerID = latest is null ? null : Id(report, latest),
            RestartCount = latest?.Attempt ?? known?.RestartCount ?? 0,
            State = latest is null ? null : State(report, latest),
            LastState = previous is { State: RuntimeContainerState.Exited } ? State(report, previous) : known?.LastState,
            Resources = container.Spec.Resources is { } resources && (resources.Requests ?? resources.Limits) is not null
                ? resources.DeepClone()
                : null,
            AllocatedResources = container.Spec.Resources?.Requests is { } requests ? new Dictionary<string, Quantity>(requests) : null,
        };
        status.State ??= LostOrWaiting(report, container, known);
        AddWaiting(report, container, latest, status);
        AddHealth(report, container, latest, status);
        return status;
    }

    private static ContainerStatus? Known(Pod pod, PodContainer container)
    {
        List<ContainerStatus>? known = container.Kind switch
        {
            PodContainerKind.Regular => pod.Status.ContainerStatuses,
            PodContainerKind.Ephemeral => pod.Status.EphemeralContainerStatuses,
            _ => pod.Status.InitContainerStatuses,
        };
        return known?.Find(status => status.Name == container.Name);
    }

    private static string Id(PodReport report, RuntimeContainer container) => $"{report.RuntimeName}://{container.Id}";

    private static ContainerState? State(PodReport report, RuntimeContainer container) => container.State switch
    {
        RuntimeContainerState.Running => new ContainerState { Running = new ContainerStateRunning { StartedAt = container.StartedAt } },
        RuntimeContainerState.Exited => new ContainerState
        {
            Terminated = new ContainerStateTerminated
            {
                ExitCode = container.ExitCode,
                Reason = container.Reason,
                Message = container.Message.Length == 0 ? null : container.Message,
                StartedAt = container.StartedAt ?? DateTimeOffset.UnixEpoch, // So kubelets show what was never started.
                FinishedAt = container.FinishedAt,
                ContainerID = Id(report, container),
            },
        },
        _ => null,
    };

    private static ContainerState LostOrWaiting(PodReport report, PodContainer container, ContainerStatus? known)
    {
        if (known?.State?.Terminated is not null && report.Observed.Latest(container.Name) is null && IsOver(report))
            return known.State;
        if (known?.State?.Running is not null && IsOver(report))
        {
            return new ContainerState
            {
                Terminated = new ContainerStateTerminated
                {
                    ExitCode = 137,
                    Reason = "ContainerStatusUnknown",
                    Message = "The container could not be located when the pod was terminated",
                },
            };
        }
        bool waitsForInit = container.Kind != PodContainerKind.Ephemeral && report.Pod.Spec.InitContainers.OrEmpty().Count > 0;
        return new ContainerState { Waiting = new ContainerStateWaiting { Reason = waitsForInit ? "PodInitializing" : "ContainerCreating" } };
    }

    private static bool IsOver(PodReport report) => report.IsStopped || report.Verdict is not null;

    /// <summary>A container that is to live again waits, and its end moves to the last state.</summary>
    private static void AddWaiting(PodReport report, PodContainer container, RuntimeContainer? latest, ContainerStatus status)
    {
        if (!report.Waiting.TryGetValue(container.Name, out WaitingReason waiting) || IsOver(report))
            return;
        if (latest is { State: RuntimeContainerState.Running } || !IsToLive(report, container, latest))
            return;
        if (status.State?.Terminated is not null)
            status.LastState = status.State;
        status.State = new ContainerState
        {
            Waiting = new ContainerStateWaiting { Reason = waiting.Reason, Message = waiting.Message.Length == 0 ? null : waiting.Message },
        };
    }

    /// <summary>Whether it is to have another life, or its first.</summary>
    private static bool IsToLive(PodReport report, PodContainer container, RuntimeContainer? latest) =>
        latest is not { State: RuntimeContainerState.Exited } || container.Kind switch
        {
            PodContainerKind.Ephemeral => false,
            PodContainerKind.Sidecar => true,
            _ => PodPlan.WantsRestart(report.Pod, latest),
        };

    private static void AddHealth(PodReport report, PodContainer container, RuntimeContainer? latest, ContainerStatus status)
    {
        if (latest is { State: RuntimeContainerState.Running } && status.State?.Running is not null)
        {
            ContainerHealth health = report.Health(latest);
            status.Started = health.IsStarted;
            status.Ready = health.IsStarted && health.IsReady && container.Kind != PodContainerKind.Init;
            return;
        }
        status.Started = false;
        status.Ready = container.Kind == PodContainerKind.Init && status.State?.Terminated is { ExitCode: 0 };
        if (container.Kind == PodContainerKind.Ephemeral)
            status.Started = null;
    }

    private static string Phase(PodReport report, PodStatus status)
    {
        Pod pod = report.Pod;
        int pending = 0;
        foreach (var (init, state) in PodContainer.InitOf(pod).Zip(status.InitContainerStatuses.OrEmpty()))
        {
            bool isDone = init.Kind == PodContainerKind.Sidecar
                ? state.Started == true || state.LastState?.Terminated is not null || state.State?.Terminated is not null
                : state.State?.Terminated is { ExitCode: 0 };
            int? failedWith = state.State?.Terminated?.ExitCode ?? (state.State?.Waiting is null ? null : state.LastState?.Terminated?.ExitCode);
            if (init.Kind == PodContainerKind.Init && failedWith is { } code and not 0 && pod.Spec.RestartPolicy == "Never")
                return "Failed";
            if (!isDone)
                pending++;
        }
        var counts = new Counts(status.ContainerStatuses.OrEmpty());
        if (report.IsStopped)
            return counts.Stopped == counts.Succeeded && counts.Waiting == 0 && pending == 0 ? "Succeeded" : "Failed";
        if (pending > 0 && counts.Running == 0 && counts.Stopped == 0 || counts.Waiting > 0)
            return "Pending";
        if (counts.Running > 0)
            return "Running";
        if (counts.Stopped == 0)
            return "Pending";
        return pod.Spec.RestartPolicy switch
        {
            "Never" => counts.Stopped == counts.Succeeded ? "Succeeded" : "Failed",
            "OnFailure" => counts.Stopped == counts.Succeeded ? "Succeeded" : "Running",
            _ => "Running",
        };
    }

    private static List<PodCondition> Conditions(PodReport report, PodStatus status, DateTimeOffset now)
    {
        bool isEnded = status.Phase is "Succeeded" or "Failed";
        var builder = new ConditionList(report.Pod, now);
        bool hasNetwork = report.Observed.Sandbox is { IsReady: true } && (status.PodIP is not null || report.Pod.Spec.HostNetwork == true);
        builder.Set("PodReadyToStartContainers", hasNetwork && !isEnded, "", "");
        AddInitialized(builder, report.Pod, status);
        (bool areReady, string reason, string message) = ContainersReady(report.Pod, status);
        builder.Set("ContainersReady", areReady, reason, message);
        AddReady(builder, report.Pod, areReady, reason, message);
        builder.SetIfAbsent("PodScheduled", true);
        if (report.Verdict is { IsForNode: true } verdict)
            builder.Set("DisruptionTarget", true, "TerminationByKubelet", verdict.Message);
        return builder.Conditions;
    }

    private static void AddInitialized(ConditionList builder, Pod pod, PodStatus status)
    {
        List<string> incomplete =
        [
            .. PodContainer.InitOf(pod).Zip(status.InitContainerStatuses.OrEmpty())
                .Where(pair => pair.First.Kind == PodContainerKind.Sidecar
                    ? pair.Second.Started != true && pair.Second.State?.Terminated is null
                    : pair.Second.State?.Terminated is not { ExitCode: 0 })
                .Select(pair => pair.First.Name),
        ];
        if (status.Phase == "Succeeded")
            builder.Set("Initialized", true, "PodCompleted", "");
        else if (incomplete.Count > 0)
            builder.Set("Initialized", false, "ContainersNotInitialized", $"containers with incomplete status: [{string.Join(' ', incomplete)}]");
        else
            builder.Set("Initialized", true, "", "");
    }

    private static (bool, string, string) ContainersReady(Pod pod, PodStatus status)
    {
        if (status.Phase == "Succeeded")
            return (false, "PodCompleted", "");
        if (status.Phase == "Failed")
            return (false, "PodFailed", "");
        IEnumerable<ContainerStatus> sidecars = PodContainer.InitOf(pod).Zip(status.InitContainerStatuses.OrEmpty())
            .Where(pair => pair.First.Kind == PodContainerKind.Sidecar).Select(pair => pair.Second);
        List<string> unready =
        [
            .. sidecars.Concat(status.ContainerStatuses.OrEmpty()).Where(container => container.Ready != true).Select(container => container.Name ?? ""),
        ];
        return unready.Count == 0
            ? (true, "", "")
            : (false, "ContainersNotReady", $"containers with unready status: [{string.Join(' ', unready)}]");
    }

    private static void AddReady(ConditionList builder, Pod pod, bool areReady, string reason, string message)
    {
        List<string> missing =
        [
            .. pod.Spec.ReadinessGates.OrEmpty().Select(gate => gate.ConditionType ?? "").Where(type => !builder.IsTrueInApi(type)),
        ];
        if (areReady && missing.Count > 0)
        {
            string text = string.Join(", ", missing.Select(type => builder.HasInApi(type)
                ? string.Create(CultureInfo.InvariantCulture, $"the status of pod readiness gate \"{type}\" is not \"True\", but False")
                : $"corresponding condition of pod readiness gate \"{type}\" does not exist."));
            builder.Set("Ready", false, "ReadinessGatesNotReady", text);
            return;
        }
        builder.Set("Ready", areReady, reason, message);
    }

    private sealed class Counts
    {
        public Counts(IEnumerable<ContainerStatus> statuses)
        {
            foreach (ContainerStatus status in statuses)
            {
                ContainerStateTerminated? ended = status.State?.Terminated ?? (status.State?.Waiting is null ? null : status.LastState?.Terminated);
                if (status.State?.Running is not null)
                    Running++;
                else if (ended is null)
                    Waiting++;
                else
                    Stopped++;
                if (status.State?.Terminated is { ExitCode: 0 })
                    Succeeded++;
            }
        }

        public int Running { get; }
        public int Waiting { get; }
        public int Stopped { get; }
        public int Succeeded { get; }
    }

    /// <summary>Keeps others' conditions, and the time of a change where nothing has changed.</summary>
    private sealed class ConditionList(Pod pod, DateTimeOffset now)
    {
        private readonly List<PodCondition> _known = pod.Status.Conditions.OrEmpty();

        public List<PodCondition> Conditions { get; } = [.. pod.Status.Conditions.OrEmpty().Select(condition => condition.DeepClone())];

        public bool HasInApi(string type) => _known.Exists(condition => condition.Type == type);

        public bool IsTrueInApi(string type) => _known.Exists(condition => condition.Type == type && condition.Status == "True");

        public void SetIfAbsent(string type, bool value)
        {
            if (!Conditions.Exists(condition => condition.Type == type))
                Set(type, value, "", "");
        }

        public void Set(string type, bool value, string reason, string message)
        {
            string status = value ? "True" : "False";
            int index = Conditions.FindIndex(condition => condition.Type == type);
            DateTimeOffset? since = index >= 0 && Conditions[index].Status == status ? Conditions[index].LastTransitionTime : now;
            var condition = new PodCondition
            {
                Type = type,
                Status = status,
                Reason = reason.Length == 0 ? null : reason,
                Message = message.Length == 0 ? null : message,
                LastTransitionTime = since,
                ObservedGeneration = pod.Metadata.Generation,
            };
            if (index >= 0)
                Conditions[index] = condition;
            else
                Conditions.Add(condition);
        }
    }
}
