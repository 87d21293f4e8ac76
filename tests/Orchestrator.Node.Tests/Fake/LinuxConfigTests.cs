using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Pods;

namespace Orchestrator.Node.Tests.Fake;

/// <summary>What of a pod's spec is for the kernel.</summary>
public sealed class LinuxConfigTests
{
    private static readonly ContainerSettings Settings = new()
    {
        ClusterDns = ["10.96.0.10"],
        NodeDns = new DnsConfig(["192.0.2.1"], ["example.org"], ["timeout:1"]),
    };

    private static readonly Quantity NodeMemory = Quantity.Parse("8Gi");

    [Theory]
    [InlineData(0, 2)]
    [InlineData(1, 2)]
    [InlineData(100, 102)]
    [InlineData(1000, 1024)]
    [InlineData(1_000_000, 262_144)]
    public void Shares_are_1024_a_core_within_the_kernels_bounds(long milliCores, long shares) =>
        Assert.Equal(shares, LinuxContainers.SharesOf(milliCores));

    [Theory]
    [InlineData(null, null, 2, 0)]
    [InlineData("500m", null, 512, 0)]
    [InlineData(null, "250m", 256, 25_000)]
    [InlineData("100m", "2", 102, 200_000)]
    [InlineData("1m", "1m", 2, 1000)]
    public void A_limit_is_a_quota_of_a_tenth_of_a_second_and_a_request_too_where_there_is_none(string? request, string? limit, long shares, long quota)
    {
        Container container = Container(Amounts(("cpu", request)), Amounts(("cpu", limit)));

        LinuxResources resources = LinuxContainers.ResourcesOf(Spec(container), container, NodeMemory);

        Assert.Equal((shares, quota, 100_000L), (resources.CpuShares, resources.CpuQuotaMicroseconds, resources.CpuPeriodMicroseconds));
    }

    [Theory]
    [InlineData(null, null, 1000)]
    [InlineData("4Gi", null, 500)]
    [InlineData("1Mi", null, 999)]
    [InlineData("8Gi", null, 3)]
    [InlineData("16Gi", null, 3)]
    public void Who_asked_for_less_memory_is_killed_first(string? request, string? limit, long adjustment)
    {
        Container container = Container(Amounts(("memory", request)), Amounts(("memory", limit)));

        Assert.Equal(adjustment, LinuxContainers.OomScoreAdjustmentOf(Spec(container), container, NodeMemory));
    }

    [Fact]
    public void What_was_promised_in_full_and_the_systems_own_are_killed_last()
    {
        Container guaranteed = Container(Amounts(("memory", "1Gi"), ("cpu", "1")), Amounts(("memory", "1Gi"), ("cpu", "1")));
        Container nothing = Container(null, null);
        PodSpec system = Spec(nothing);
        system.Priority = 2_000_001_000;

        Assert.Equal(-997, LinuxContainers.OomScoreAdjustmentOf(Spec(guaranteed), guaranteed, NodeMemory));
        Assert.Equal(-997, LinuxContainers.OomScoreAdjustmentOf(system, nothing, NodeMemory));
    }

    [Fact]
    public void Huge_pages_have_the_kernels_names()
    {
        Container container = Container(null, Amounts(("hugepages-2Mi", "4Mi"), ("hugepages-1Gi", "1Gi")));

        Assert.Equal(
            new Dictionary<string, long> { ["1GB"] = 1 << 30, ["2MB"] = 4 << 20 },
            LinuxContainers.ResourcesOf(Spec(container), container, NodeMemory).HugePageLimits.OrderBy(limit => limit.Key).ToDictionary());
    }

    [Theory]
    [InlineData(null, null, "/kubepods/besteffort/poduid-1")]
    [InlineData("1", null, "/kubepods/burstable/poduid-1")]
    [InlineData("1", "1", "/kubepods/poduid-1")]
    public void Pods_of_a_class_have_a_cgroup_together(string? request, string? limit, string cgroup)
    {
        Pod pod = Pod(Spec(Container(Amounts(("cpu", request), ("memory", request)), Amounts(("cpu", limit), ("memory", limit)))));

        Assert.Equal(cgroup, LinuxPods.CgroupOf(pod, Settings));
    }

