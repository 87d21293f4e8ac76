using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Strategies;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>What of a container's spec is for the kernel: its rights and its part of the node.</summary>
internal static class LinuxContainers
{
    /// <summary>The kernel's least, what a container without a request gets; and its most.</summary>
    private const long LeastShares = 2;
    private const long MostShares = 262_144;
    private const long SharesOfCore = 1024;

    internal const long PeriodMicroseconds = 100_000;

    /// <summary>The kernel takes no less.</summary>
    private const long LeastQuotaMicroseconds = 1000;

    /// <summary>The priority from which a pod is the system's own.</summary>
    private const int SystemPriority = 2_000_000_000;

    private const long GuaranteedAdjustment = -997;
    private const long BestEffortAdjustment = 1000;

    // Each tells of the whole machine, or leads to it.
    private static readonly string[] DefaultMaskedPaths =
    [
        "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
    ];

    private static readonly string[] DefaultReadOnlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    /// <param name="findContainer">The running container of a name, for ephemeral ones that look into another.</param>
    public static ContainerConfig Complete(
        ContainerConfig config, Pod pod, PodContainer container, ContainerSettings settings, Quantity nodeMemory, Func<string, string?> findContainer)
    {
        SecurityContext? security = SecurityContextOf(pod, container);
        PodNamespaces namespaces = LinuxPods.NamespacesOf(pod.Spec);
        string target = Ephemeral(pod, container)?.TargetContainerName ?? "";
        if (target.Length > 0 && namespaces.Pid == NamespaceSharing.Container && findContainer(target) is { } id)
            namespaces = namespaces with { Pid = NamespaceSharing.Target, TargetContainerId = id };
        return config with
        {
            ClosesStdinOnce = container.Spec.StdinOnce == true || Ephemeral(pod, container)?.StdinOnce == true,
            Namespaces = namespaces,
            Security = SecurityOf(pod.Spec, security, settings),
            Resources = ResourcesOf(pod.Spec, container.Spec, nodeMemory),
        };
    }

    /// <summary>Why the container may not run as the user that it would run as.</summary>
    /// <param name="findImage">Its image, asked for only when the image decides.</param>
    /// <returns>Null if it may.</returns>
    public static async Task<string?> NonRootProblemAsync(Pod pod, PodContainer container, Func<Task<RuntimeImage?>> findImage)
    {
        SecurityContext? security = SecurityContextOf(pod, container);
        if ((security?.RunAsNonRoot ?? pod.Spec.SecurityContext?.RunAsNonRoot) != true)
            return null;
        string who = $"(pod: \"{pod.Name}_{pod.Namespace}({pod.Uid})\", container: {container.Name})";
        if ((security?.RunAsUser ?? pod.Spec.SecurityContext?.RunAsUser) is { } user)
            return user == 0 ? $"container's runAsUser breaks non-root policy {who}" : null;
        RuntimeImage? image = await findImage();
        return image switch
        {
            { UserId: null, UserName.Length: > 0 } =>
                $"container has runAsNonRoot and image has non-numeric user ({image.UserName}), cannot verify user is non-root {who}",
            { UserId: > 0 } => null,
            _ => $"container has runAsNonRoot and image will run as root {who}",
        };
    }

    public static LinuxResources ResourcesOf(PodSpec pod, Container container, Quantity nodeMemory)
    {
        Quantity? cpuLimit = Amount(container.Resources?.Limits, "cpu");
        Quantity? cpuRequest = Amount(container.Resources?.Requests, "cpu") ?? cpuLimit;
        return new LinuxResources
        {
            CpuShares = SharesOf(cpuRequest?.MilliValue ?? 0),
            CpuPeriodMicroseconds = PeriodMicroseconds,
            CpuQuotaMicroseconds = QuotaOf(cpuLimit?.MilliValue ?? 0),
            MemoryLimitBytes = Amount(container.Resources?.Limits, "memory")?.Value ?? 0,
            OomScoreAdjustment = OomScoreAdjustmentOf(pod, container, nodeMemory),
            HugePageLimits = HugePagesOf(container),
        };
    }

    public static long SharesOf(long milliCores) =>
        milliCores == 0 ? LeastShares : Math.Clamp(milliCores * SharesOfCore / 1000, LeastShares, MostShares);

    /// <returns>0, no quota, where there is no limit.</returns>
    public static long QuotaOf(long milliCores) =>
        milliCores <= 0 ? 0 : Math.Max(LeastQuotaMicroseconds, milliCores * PeriodMicroseconds / 1000);

