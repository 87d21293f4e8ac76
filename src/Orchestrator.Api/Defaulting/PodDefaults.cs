using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Defaulting;

/// <summary>Defaults of pods and of pod templates, which get fewer of them.</summary>
internal static class PodDefaults
{
    /// <summary>A pod gets what a template gets, and the defaults that would make a stored template differ from the applied one.</summary>
    public static void Apply(Pod pod)
    {
        Apply(pod.Spec);
        foreach (var container in pod.Spec.Containers.OrEmpty().Concat(pod.Spec.InitContainers.OrEmpty()))
        {
            RequestWhatIsLimited(container.Resources!);
            if (pod.Spec.HostNetwork == true)
                PublishPorts(container);
        }
        ApplyPodResources(pod.Spec);
        pod.Spec.EnableServiceLinks ??= true;
        MirrorAddresses(pod.Status);
    }

    public static void Apply(PodSpec spec)
    {
        spec.DnsPolicy = Defaults.Filled(spec.DnsPolicy, "ClusterFirst");
        spec.RestartPolicy = Defaults.Filled(spec.RestartPolicy, "Always");
        // kubectl debug reads it without asking whether it is there.
        spec.SecurityContext ??= new PodSecurityContext();
        spec.TerminationGracePeriodSeconds ??= 30;
        spec.SchedulerName = Defaults.Filled(spec.SchedulerName, "default-scheduler");
        MirrorServiceAccount(spec);
        foreach (var volume in spec.Volumes.OrEmpty())
            VolumeDefaults.Apply(volume);
        foreach (var container in spec.InitContainers.OrEmpty().Concat(spec.Containers.OrEmpty()))
            Apply(container);
        foreach (var container in spec.EphemeralContainers.OrEmpty())
            Apply(container);
    }

    /// <summary><c>serviceAccount</c> is the old name of <c>serviceAccountName</c>; whoever reads either sees the same.</summary>
    public static void MirrorServiceAccount(PodSpec spec)
    {
        if (string.IsNullOrEmpty(spec.ServiceAccountName))
            spec.ServiceAccountName = spec.ServiceAccount;
        spec.ServiceAccount = spec.ServiceAccountName;
    }

    /// <summary>The single address is the first of the list; where they differ, the single one counts, as old kubelets set only that.</summary>
    public static void MirrorAddresses(PodStatus status)
    {
        if (string.IsNullOrEmpty(status.PodIP))
            status.PodIP = status.PodIPs is { Count: > 0 } ips ? ips[0].Ip : status.PodIP;
        else if (status.PodIPs is not { Count: > 0 } || status.PodIPs[0].Ip != status.PodIP)
            status.PodIPs = [new PodIP { Ip = status.PodIP }];
        if (string.IsNullOrEmpty(status.HostIP))
            status.HostIP = status.HostIPs is { Count: > 0 } hosts ? hosts[0].Ip : status.HostIP;
        else if (status.HostIPs is not { Count: > 0 } || status.HostIPs[0].Ip != status.HostIP)
            status.HostIPs = [new HostIP { Ip = status.HostIP }];
    }

    private static void Apply(Container container)
    {
        container.ImagePullPolicy = Defaults.Filled(container.ImagePullPolicy, PullPolicyOf(container.Image));
        container.TerminationMessagePath = Defaults.Filled(container.TerminationMessagePath, "/dev/termination-log");
        container.TerminationMessagePolicy = Defaults.Filled(container.TerminationMessagePolicy, "File");
        container.Resources ??= new ResourceRequirements();
        Apply(container.Ports, container.Env);
        Apply(container.LivenessProbe, container.ReadinessProbe, container.StartupProbe);
        Apply(container.Lifecycle);
    }

    private static void Apply(EphemeralContainer container)
    {
        container.ImagePullPolicy = Defaults.Filled(container.ImagePullPolicy, PullPolicyOf(container.Image));
        container.TerminationMessagePath = Defaults.Filled(container.TerminationMessagePath, "/dev/termination-log");
        container.TerminationMessagePolicy = Defaults.Filled(container.TerminationMessagePolicy, "File");
        container.Resources ??= new ResourceRequirements();
        Apply(container.Ports, container.Env);
        Apply(container.LivenessProbe, container.ReadinessProbe, container.StartupProbe);
        Apply(container.Lifecycle);
    }