    [Fact]
    public void A_pod_asks_the_cluster_and_then_searches_as_its_node()
    {
        DnsConfig dns = LinuxPods.DnsOf(Pod(new PodSpec { DnsPolicy = "ClusterFirst" }), Settings)!;

        Assert.Equal(["10.96.0.10"], dns.Servers);
        Assert.Equal(["shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.org"], dns.Searches);
        Assert.Equal(["ndots:5"], dns.Options);
    }

    [Theory]
    [InlineData("Default", false)]
    [InlineData("ClusterFirst", true)]
    public void Who_asks_what_the_node_asks_has_its_servers(string policy, bool isHostNetwork)
    {
        Pod pod = Pod(new PodSpec { DnsPolicy = policy, HostNetwork = isHostNetwork });

        DnsConfig dns = LinuxPods.DnsOf(pod, Settings)!;

        Assert.Equal(["192.0.2.1"], dns.Servers);
        Assert.Equal(["example.org"], dns.Searches);
        Assert.Equal(["timeout:1"], dns.Options);
        // Where nobody has read the node's file, the runtime gives it.
        Assert.Null(LinuxPods.DnsOf(pod, Settings with { NodeDns = new DnsConfig([], [], []) }));
    }

    [Fact]
    public void A_pod_in_the_nodes_network_asks_the_cluster_only_where_it_says_so()
    {
        DnsConfig dns = LinuxPods.DnsOf(Pod(new PodSpec { DnsPolicy = "ClusterFirstWithHostNet", HostNetwork = true }), Settings)!;

        Assert.Equal(["10.96.0.10"], dns.Servers);
    }

    [Fact]
    public void Without_a_cluster_server_a_pod_asks_what_the_node_asks()
    {
        DnsConfig dns = LinuxPods.DnsOf(Pod(new PodSpec { DnsPolicy = "ClusterFirst" }), Settings with { ClusterDns = [] })!;

        Assert.Equal(["192.0.2.1"], dns.Servers);
        Assert.Equal(["example.org"], dns.Searches);
    }

    [Fact]
    public void Searches_and_servers_end_where_resolvers_stop_reading()
    {
        var own = new PodDNSConfig
        {
            Nameservers = ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3", "192.0.2.4"],
            Searches = [new string('x', 254), "b.example", .. Enumerable.Range(0, 40).Select(i => $"d{i}.example"), "b.example"],
        };
        List<string> longOnes = [.. Enumerable.Range(0, 20).Select(i => new string((char)('a' + i), 200))];

        DnsConfig many = LinuxPods.DnsOf(Pod(new PodSpec { DnsPolicy = "None", DnsConfig = own }), Settings)!;
        DnsConfig wide = LinuxPods.DnsOf(Pod(new PodSpec { DnsPolicy = "None", DnsConfig = new PodDNSConfig { Searches = longOnes } }), Settings)!;

        Assert.Equal(["192.0.2.1", "192.0.2.2", "192.0.2.3"], many.Servers);
        Assert.Equal(31, many.Searches.Count); // 32, of which one is too long.
        Assert.Equal("b.example", many.Searches[0]);
        Assert.Equal(longOnes.Take(10), wide.Searches); // 10 * 200 + 9 spaces.
    }

