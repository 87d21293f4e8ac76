using Orchestrator.Api;
using Orchestrator.Api.Rbac;

namespace Orchestrator.Runtime.Security.Admission.PodSecurity;

/// <summary>What lets a pod out of its container, by known ways.</summary>
internal static class BaselineChecks
{
    private const string AppArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";

    private static readonly HashSet<string> Capabilities =
    [
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP",
        "SETUID", "SYS_CHROOT",
    ];

    private static readonly HashSet<string> SelinuxTypes = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

    private static readonly HashSet<string> SafeSysctls =
    [
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
    ];

    public static PodSecurityCheck[] All { get; } =
    [
        new("appArmorProfile", AppArmor),
        new("capabilities_baseline", AddedCapabilities),
        new("hostNamespaces", HostNamespaces),
        new("hostPathVolumes", HostPaths),
        new("hostPorts", HostPorts),
        new("privileged", Privileged),
        new("procMount", ProcMount),
        new("seLinuxOptions", SelinuxOptions),
        new("seccompProfile_baseline", Seccomp),
        new("sysctls", Sysctls),
        new("windowsHostProcess", WindowsHostProcess),
    ];

    private static Violation? AppArmor(PodUnderTest pod)
    {
        var values = new List<string>();
        bool isPodBad = IsForbidden(pod.Security?.AppArmorProfile?.Type);
        if (isPodBad)
            values.Add(pod.Security!.AppArmorProfile!.Type!);
        var containers = pod.Where(container => IsForbidden(container.Security?.AppArmorProfile?.Type));
        values.AddRange(pod.Containers.Select(container => container.Security?.AppArmorProfile?.Type).Where(IsForbidden).OfType<string>());
        var annotations = pod.Annotations
            .Where(pair => pair.Key.StartsWith(AppArmorPrefix, StringComparison.Ordinal)
                && pair.Value is not ("" or "runtime/default") && !pair.Value.StartsWith("localhost/", StringComparison.Ordinal))
            .OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={Quoted.Text(pair.Value)}").ToList();
        if (values.Count + annotations.Count == 0)
            return null;
        var details = new List<string>(annotations);
        if (Words.Setters(isPodBad, containers) is { } setters)
            details.Insert(0, $"{setters} must not set AppArmor profile type to {Words.Sorted(values)}");
        return new(Words.Plural("forbidden AppArmor profile", "forbidden AppArmor profiles", values.Count + annotations.Count), string.Join(", ", details));

        static bool IsForbidden(string? type) => type is { Length: > 0 } and not ("RuntimeDefault" or "Localhost");
    }

    private static Violation? AddedCapabilities(PodUnderTest pod)
    {
        IEnumerable<string> Added(ContainerUnderTest container) => (container.Security?.Capabilities?.Add).OrEmpty().Where(name => !Capabilities.Contains(name));
        var containers = pod.Where(container => Added(container).Any());
        return containers.Count == 0 ? null : new("non-default capabilities",
            $"{Words.Containers(containers)} must not include {Words.Sorted(pod.Containers.SelectMany(Added))} in securityContext.capabilities.add");
    }

    private static Violation? HostNamespaces(PodUnderTest pod)
    {
        string?[] shared =
        [
            pod.Spec.HostNetwork == true ? "hostNetwork=true" : null, pod.Spec.HostPID == true ? "hostPID=true" : null,
            pod.Spec.HostIPC == true ? "hostIPC=true" : null,
        ];
        string detail = string.Join(", ", shared.OfType<string>());
        return detail.Length == 0 ? null : new("host namespaces", detail);
    }

    private static Violation? HostPaths(PodUnderTest pod)
    {
        var volumes = pod.Spec.Volumes.OrEmpty().Where(volume => volume.HostPath is not null).Select(volume => Quoted.Text(volume.Name)).ToList();
        return volumes.Count == 0 ? null : new("hostPath volumes", $"{Words.Plural("volume", "volumes", volumes.Count)} {string.Join(", ", volumes)}");
    }