    private static void Apply(List<ContainerPort>? ports, List<EnvVar>? env)
    {
        foreach (var port in ports.OrEmpty())
            port.Protocol = Defaults.Filled(port.Protocol, "TCP");
        foreach (var variable in env.OrEmpty())
        {
            if (variable.ValueFrom?.FieldRef is { } field)
                field.ApiVersion = Defaults.Filled(field.ApiVersion, "v1");
            if (variable.ValueFrom?.ResourceFieldRef is { } resource)
                resource.Divisor ??= Quantity.FromInt64(0);
        }
    }

    private static void Apply(params ReadOnlySpan<Probe?> probes)
    {
        foreach (var probe in probes)
        {
            if (probe is null)
                continue;
            probe.TimeoutSeconds = Defaults.Filled(probe.TimeoutSeconds, 1);
            probe.PeriodSeconds = Defaults.Filled(probe.PeriodSeconds, 10);
            probe.SuccessThreshold = Defaults.Filled(probe.SuccessThreshold, 1);
            probe.FailureThreshold = Defaults.Filled(probe.FailureThreshold, 3);
            Apply(probe.HttpGet);
            if (probe.Grpc is { } grpc)
                grpc.Service ??= "";
        }
    }

    private static void Apply(Lifecycle? lifecycle)
    {
        Apply(lifecycle?.PostStart?.HttpGet);
        Apply(lifecycle?.PreStop?.HttpGet);
    }

    private static void Apply(HTTPGetAction? action)
    {
        if (action is null)
            return;
        action.Path = Defaults.Filled(action.Path, "/");
        action.Scheme = Defaults.Filled(action.Scheme, "HTTP");
    }

    private static void RequestWhatIsLimited(ResourceRequirements resources)
    {
        if (resources.Limits is not { Count: > 0 } limits)
            return;
        resources.Requests ??= [];
        foreach (var (name, limit) in limits)
            resources.Requests.TryAdd(name, limit);
    }

    // A pod on the node's own network listens on the node's ports, said or not.
    private static void PublishPorts(Container container)
    {
        foreach (var port in container.Ports.OrEmpty())
        {
            if (port.HostPort is null or 0)
                port.HostPort = port.ContainerPortValue;
        }
    }

    // A pod's own limits, where its own requests are open: what the containers request together, else the limit.
    private static void ApplyPodResources(PodSpec spec)
    {
        if (spec.Resources is not { Limits.Count: > 0 } resources)
            return;
        resources.Requests ??= [];
        foreach (string name in new[] { "cpu", "memory" })
        {
            if (resources.Requests.ContainsKey(name))
                continue;
            var asked = spec.Containers.OrEmpty().Select(container => container.Resources!.Requests.OrEmpty())
                .Where(requests => requests.ContainsKey(name)).Select(requests => requests[name]).ToList();
            if (asked.Count > 0)
                resources.Requests[name] = asked.Aggregate((sum, next) => sum + next);
        }
        foreach (var (name, limit) in resources.Limits!)
            resources.Requests.TryAdd(name, limit);
    }

    /// <summary>An image whose tag moves is asked for each time: <c>:latest</c>, said or meant.</summary>
    public static string PullPolicyOf(string? image) => TagOf(image ?? "") == "latest" ? "Always" : "IfNotPresent";

    // registry:5000/team/app:1.2@sha256:...   the tag is what follows the last colon of the last path element
    private static string TagOf(string image)
    {
        int digest = image.IndexOf('@');
        string name = digest < 0 ? image : image[..digest];
        int colon = name.LastIndexOf(':');
        if (colon > name.LastIndexOf('/'))
            return name[(colon + 1)..];
        return digest < 0 && name.Length > 0 ? "latest" : "";
    }
}
