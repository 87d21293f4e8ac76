using V1 = Orchestrator.Cri.V1;

namespace Orchestrator.Runtime.Kubelet.Cri.Grpc;

/// <summary>The kubelet's words in the interface's messages.</summary>
internal static class CriMessages
{
    public static V1.PodSandboxConfig ToMessage(PodSandboxConfig config)
    {
        var message = new V1.PodSandboxConfig
        {
            Metadata = new V1.PodSandboxMetadata
            {
                Name = config.Name,
                Namespace = config.Namespace,
                Uid = config.Uid,
                Attempt = (uint)config.Attempt,
            },
            Hostname = config.IsHostNetwork ? "" : config.Hostname,
            LogDirectory = config.LogDirectory,
            Linux = new V1.LinuxPodSandboxConfig
            {
                CgroupParent = config.CgroupParent,
                SecurityContext = ToMessage(config.Security, Namespaces(config)),
                Sysctls = { config.Sysctls.ToDictionary() },
            },
            Labels = { config.Labels.ToDictionary() },
            Annotations = { config.Annotations.ToDictionary() },
            PortMappings = { config.PortMappings.Select(ToMessage) },
        };
        message.Labels[CriLabels.PodName] = config.Name;
        message.Labels[CriLabels.PodNamespace] = config.Namespace;
        message.Labels[CriLabels.PodUid] = config.Uid;
        if (config.Dns is { } dns)
            message.DnsConfig = new V1.DNSConfig { Servers = { dns.Servers }, Searches = { dns.Searches }, Options = { dns.Options } };
        return message;
    }

    public static V1.ContainerConfig ToMessage(ContainerConfig config, PodSandboxConfig sandbox)
    {
        var message = new V1.ContainerConfig
        {
            Metadata = new V1.ContainerMetadata { Name = config.Name, Attempt = (uint)config.Attempt },
            Image = new V1.ImageSpec { Image = config.Image, UserSpecifiedImage = config.Image },
            Command = { config.Command },
            Args = { config.Args },
            WorkingDir = config.WorkingDirectory,
            Envs = { config.Environment.Select(variable => new V1.KeyValue { Key = variable.Key, Value = variable.Value }) },
            Mounts = { config.Mounts.Select(ToMessage) },
            Devices = { config.Devices.Select(ToMessage) },
            Labels = { config.Labels.ToDictionary() },
            Annotations = { config.Annotations.ToDictionary() },
            LogPath = sandbox.LogDirectory.Length > 0 ? LogPath(config.Name, config.Attempt) : "",
            Stdin = config.HasStdin,
            StdinOnce = config.ClosesStdinOnce,
            Tty = config.HasTty,
            Linux = new V1.LinuxContainerConfig
            {
                Resources = ToMessage(config.Resources),
                SecurityContext = ToMessage(config.Security, config.Namespaces ?? Namespaces(sandbox)),
            },
        };
        message.Labels[CriLabels.PodName] = sandbox.Name;
        message.Labels[CriLabels.PodNamespace] = sandbox.Namespace;
        message.Labels[CriLabels.PodUid] = sandbox.Uid;
        message.Labels[CriLabels.ContainerName] = config.Name;
        return message;
    }

    /// <summary>A container's log file below its pod's folder.</summary>
    public static string LogPath(string name, int attempt) => FormattableString.Invariant($"{name}/{attempt}.log");

    public static V1.LinuxContainerResources ToMessage(LinuxResources resources) => new()
    {
        CpuShares = resources.CpuShares,
        CpuQuota = resources.CpuQuotaMicroseconds,
        CpuPeriod = resources.CpuPeriodMicroseconds,
        MemoryLimitInBytes = resources.MemoryLimitBytes,
        OomScoreAdj = resources.OomScoreAdjustment,
        HugepageLimits =
        {
            resources.HugePageLimits.OrderBy(limit => limit.Key, StringComparer.Ordinal)
                .Select(limit => new V1.HugepageLimit { PageSize = limit.Key, Limit = (ulong)limit.Value }),
        },
        Unified = { resources.Unified.ToDictionary() },
    };

    public static V1.AuthConfig? ToMessage(RegistryCredentials? credentials) => credentials is null ? null : new V1.AuthConfig
    {
        Username = credentials.Username,
        Password = credentials.Password,
        IdentityToken = credentials.IdentityToken,
        RegistryToken = credentials.RegistryToken,
        ServerAddress = credentials.ServerAddress,
    };

    /// <summary>A pod in the node's network is one in the node's network namespace, whichever of the two says so.</summary>
    private static PodNamespaces Namespaces(PodSandboxConfig config) =>
        config.IsHostNetwork ? config.Namespaces with { Network = NamespaceSharing.Node } : config.Namespaces;