    private static Violation? HostPorts(PodUnderTest pod)
    {
        var containers = pod.Where(container => container.Ports.Any(port => port.HostPort is > 0));
        if (containers.Count == 0)
            return null;
        var ports = pod.Containers.SelectMany(container => container.Ports).Select(port => port.HostPort ?? 0).Where(port => port > 0)
            .Select(port => port.ToString(System.Globalization.CultureInfo.InvariantCulture)).Distinct().Order(StringComparer.Ordinal).ToList();
        return new("hostPort", $"{Words.Containers(containers)} {Words.Plural("uses", "use", containers.Count)} "
            + $"{Words.Plural("hostPort", "hostPorts", ports.Count)} {string.Join(", ", ports)}");
    }

    private static Violation? Privileged(PodUnderTest pod)
    {
        var containers = pod.Where(container => container.Security?.Privileged == true);
        return containers.Count == 0 ? null : new("privileged", $"{Words.Containers(containers)} must not set securityContext.privileged=true");
    }

    private static Violation? ProcMount(PodUnderTest pod)
    {
        bool IsBad(ContainerUnderTest container) => container.Security?.ProcMount is { Length: > 0 } and not "Default";
        var containers = pod.Where(IsBad);
        return containers.Count == 0 ? null : new("procMount", $"{Words.Containers(containers)} must not set securityContext.procMount to "
            + Words.Sorted(pod.Containers.Where(IsBad).Select(container => container.Security!.ProcMount!)));
    }

    private static Violation? SelinuxOptions(PodUnderTest pod)
    {
        var types = new List<string>();
        var (hasUser, hasRole) = (false, false);
        bool IsBad(Orchestrator.Api.CoreV1.SELinuxOptions? options)
        {
            if (options is null)
                return false;
            bool isBadType = !SelinuxTypes.Contains(options.Type ?? "");
            if (isBadType)
                types.Add(options.Type!);
            bool isBadUser = !string.IsNullOrEmpty(options.User), isBadRole = !string.IsNullOrEmpty(options.Role);
            (hasUser, hasRole) = (hasUser || isBadUser, hasRole || isBadRole);
            return isBadType || isBadUser || isBadRole;
        }
        bool isPodBad = IsBad(pod.Security?.SeLinuxOptions);
        var containers = pod.Where(container => IsBad(container.Security?.SeLinuxOptions));
        if (Words.Setters(isPodBad, containers) is not { } setters)
            return null;
        string?[] faults =
        [
            types.Count == 0 ? null : $"{Words.Plural("type", "types", types.Distinct().Count())} {Words.Sorted(types)}",
            hasUser ? "user may not be set" : null, hasRole ? "role may not be set" : null,
        ];
        return new("seLinuxOptions", $"{setters} set forbidden securityContext.seLinuxOptions: {string.Join("; ", faults.OfType<string>())}");
    }

    private static Violation? Seccomp(PodUnderTest pod) => SeccompSetters(pod);

    /// <summary>Whoever sets a profile that is none of the two that confine.</summary>
    internal static Violation? SeccompSetters(PodUnderTest pod)
    {
        static bool IsBad(string? type) => type is not null and not ("RuntimeDefault" or "Localhost");
        bool isPodBad = IsBad(pod.Security?.SeccompProfile?.Type);
        var containers = pod.Where(container => IsBad(container.Security?.SeccompProfile?.Type));
        if (Words.Setters(isPodBad, containers) is not { } setters)
            return null;
        var values = pod.Containers.Select(container => container.Security?.SeccompProfile?.Type).Append(pod.Security?.SeccompProfile?.Type);
        return new("seccompProfile", $"{setters} must not set securityContext.seccompProfile.type to {Words.Sorted(values.Where(IsBad).OfType<string>())}");
    }

    private static Violation? Sysctls(PodUnderTest pod)
    {
        var forbidden = (pod.Security?.Sysctls).OrEmpty().Select(sysctl => sysctl.Name ?? "").Where(name => !SafeSysctls.Contains(name)).ToList();
        return forbidden.Count == 0 ? null : new("forbidden sysctls", string.Join(", ", forbidden));
    }

    private static Violation? WindowsHostProcess(PodUnderTest pod)
    {
        bool isPodBad = pod.Security?.WindowsOptions?.HostProcess == true;
        var containers = pod.Where(container => container.Security?.WindowsOptions?.HostProcess == true);
        return Words.Setters(isPodBad, containers) is not { } setters ? null
            : new("hostProcess", $"{setters} must not set securityContext.windowsOptions.hostProcess=true");
    }
}
