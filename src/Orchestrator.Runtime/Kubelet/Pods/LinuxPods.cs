using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Strategies;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>What of a pod's spec is for the kernel: its sandbox's namespaces, cgroup, names and rights.</summary>
internal static class LinuxPods
{
    /// <summary>What resolvers read of a resolv.conf, and what Kubernetes lets a pod have of search domains.</summary>
    private const int NameServerLimit = 3;
    private const int SearchLimit = 32;
    private const int SearchLineLimit = 2048;

    /// <summary>Some resolvers end their process over a longer one.</summary>
    private const int SearchDomainLimit = 253;

    /// <summary>The reason of warnings that some of what a pod asks of names is not given to it.</summary>
    private const string DnsConfigForming = "DNSConfigForming";

    /// <summary>The reason of warnings that a pod has the node's names in place of the cluster's.</summary>
    public const string MissingClusterDns = "MissingClusterDNS";

    public const string NoClusterDns =
        "kubelet does not have ClusterDNS IP configured and cannot create Pod using \"ClusterFirst\" policy. Falling back to \"Default\" policy.";

    public static PodSandboxConfig Complete(PodSandboxConfig config, Pod pod, ContainerSettings settings)
    {
        PodSpec spec = pod.Spec;
        return config with
        {
            LogDirectory = Path.Combine(settings.PodLogs, $"{pod.Namespace}_{pod.Name}_{pod.Uid}"),
            CgroupParent = CgroupOf(pod, settings),
            Dns = DnsOf(pod, settings),
            PortMappings = spec.HostNetwork == true ? [] : PortMappingsOf(spec),
            Namespaces = NamespacesOf(spec),
            Sysctls = (spec.SecurityContext?.Sysctls).OrEmpty().ToDictionary(sysctl => sysctl.Name ?? "", sysctl => sysctl.Value ?? ""),
            Security = SecurityOf(spec, settings),
        };
    }

    /// <summary>Pods of one class of service are kept together: what is set for the class holds for them as a whole.</summary>
    public static string CgroupOf(Pod pod, ContainerSettings settings)
    {
        string quality = QualityOfService.ClassOf(pod.Spec);
        string parent = quality == "Guaranteed" ? settings.CgroupRoot : $"{settings.CgroupRoot}/{quality.ToLowerInvariant()}";
        return $"{parent}/pod{pod.Uid}";
    }

    public static PodNamespaces NamespacesOf(PodSpec spec) => new(
        spec.HostNetwork == true ? NamespaceSharing.Node : NamespaceSharing.Pod,
        spec.HostPID == true ? NamespaceSharing.Node : spec.ShareProcessNamespace == true ? NamespaceSharing.Pod : NamespaceSharing.Container,
        spec.HostIPC == true ? NamespaceSharing.Node : NamespaceSharing.Pod);

    /// <param name="warn">Gets reason and text of what the pod does not have though it asks for it.</param>
    /// <returns>Null where nothing is known of what the node asks: the runtime gives the node's file then.</returns>
    public static DnsConfig? DnsOf(Pod pod, ContainerSettings settings, Action<string, string>? warn = null)
    {
        PodSpec spec = pod.Spec;
        bool asksCluster = AsksCluster(spec);
        if (asksCluster && settings.ClusterDns.Count == 0)
            warn?.Invoke(MissingClusterDns, $"pod: \"{pod.Name}_{pod.Namespace}({pod.Uid})\". {NoClusterDns}");
        DnsConfig basis = spec.DnsPolicy == "None" ? new DnsConfig([], [], [])
            : asksCluster && settings.ClusterDns.Count > 0 ? ClusterDnsOf(pod, settings)
            : settings.NodeDns;
        if (basis == settings.NodeDns && basis.Servers.Count == 0 && spec.DnsConfig is null)
            return null;
        return new DnsConfig(
            ServersWithinLimits([.. basis.Servers.Concat((spec.DnsConfig?.Nameservers).OrEmpty()).Distinct()], warn),
            SearchesWithinLimits([.. basis.Searches.Concat((spec.DnsConfig?.Searches).OrEmpty()).Distinct()], warn),
            OptionsOf(basis.Options, (spec.DnsConfig?.Options).OrEmpty()));
    }

