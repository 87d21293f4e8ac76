using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>Which kernel parameters a pod may set: those that stay within the pod, and of them those that harm nobody else.</summary>
internal static class Sysctls
{
    private static readonly HashSet<string> Safe =
    [
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    ];

    /// <returns>Why the pod is turned away; null if all it sets may be set.</returns>
    public static string? Refusal(PodSpec spec)
    {
        foreach (Sysctl sysctl in (spec.SecurityContext?.Sysctls).OrEmpty())
        {
            string name = (sysctl.Name ?? "").Replace('/', '.');
            if (!Safe.Contains(name))
                return $"forbidden sysctl: \"{sysctl.Name}\" not allowlisted";
            if (spec.HostNetwork == true && name.StartsWith("net.", StringComparison.Ordinal))
                return $"forbidden sysctl: \"{sysctl.Name}\" not allowed with host net enabled";
            if (spec.HostIPC == true && name.StartsWith("kernel.", StringComparison.Ordinal))
                return $"forbidden sysctl: \"{sysctl.Name}\" not allowed with host ipc enabled";
        }
        return null;
    }
}