    [Fact]
    public void What_a_pod_does_not_get_of_names_is_told()
    {
        var own = new PodDNSConfig
        {
            Nameservers = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"],
            Searches = [.. Enumerable.Range(0, 33).Select(i => $"d{i}.example")],
        };
        string kept = string.Join(' ', own.Searches.Take(32));

        Assert.Equal(
            [
                "DNSConfigForming Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 192.0.2.1 192.0.2.2 192.0.2.3",
                $"DNSConfigForming Search Line limits were exceeded, some search paths have been omitted, the applied search line is: {kept}",
            ],
            WarningsOf(new PodSpec { DnsPolicy = "None", DnsConfig = own }, Settings));
        Assert.Equal(
            ["DNSConfigForming Search Line limits were exceeded, some search paths have been omitted, the applied search line is: a.example"],
            WarningsOf(new PodSpec { DnsPolicy = "None", DnsConfig = new PodDNSConfig { Nameservers = ["192.0.2.1"], Searches = [new string('x', 254), "a.example"] } }, Settings));
        Assert.Equal(
            [
                "MissingClusterDNS pod: \"web_shop(uid-1)\". kubelet does not have ClusterDNS IP configured and cannot create Pod using \"ClusterFirst\" policy. "
                    + "Falling back to \"Default\" policy.",
            ],
            WarningsOf(new PodSpec { DnsPolicy = "ClusterFirst" }, Settings with { ClusterDns = [] }));
        Assert.Empty(WarningsOf(new PodSpec { DnsPolicy = "ClusterFirst" }, Settings));
        Assert.Empty(WarningsOf(new PodSpec { DnsPolicy = "Default" }, Settings with { ClusterDns = [] }));
        Assert.Empty(WarningsOf(new PodSpec { HostNetwork = true }, Settings with { ClusterDns = [] }));
    }

    [Fact]
    public void A_pods_own_words_on_names_are_added_and_replace_options()
    {
        var own = new PodDNSConfig
        {
            Nameservers = ["1.1.1.1", "1.0.0.1", "9.9.9.9"],
            Searches = ["own.example"],
            Options = [new PodDNSConfigOption { Name = "ndots", Value = "2" }, new PodDNSConfigOption { Name = "rotate" }],
        };

        DnsConfig added = LinuxPods.DnsOf(Pod(new PodSpec { DnsPolicy = "ClusterFirst", DnsConfig = own }), Settings)!;
        DnsConfig alone = LinuxPods.DnsOf(Pod(new PodSpec { DnsPolicy = "None", DnsConfig = own }), Settings)!;

        Assert.Equal(["10.96.0.10", "1.1.1.1", "1.0.0.1"], added.Servers);
        Assert.Equal(["ndots:2", "rotate"], added.Options);
        Assert.Equal("own.example", added.Searches[^1]);
        Assert.Equal(["1.1.1.1", "1.0.0.1", "9.9.9.9"], alone.Servers);
        Assert.Equal(["own.example"], alone.Searches);
    }

    [Fact]
    public void Namespaces_are_the_pods_but_for_processes_unless_it_says_otherwise()
    {
        Assert.Equal(new PodNamespaces(), LinuxPods.NamespacesOf(new PodSpec()));
        Assert.Equal(NamespaceSharing.Pod, LinuxPods.NamespacesOf(new PodSpec { ShareProcessNamespace = true }).Pid);
        Assert.Equal(
            new PodNamespaces(NamespaceSharing.Node, NamespaceSharing.Node, NamespaceSharing.Node),
            LinuxPods.NamespacesOf(new PodSpec { HostNetwork = true, HostPID = true, HostIPC = true }));
    }

    [Fact]
    public void A_containers_own_rights_count_before_its_pods()
    {
        Container container = Container(null, null);
        PodSpec spec = Spec(container);
        spec.SecurityContext = new PodSecurityContext
        {
            RunAsUser = 1,
            RunAsGroup = 2,
            SupplementalGroups = [3],
            FsGroup = 4,
            SeccompProfile = new SeccompProfile { Type = "RuntimeDefault" },
        };
        container.SecurityContext = new SecurityContext
        {
            RunAsUser = 10,
            ProcMount = "Unmasked",
            SeccompProfile = new SeccompProfile { Type = "Localhost", LocalhostProfile = "profiles/own.json" },
        };

        ContainerSecurity own = Complete(spec, container).Security;
        container.SecurityContext = null;
        ContainerSecurity shared = Complete(spec, container).Security;

        Assert.Equal((10L, 2L), (own.RunAsUser, own.RunAsGroup));
        Assert.Equal([3L, 4L], own.SupplementalGroups);
        Assert.Equal(new SecurityProfile(SecurityProfileKind.Localhost, "/var/lib/kubelet/seccomp/profiles/own.json"), own.Seccomp);
        Assert.Empty(own.MaskedPaths);
        Assert.Equal((1L, SecurityProfile.RuntimeDefault), (shared.RunAsUser, shared.Seccomp));
        Assert.Contains("/proc/kcore", shared.MaskedPaths);
        Assert.Contains("/proc/sys", shared.ReadOnlyPaths);
    }

