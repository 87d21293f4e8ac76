using System.Globalization;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Validation;

/// <summary>Containers of all three sorts.</summary>
/// <param name="spec">The pod that they are of.</param>
/// <param name="volumes">Its volumes that are sound.</param>
internal sealed class ContainerRules(PodSpec spec, Dictionary<string, Volume> volumes)
{
    private static readonly string[] _protocols = ["SCTP", "TCP", "UDP"];

    private readonly string[] _claimNames =
        [.. spec.ResourceClaims.OrEmpty().Select(claim => claim.Name ?? "").Where(name => name.Length > 0)];

    private bool UsesHostUsers => spec.HostUsers ?? true;

    public void CheckContainers(Field field)
    {
        if (spec.Containers is not { Count: > 0 } containers)
        {
            field.Required();
            return;
        }
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, container) in containers.Index())
        {
            var place = field[index];
            CheckCommon(place, container);
            if (!names.Add(container.Name ?? ""))
                place["name"].Duplicate(container.Name ?? "");
            CheckProbes(place, container);
            if (container.RestartPolicy is not null)
                place["restartPolicy"].Forbidden("may not be set for non-init containers");
        }
        CheckHostPorts(field, containers);
    }

    public void CheckInitContainers(Field field)
    {
        var names = spec.Containers.OrEmpty().Select(container => container.Name ?? "").ToHashSet();
        foreach (var (index, container) in spec.InitContainers.OrEmpty().Index())
        {
            var place = field[index];
            CheckCommon(place, container);
            place["restartPolicy"].OneOfOrAbsent(container.RestartPolicy, "Always");
            if (!names.Add(container.Name ?? "") && !string.IsNullOrEmpty(container.Name))
                place["name"].Duplicate(container.Name);
            CheckHostPorts(field, [container]);
            if (container.RestartPolicy == "Always")
                CheckProbes(place, container);
            else
                CheckNoProbes(place, container);
        }
    }

    public void CheckEphemeralContainers(Field field)
    {
        var others = spec.Containers.OrEmpty().Concat(spec.InitContainers.OrEmpty())
            .Select(container => container.Name ?? "").ToHashSet();
        var names = new HashSet<string>(others);
        foreach (var (index, ephemeral) in spec.EphemeralContainers.OrEmpty().Index())
        {
            var place = field[index];
            var container = AsContainer(ephemeral);
            CheckCommon(place, container);
            CheckImageOfPod(place["image"], container.Image);
            if (!names.Add(ephemeral.Name ?? ""))
                place["name"].Duplicate(ephemeral.Name ?? "");
            if (!string.IsNullOrEmpty(ephemeral.TargetContainerName) && !others.Contains(ephemeral.TargetContainerName))
                place["targetContainerName"].NotFound(ephemeral.TargetContainerName);
            CheckOnlyDebugging(place, ephemeral);
        }
    }

    /// <summary>Said of a pod's own containers, but not of a template's, which were never asked for it.</summary>
    public static void CheckImageOfPod(Field field, string? image)
    {
        if (image is not null && image.Trim().Length != image.Length)
            field.Invalid(image, "must not have leading or trailing whitespace");
    }

    /// <summary>An ephemeral container with the fields that all containers have; parts are shared, not copied.</summary>
    public static Container AsContainer(EphemeralContainer ephemeral) => new()
    {
        Name = ephemeral.Name,
        Image = ephemeral.Image,
        Command = ephemeral.Command,
        Args = ephemeral.Args,
        WorkingDir = ephemeral.WorkingDir,
        Ports = ephemeral.Ports,
        Env = ephemeral.Env,
        EnvFrom = ephemeral.EnvFrom,
        Resources = ephemeral.Resources,
        ResizePolicy = ephemeral.ResizePolicy,
        VolumeMounts = ephemeral.VolumeMounts,
        VolumeDevices = ephemeral.VolumeDevices,
        TerminationMessagePath = ephemeral.TerminationMessagePath,
        TerminationMessagePolicy = ephemeral.TerminationMessagePolicy,
        ImagePullPolicy = ephemeral.ImagePullPolicy,
        SecurityContext = ephemeral.SecurityContext,
        Stdin = ephemeral.Stdin,
        StdinOnce = ephemeral.StdinOnce,
        Tty = ephemeral.Tty,
    };

    private void CheckCommon(Field field, Container container)
    {
        field["name"].Named(container.Name, NameRules.DnsLabel);
        field["image"].Filled(container.Image);
        field["terminationMessagePolicy"].OneOf(container.TerminationMessagePolicy, "FallbackToLogsOnError", "File");
        CheckPorts(field["ports"], container.Ports);
        EnvironmentRules.Check(field["env"], container.Env);
        EnvironmentRules.CheckFrom(field["envFrom"], container.EnvFrom);
        CheckMounts(field["volumeMounts"], container);
        CheckDevices(field["volumeDevices"], container);
        field["imagePullPolicy"].OneOf(container.ImagePullPolicy, "Always", "IfNotPresent", "Never");
        ResourceRules.Check(field["resources"], container.Resources, _claimNames);
        CheckResizePolicy(field["resizePolicy"], container.ResizePolicy);
        SecurityContextRules.Check(field["securityContext"], container.SecurityContext, UsesHostUsers);
    }

    private static void CheckPorts(Field field, List<ContainerPort>? ports)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, port) in ports.OrEmpty().Index())
        {
            var place = field[index];
            if (!string.IsNullOrEmpty(port.Name))
            {
                var faults = NameRules.PortName(port.Name);
                place["name"].Invalid(port.Name, faults);
                if (faults.Count == 0 && !names.Add(port.Name))
                    place["name"].Duplicate(port.Name);
            }
            if (port.ContainerPortValue is null or 0)
                place["containerPort"].Required();
            else
                place["containerPort"].PortNumber(port.ContainerPortValue);
            if (port.HostPort is not (null or 0))
                place["hostPort"].PortNumber(port.HostPort);
            place["protocol"].OneOf(port.Protocol, _protocols);
        }
    }

    private void CheckMounts(Field field, Container container)
    {
        var paths = new HashSet<string>(StringComparer.Ordinal);
        var devices = container.VolumeDevices.OrEmpty();
        foreach (var (index, mount) in container.VolumeMounts.OrEmpty().Index())
        {
            var place = field[index];
            string name = mount.Name ?? "";
            string path = mount.MountPath ?? "";
            place["name"].Filled(name);
            if (!volumes.TryGetValue(name, out var volume))
                place["name"].NotFound(name);
            place["mountPath"].Filled(path);
            if (!paths.Add(path))
                place["mountPath"].Invalid(path, "must be unique");
            if (devices.Exists(device => device.Name == mount.Name))
                place["name"].Invalid(name, "must not already exist in volumeDevices");
            if (devices.Exists(device => device.DevicePath == mount.MountPath))
                place["mountPath"].Invalid(path, "must not already exist as a path in volumeDevices");
            CheckSubPaths(field, place, mount, volume);
            CheckPropagation(field["mountPropagation"], mount.MountPropagation, container);
            CheckRecursiveReadOnly(field["recursiveReadOnly"], mount);
        }
    }

    // Kubernetes reports these faults at the list, not at the mount; clients see it so.
    private static void CheckSubPaths(Field field, Field place, VolumeMount mount, Volume? volume)
    {
        if (volume?.Image is not null && !string.IsNullOrEmpty(mount.SubPath))
            place["subPath"].Invalid(mount.SubPath, "not allowed in image volume sources");
        if (!string.IsNullOrEmpty(mount.SubPath))
            VolumeRules.CheckDescending(field["subPath"], mount.SubPath);
        if (string.IsNullOrEmpty(mount.SubPathExpr))
            return;
        if (!string.IsNullOrEmpty(mount.SubPath))
            place["subPathExpr"].Invalid(mount.SubPathExpr, "subPathExpr and subPath are mutually exclusive");
        VolumeRules.CheckDescending(field["subPathExpr"], mount.SubPathExpr);
    }

    private static void CheckPropagation(Field field, string? propagation, Container container)
    {
        field.OneOfOrAbsent(propagation, "Bidirectional", "HostToContainer", "None");
        if (propagation == "Bidirectional" && container.SecurityContext?.Privileged != true)
            field.Forbidden("Bidirectional mount propagation is available only to privileged containers");
    }

    private static void CheckRecursiveReadOnly(Field field, VolumeMount mount)
    {
        field.OneOfOrAbsent(mount.RecursiveReadOnly, "Disabled", "Enabled", "IfPossible");
        if (mount.RecursiveReadOnly is not ("Enabled" or "IfPossible"))
            return;
        if (mount.ReadOnly != true)
            field.Forbidden("may only be specified when readOnly is true");
        if (mount.MountPropagation is not (null or "None"))
            field.Forbidden("may only be specified when mountPropagation is None or not specified");
    }

    private void CheckDevices(Field field, Container container)
    {
        var paths = new HashSet<string>(StringComparer.Ordinal);
        var names = new HashSet<string>(StringComparer.Ordinal);
        var mounts = container.VolumeMounts.OrEmpty();
        foreach (var (index, device) in container.VolumeDevices.OrEmpty().Index())
        {
            var place = field[index];
            string name = device.Name ?? "";
            string path = device.DevicePath ?? "";
            place["name"].Filled(name);
            if (!names.Add(name))
                place["name"].Invalid(name, "must be unique");
            if (!volumes.TryGetValue(name, out var volume))
                place["name"].NotFound(name);
            else if (volume.PersistentVolumeClaim is null && volume.Ephemeral is null)
                place["name"].Invalid(name, "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode");
            place["devicePath"].Filled(path);
            if (!paths.Add(path))
                place["devicePath"].Invalid(path, "must be unique");
            if (path.Split('/').Contains(".."))
                place["devicePath"].Invalid(path, "can not contain backsteps ('..')");
            if (mounts.Exists(mount => mount.Name == device.Name))
                place["name"].Invalid(name, "must not already exist in volumeMounts");
            if (mounts.Exists(mount => mount.MountPath == device.DevicePath))
                place["devicePath"].Invalid(path, "must not already exist as a path in volumeMounts");
        }
    }

    private void CheckResizePolicy(Field field, List<ContainerResizePolicy>? policies)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, policy) in policies.OrEmpty().Index())
        {
            if (!names.Add(policy.ResourceName ?? ""))
                field[index].Duplicate(policy.ResourceName ?? "");
            field.OneOf(policy.ResourceName, "cpu", "memory");
            field.OneOf(policy.RestartPolicy, "NotRequired", "RestartContainer");
            if (spec.RestartPolicy == "Never" && policy.RestartPolicy != "NotRequired")
                field.Invalid(policy.RestartPolicy ?? "", "must be 'NotRequired' when `restartPolicy` is 'Never'");
        }
    }

    private void CheckProbes(Field field, Container container)
    {
        if (container.Lifecycle is { } lifecycle)
            CheckLifecycle(field["lifecycle"], lifecycle);
        if (container.LivenessProbe is { } liveness)
        {
            CheckProbe(field["livenessProbe"], liveness);
            CheckSucceedsAtOnce(field["livenessProbe"], liveness);
        }
        if (container.ReadinessProbe is { } readiness)
        {
            CheckProbe(field["readinessProbe"], readiness);
            if (readiness.TerminationGracePeriodSeconds is { } seconds)
                field["readinessProbe"]["terminationGracePeriodSeconds"].Invalid(seconds, "must not be set for readinessProbes");
        }
        if (container.StartupProbe is { } startup)
        {
            CheckProbe(field["startupProbe"], startup);
            CheckSucceedsAtOnce(field["startupProbe"], startup);
        }
    }

    private static void CheckNoProbes(Field field, Container container)
    {
        foreach (var (part, name) in new (object?, string)[]
            {
                (container.Lifecycle, "lifecycle"), (container.LivenessProbe, "livenessProbe"),
                (container.ReadinessProbe, "readinessProbe"), (container.StartupProbe, "startupProbe"),
            })
        {
            if (part is not null)
                field[name].Forbidden("may not be set for init containers without restartPolicy=Always");
        }
    }

    private static void CheckSucceedsAtOnce(Field field, Probe probe)
    {
        if (probe.SuccessThreshold != 1)
            field["successThreshold"].Invalid(probe.SuccessThreshold ?? 0, "must be 1");
    }

    private void CheckProbe(Field field, Probe probe)
    {
        CheckHandler(field, probe.Exec, probe.HttpGet, probe.TcpSocket, probe.Grpc, null);
        field["initialDelaySeconds"].NotNegative(probe.InitialDelaySeconds);
        field["timeoutSeconds"].NotNegative(probe.TimeoutSeconds);
        field["periodSeconds"].NotNegative(probe.PeriodSeconds);
        field["successThreshold"].NotNegative(probe.SuccessThreshold);
        field["failureThreshold"].NotNegative(probe.FailureThreshold);
        if (probe.TerminationGracePeriodSeconds <= 0)
            field["terminationGracePeriodSeconds"].Invalid(probe.TerminationGracePeriodSeconds, "must be greater than 0");
    }

    private void CheckLifecycle(Field field, Lifecycle lifecycle)
    {
        if (lifecycle.PostStart is { } start)
            CheckHandler(field["postStart"], start.Exec, start.HttpGet, start.TcpSocket, null, start.Sleep);
        if (lifecycle.PreStop is { } stop)
            CheckHandler(field["preStop"], stop.Exec, stop.HttpGet, stop.TcpSocket, null, stop.Sleep);
    }

    private void CheckHandler(
        Field field, ExecAction? exec, HTTPGetAction? http, TCPSocketAction? tcp, GRPCAction? grpc, SleepAction? sleep)
    {
        int count = 0;
        bool IsFirst(object? action, string name)
        {
            if (action is null)
                return false;
            if (count++ > 0)
                field[name].Forbidden("may not specify more than 1 handler type");
            return count == 1;
        }

        if (IsFirst(exec, "exec") && exec!.Command is not { Count: > 0 })
            field["exec"]["command"].Required();
        if (IsFirst(http, "httpGet"))
            CheckHttp(field["httpGet"], http!);
        if (IsFirst(tcp, "tcpSocket"))
            field["tcpSocket"]["port"].Port(tcp!.Port);
        if (IsFirst(grpc, "grpc"))
            field["grpc"]["port"].PortNumber(grpc!.Port);
        if (IsFirst(sleep, "sleep"))
            CheckSleep(field["sleep"], sleep!);
        if (count == 0)
            field.Required("must specify a handler type");
    }

    private static void CheckHttp(Field field, HTTPGetAction action)
    {
        field["path"].Filled(action.Path);
        field["port"].Port(action.Port);
        if (action.Scheme is not ("HTTP" or "HTTPS"))
            field["scheme"].NotSupported(action.Scheme ?? "", "HTTP", "HTTPS");
        foreach (var header in action.HttpHeaders.OrEmpty())
            field["httpHeaders"].Invalid(header.Name ?? "", NameRules.HeaderName(header.Name ?? ""));
    }

    private void CheckSleep(Field field, SleepAction sleep)
    {
        long seconds = sleep.Seconds ?? 0;
        if (spec.TerminationGracePeriodSeconds is { } grace && (seconds < 0 || seconds > grace))
            field.Invalid(seconds, string.Create(CultureInfo.InvariantCulture,
                $"must be non-negative and less than terminationGracePeriodSeconds ({grace})"));
    }

    private static void CheckHostPorts(Field field, List<Container> containers)
    {
        var used = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (container, ports) in containers.Select(container => container.Ports.OrEmpty()).Index())
        {
            foreach (var (index, port) in ports.Index())
            {
                string key = string.Create(CultureInfo.InvariantCulture, $"{port.Protocol}/{port.HostIP}/{port.HostPort}");
                if (port.HostPort is not (null or 0) && !used.Add(key))
                    field[container]["ports"][index]["hostPort"].Duplicate(key);
            }
        }
    }

    // What makes a container a part of the service is not for one that only looks into it.
    private static void CheckOnlyDebugging(Field field, EphemeralContainer container)
    {
        const string text = "cannot be set for an Ephemeral Container";
        if (container.Ports is { Count: > 0 })
            field["ports"].Forbidden(text);
        if (container.Resources is { IsEmpty: false })
            field["resources"].Forbidden(text);
        foreach (var (part, name) in new (object?, string)[]
            {
                (container.LivenessProbe, "livenessProbe"), (container.ReadinessProbe, "readinessProbe"),
                (container.StartupProbe, "startupProbe"), (container.Lifecycle, "lifecycle"),
                (container.RestartPolicy, "restartPolicy"), (container.ResizePolicy, "resizePolicy"),
            })
        {
            if (part is not null)
                field[name].Forbidden(text);
        }
        foreach (var (index, mount) in container.VolumeMounts.OrEmpty().Index())
        {
            if (!string.IsNullOrEmpty(mount.SubPath))
                field["volumeMounts"][index]["subPath"].Forbidden(text);
            if (!string.IsNullOrEmpty(mount.SubPathExpr))
                field["volumeMounts"][index]["subPathExpr"].Forbidden(text);
        }
    }
}