    private static V1.PortMapping ToMessage(PortMapping mapping) => new()
    {
        Protocol = mapping.Protocol switch { "UDP" => V1.Protocol.Udp, "SCTP" => V1.Protocol.Sctp, _ => V1.Protocol.Tcp },
        ContainerPort = mapping.ContainerPort,
        HostPort = mapping.HostPort,
        HostIp = mapping.HostIp,
    };

    private static V1.Mount ToMessage(ContainerMount mount) => new()
    {
        HostPath = mount.HostPath,
        ContainerPath = mount.ContainerPath,
        Readonly = mount.IsReadOnly,
        RecursiveReadOnly = mount.IsRecursivelyReadOnly,
        Propagation = mount.Propagation switch
        {
            MountPropagation.HostToContainer => V1.MountPropagation.PropagationHostToContainer,
            MountPropagation.Bidirectional => V1.MountPropagation.PropagationBidirectional,
            _ => V1.MountPropagation.PropagationPrivate,
        },
    };

    private static V1.Device ToMessage(ContainerDevice device) =>
        new() { HostPath = device.HostPath, ContainerPath = device.ContainerPath, Permissions = device.Permissions };

    private static V1.NamespaceOption ToMessage(PodNamespaces namespaces) => new()
    {
        Network = ToMessage(namespaces.Network),
        Pid = ToMessage(namespaces.Pid),
        Ipc = ToMessage(namespaces.Ipc),
        TargetId = namespaces.TargetContainerId,
    };

    private static V1.NamespaceMode ToMessage(NamespaceSharing sharing) => sharing switch
    {
        NamespaceSharing.Container => V1.NamespaceMode.Container,
        NamespaceSharing.Node => V1.NamespaceMode.Node,
        NamespaceSharing.Target => V1.NamespaceMode.Target,
        _ => V1.NamespaceMode.Pod,
    };

    private static V1.LinuxSandboxSecurityContext ToMessage(SandboxSecurity security, PodNamespaces namespaces) => new()
    {
        NamespaceOptions = ToMessage(namespaces),
        RunAsUser = Wrap(security.RunAsUser),
        RunAsGroup = Wrap(security.RunAsGroup),
        SupplementalGroups = { security.SupplementalGroups },
        Privileged = security.IsPrivileged,
        Seccomp = ToMessage(security.Seccomp),
        Apparmor = ToMessage(security.AppArmor),
        SelinuxOptions = ToMessage(security.SeLinux),
    };

    private static V1.LinuxContainerSecurityContext ToMessage(ContainerSecurity security, PodNamespaces namespaces) => new()
    {
        NamespaceOptions = ToMessage(namespaces),
        Capabilities = new V1.Capability
        {
            AddCapabilities = { security.AddedCapabilities },
            DropCapabilities = { security.DroppedCapabilities },
        },
        Privileged = security.IsPrivileged,
        RunAsUser = Wrap(security.RunAsUser),
        RunAsGroup = Wrap(security.RunAsGroup),
        RunAsUsername = security.RunAsUserName,
        SupplementalGroups = { security.SupplementalGroups },
        SupplementalGroupsPolicy = security.HasStrictGroups ? V1.SupplementalGroupsPolicy.Strict : V1.SupplementalGroupsPolicy.Merge,
        ReadonlyRootfs = security.HasReadOnlyRoot,
        NoNewPrivs = security.NoNewPrivileges,
        MaskedPaths = { security.MaskedPaths },
        ReadonlyPaths = { security.ReadOnlyPaths },
        Seccomp = ToMessage(security.Seccomp),
        Apparmor = ToMessage(security.AppArmor),
        SelinuxOptions = ToMessage(security.SeLinux),
    };

    private static V1.SecurityProfile? ToMessage(SecurityProfile? profile) => profile is null ? null : new V1.SecurityProfile
    {
        ProfileType = profile.Kind switch
        {
            SecurityProfileKind.Unconfined => V1.SecurityProfile.Types.ProfileType.Unconfined,
            SecurityProfileKind.Localhost => V1.SecurityProfile.Types.ProfileType.Localhost,
            _ => V1.SecurityProfile.Types.ProfileType.RuntimeDefault,
        },
        LocalhostRef = profile.LocalhostReference,
    };

    private static V1.SELinuxOption? ToMessage(SeLinuxOptions? options) => options is null ? null : new V1.SELinuxOption
    {
        User = options.User,
        Role = options.Role,
        Type = options.Type,
        Level = options.Level,
    };

    private static V1.Int64Value? Wrap(long? value) => value is { } number ? new V1.Int64Value { Value = number } : null;
}