    /// <summary>
    /// Who is killed first when the node's memory is used up: a container of no promise first, one whose whole need was promised
    /// last, and between them who uses more than it asked for.
    /// </summary>
    public static long OomScoreAdjustmentOf(PodSpec pod, Container container, Quantity nodeMemory)
    {
        if (pod.Priority >= SystemPriority)
            return GuaranteedAdjustment;
        switch (QualityOfService.ClassOf(pod))
        {
            case "Guaranteed": return GuaranteedAdjustment;
            case "BestEffort": return BestEffortAdjustment;
        }
        long requested = (Amount(container.Resources?.Requests, "memory") ?? Amount(container.Resources?.Limits, "memory"))?.Value ?? 0;
        long adjustment = nodeMemory.Value <= 0 ? BestEffortAdjustment : 1000 - (long)(1000m * requested / nodeMemory.Value);
        // Never as safe as a guaranteed one, nor as unsafe as one of best effort.
        return Math.Clamp(adjustment, 1000 + GuaranteedAdjustment, BestEffortAdjustment - 1);
    }

    internal static SecurityProfile? ProfileOf(AppArmorProfile? profile) => profile?.Type switch
    {
        "RuntimeDefault" => SecurityProfile.RuntimeDefault,
        "Unconfined" => SecurityProfile.Unconfined,
        "Localhost" => new SecurityProfile(SecurityProfileKind.Localhost, profile.LocalhostProfile ?? ""),
        _ => null,
    };

    internal static SeLinuxOptions? SeLinuxOf(SELinuxOptions? options) =>
        options is null ? null : new SeLinuxOptions(options.User ?? "", options.Role ?? "", options.Type ?? "", options.Level ?? "");

    private static EphemeralContainer? Ephemeral(Pod pod, PodContainer container) =>
        container.Kind != PodContainerKind.Ephemeral ? null : pod.Spec.EphemeralContainers.OrEmpty().Find(own => own.Name == container.Name);

    private static SecurityContext? SecurityContextOf(Pod pod, PodContainer container) =>
        Ephemeral(pod, container)?.SecurityContext ?? container.Spec.SecurityContext;

    /// <summary>What the container says counts before what its pod says.</summary>
    private static ContainerSecurity SecurityOf(PodSpec pod, SecurityContext? own, ContainerSettings settings)
    {
        PodSecurityContext? shared = pod.SecurityContext;
        long? user = own?.RunAsUser ?? shared?.RunAsUser;
        bool isUnmasked = own?.ProcMount == "Unmasked";
        return new ContainerSecurity
        {
            RunAsUser = user,
            RunAsGroup = own?.RunAsGroup ?? shared?.RunAsGroup,
            SupplementalGroups = LinuxPods.GroupsOf(pod),
            HasStrictGroups = shared?.SupplementalGroupsPolicy == "Strict",
            IsPrivileged = own?.Privileged == true,
            AddedCapabilities = (own?.Capabilities?.Add).OrEmpty(),
            DroppedCapabilities = (own?.Capabilities?.Drop).OrEmpty(),
            HasReadOnlyRoot = own?.ReadOnlyRootFilesystem == true,
            NoNewPrivileges = own?.AllowPrivilegeEscalation == false,
            MaskedPaths = isUnmasked ? [] : DefaultMaskedPaths,
            ReadOnlyPaths = isUnmasked ? [] : DefaultReadOnlyPaths,
            Seccomp = SeccompOf(own?.SeccompProfile ?? shared?.SeccompProfile, settings),
            AppArmor = ProfileOf(own?.AppArmorProfile ?? shared?.AppArmorProfile),
            SeLinux = SeLinuxOf(own?.SeLinuxOptions ?? shared?.SeLinuxOptions),
        };
    }

    private static SecurityProfile SeccompOf(SeccompProfile? profile, ContainerSettings settings) => profile?.Type switch
    {
        "RuntimeDefault" => SecurityProfile.RuntimeDefault,
        "Localhost" => new SecurityProfile(SecurityProfileKind.Localhost, Path.Combine(settings.SeccompProfiles, profile.LocalhostProfile ?? "")),
        _ => SecurityProfile.Unconfined, // As everywhere, where nobody asks for more.
    };

    /// <summary>By the kernel's names: <c>hugepages-2Mi</c> is 2MB there.</summary>
    private static Dictionary<string, long> HugePagesOf(Container container)
    {
        const string Prefix = "hugepages-";
        return (container.Resources?.Limits ?? []).Where(limit => limit.Key.StartsWith(Prefix, StringComparison.Ordinal))
            .ToDictionary(limit => limit.Key[Prefix.Length..].Replace("i", "B", StringComparison.Ordinal), limit => limit.Value.Value);
    }

    private static Quantity? Amount(Dictionary<string, Quantity>? amounts, string name) =>
        amounts is not null && amounts.TryGetValue(name, out Quantity amount) ? amount : null;
}