    [Fact]
    public void Without_a_word_on_seccomp_there_is_none_and_privileges_may_be_gained()
    {
        Container container = Container(null, null);

        ContainerSecurity security = Complete(Spec(container), container).Security;

        Assert.Equal(SecurityProfile.Unconfined, security.Seccomp);
        Assert.False(security.NoNewPrivileges);
    }

    [Fact]
    public void An_ephemeral_container_looks_into_the_one_that_it_names()
    {
        PodSpec spec = Spec(Container(null, null));
        spec.EphemeralContainers =
        [
            new EphemeralContainer { Name = "debug", TargetContainerName = "main", StdinOnce = true, SecurityContext = new SecurityContext { RunAsUser = 7 } },
        ];
        Pod pod = Pod(spec);

        ContainerConfig config = LinuxContainers.Complete(
            Config(), pod, PodContainer.EphemeralOf(pod).Single(), Settings, NodeMemory, name => $"id-of-{name}");

        Assert.Equal(new PodNamespaces(Pid: NamespaceSharing.Target, TargetContainerId: "id-of-main"), config.Namespaces);
        Assert.Equal((true, 7L), (config.ClosesStdinOnce, config.Security.RunAsUser));
    }

    [Theory]
    [InlineData(null, null, "", null)]
    [InlineData(0L, null, "", "container's runAsUser breaks non-root policy (pod: \"web_shop(uid-1)\", container: main)")]
    [InlineData(1L, null, "", null)]
    [InlineData(-1L, 5L, "", null)]
    [InlineData(-1L, 0L, "", "container has runAsNonRoot and image will run as root (pod: \"web_shop(uid-1)\", container: main)")]
    [InlineData(-1L, null, "", "container has runAsNonRoot and image will run as root (pod: \"web_shop(uid-1)\", container: main)")]
    [InlineData(-1L, null, "worker", "container has runAsNonRoot and image has non-numeric user (worker), cannot verify user is non-root (pod: \"web_shop(uid-1)\", container: main)")]
    public async Task Who_must_not_be_root_is_not(long? user, long? imageUser, string imageUserName, string? problem)
    {
        Container container = Container(null, null);
        PodSpec spec = Spec(container);
        if (user is not null)
            container.SecurityContext = new SecurityContext { RunAsNonRoot = true, RunAsUser = user < 0 ? null : user };
        Pod pod = Pod(spec);
        var image = new RuntimeImage("id", [], 1) { UserId = imageUser, UserName = imageUserName };

        Assert.Equal(
            problem,
            await LinuxContainers.NonRootProblemAsync(pod, PodContainer.RegularOf(pod).Single(), () => Task.FromResult<RuntimeImage?>(image)));
    }

    private static ContainerConfig Complete(PodSpec spec, Container container)
    {
        Pod pod = Pod(spec);
        return LinuxContainers.Complete(Config(), pod, new PodContainer(container, PodContainerKind.Regular), Settings, NodeMemory, _ => null);
    }

    private static ContainerConfig Config() => MappingTests.Container();

    private static List<string> WarningsOf(PodSpec spec, ContainerSettings settings)
    {
        var warnings = new List<string>();
        LinuxPods.DnsOf(Pod(spec), settings, (reason, message) => warnings.Add($"{reason} {message}"));
        return warnings;
    }

    private static Pod Pod(PodSpec spec) => new() { Metadata = new ObjectMeta { Name = "web", Namespace = "shop", Uid = "uid-1" }, Spec = spec };

    private static PodSpec Spec(Container container) => new() { Containers = [container] };

    private static Container Container(Dictionary<string, Quantity>? requests, Dictionary<string, Quantity>? limits) =>
        new() { Name = "main", Image = "i", Resources = new ResourceRequirements { Requests = requests, Limits = limits } };

    private static Dictionary<string, Quantity>? Amounts(params (string Name, string? Amount)[] amounts) =>
        amounts.Any(amount => amount.Amount is not null)
            ? amounts.Where(amount => amount.Amount is not null).ToDictionary(amount => amount.Name, amount => Quantity.Parse(amount.Amount!))
            : null;
}