    private static bool AsksCluster(PodSpec spec) => spec.DnsPolicy == "ClusterFirstWithHostNet"
        || (spec.DnsPolicy is null or "" or "ClusterFirst" && spec.HostNetwork != true);

    private static DnsConfig ClusterDnsOf(Pod pod, ContainerSettings settings) => new(
        settings.ClusterDns,
        settings.ClusterDomain.Length == 0
            ? settings.NodeDns.Searches
            : [$"{pod.Namespace}.svc.{settings.ClusterDomain}", $"svc.{settings.ClusterDomain}", settings.ClusterDomain, .. settings.NodeDns.Searches],
        ["ndots:5"]);

    private static List<string> ServersWithinLimits(List<string> servers, Action<string, string>? warn)
    {
        List<string> kept = [.. servers.Take(NameServerLimit)];
        if (kept.Count < servers.Count)
            warn?.Invoke(DnsConfigForming, $"Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: {string.Join(' ', kept)}");
        return kept;
    }

    /// <summary>The first so many, of those a name can end in, that make one line of the length which is allowed.</summary>
    private static List<string> SearchesWithinLimits(List<string> searches, Action<string, string>? warn)
    {
        var kept = new List<string>();
        int length = -1;
        foreach (string search in searches.Take(SearchLimit).Where(search => search.Length <= SearchDomainLimit))
        {
            length += search.Length + 1;
            if (length > SearchLineLimit)
                break;
            kept.Add(search);
        }
        if (kept.Count < searches.Count)
            warn?.Invoke(DnsConfigForming, $"Search Line limits were exceeded, some search paths have been omitted, the applied search line is: {string.Join(' ', kept)}");
        return kept;
    }

    /// <summary>What the pod says of an option takes the place of what the policy does; of several words of its own, the last.</summary>
    private static List<string> OptionsOf(IReadOnlyList<string> basis, IReadOnlyList<PodDNSConfigOption> own)
    {
        HashSet<string> named = [.. own.Select(option => option.Name ?? "")];
        return
        [
            .. basis.Where(option => !named.Contains(option.Split(':')[0])),
            .. own.GroupBy(option => option.Name ?? "").Select(group => group.Last())
                .Select(option => string.IsNullOrEmpty(option.Value) ? option.Name ?? "" : $"{option.Name}:{option.Value}"),
        ];
    }

    private static List<PortMapping> PortMappingsOf(PodSpec spec) =>
    [
        .. spec.InitContainers.OrEmpty().Where(container => container.RestartPolicy == "Always").Concat(spec.Containers.OrEmpty())
            .SelectMany(container => container.Ports.OrEmpty()).Where(port => port.HostPort > 0)
            .Select(port => new PortMapping(port.Protocol ?? "TCP", port.ContainerPortValue ?? 0, port.HostPort ?? 0, port.HostIP ?? "")),
    ];

    private static SandboxSecurity SecurityOf(PodSpec spec, ContainerSettings settings) => new()
    {
        RunAsUser = spec.SecurityContext?.RunAsUser,
        RunAsGroup = spec.SecurityContext?.RunAsUser is null ? null : spec.SecurityContext.RunAsGroup,
        SupplementalGroups = GroupsOf(spec),
        IsPrivileged = spec.Containers.OrEmpty().Concat(spec.InitContainers.OrEmpty()).Any(container => container.SecurityContext?.Privileged == true),
        // The sandbox's own process never needs more.
        Seccomp = SecurityProfile.RuntimeDefault,
        AppArmor = LinuxContainers.ProfileOf(spec.SecurityContext?.AppArmorProfile),
        SeLinux = LinuxContainers.SeLinuxOf(spec.SecurityContext?.SeLinuxOptions),
    };

    /// <summary>The group that owns the pod's volumes is one of all its processes.</summary>
    internal static List<long> GroupsOf(PodSpec spec)
    {
        List<long> groups = [.. (spec.SecurityContext?.SupplementalGroups).OrEmpty()];
        if (spec.SecurityContext?.FsGroup is { } owner)
            groups.Add(owner);
        return groups;
    }
}
