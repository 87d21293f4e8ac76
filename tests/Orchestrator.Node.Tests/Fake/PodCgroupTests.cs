using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Pods;

namespace Orchestrator.Node.Tests.Fake;

/// <summary>The cgroups of whole pods. Version 2 is what the tables say; a machine with it has not tried them.</summary>
public sealed class PodCgroupTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    [Fact]
    public void The_limits_of_all_containers_add_up_and_one_without_makes_the_pod_one_without()
    {
        var both = new PodSpec { Containers = [Container("100m", "200m", "10Mi"), Container("100m", "300m", "20Mi")] };
        var one = new PodSpec { Containers = [Container("100m", "200m", "10Mi"), Container("100m", null, null)] };

        LinuxResources limited = PodCgroups.LimitsOf(both);
        LinuxResources free = PodCgroups.LimitsOf(one);

        Assert.Equal((204L, 50_000L, 30L << 20), (limited.CpuShares, limited.CpuQuotaMicroseconds, limited.MemoryLimitBytes));
        Assert.Equal((204L, 0L, 0L), (free.CpuShares, free.CpuQuotaMicroseconds, free.MemoryLimitBytes));
        Assert.Equal(2, PodCgroups.LimitsOf(new PodSpec { Containers = [Container(null, null, null)] }).CpuShares);
    }

    [Fact]
    public void Each_version_of_the_kernel_has_files_of_its_own()
    {
        var limited = new LinuxResources { CpuShares = 512, CpuPeriodMicroseconds = 100_000, CpuQuotaMicroseconds = 50_000, MemoryLimitBytes = 4096 };

        Assert.Equal(
            [("cpu", "cpu.shares", "512"), ("cpu", "cpu.cfs_period_us", "100000"), ("cpu", "cpu.cfs_quota_us", "50000"), ("memory", "memory.limit_in_bytes", "4096")],
            PodCgroups.Files(limited, isUnified: false));
        Assert.Equal(
            [("cpu", "cpu.weight", "20"), ("cpu", "cpu.max", "50000 100000"), ("memory", "memory.max", "4096")],
            PodCgroups.Files(limited, isUnified: true));
        Assert.Equal(
            ["20", "max 100000", "max"],
            PodCgroups.Files(limited with { CpuQuotaMicroseconds = 0, MemoryLimitBytes = 0 }, isUnified: true).Select(file => file.Value));
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(1024, 39)]
    [InlineData(262_144, 10_000)]
    public void Weights_stand_for_shares(long shares, long weight) => Assert.Equal(weight, PodCgroups.WeightOf(shares));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_left_of_pods_that_nobody_knows_is_removed_and_all_else_stays(bool isUnified)
    {
        if (isUnified)
            File.WriteAllText(Path.Combine(_root.Path, "cgroup.controllers"), "");
        string tree = isUnified ? _root.Path : Path.Combine(_root.Path, "cpu");
        foreach (string name in (string[])["node/podgone/container", "node/podlives", "node/burstable/podgone", "node/besteffort/podlives", "node/system", "other/podgone"])
            Directory.CreateDirectory(Path.Combine(tree, name));
        var cgroups = new PodCgroups(new ContainerSettings { CgroupFilesystem = _root.Path, CgroupRoot = "/node" });

        await cgroups.RemoveOrphansAsync(uid => uid == "lives", CancellationToken.None);

        Assert.Equal(
            ["node/besteffort/podlives", "node/burstable", "node/podlives", "node/system", "other/podgone"],
            Directory.GetDirectories(tree, "*", SearchOption.AllDirectories).Where(folder => Directory.GetDirectories(folder).Length == 0)
                .Select(folder => Path.GetRelativePath(tree, folder)).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(true, "cpu.weight", new[] { "153", "20", "1" })]
    [InlineData(false, "cpu.shares", new[] { "4000", "512", "2" })]
    public void Those_who_ask_for_processors_have_them_before_those_of_best_effort(bool isUnified, string file, string[] expected)
    {
        if (isUnified)
            File.WriteAllText(Path.Combine(_root.Path, "cgroup.controllers"), "cpu memory");
        else
            Directory.CreateDirectory(Path.Combine(_root.Path, "cpu"));
        var pods = new List<Pod> { Pod("300m", null), Pod("200m", null), Pod(null, null), Pod("1", "1Gi", isLimit: true) };
        var classes = new ClassCgroups(new ContainerSettings { CgroupFilesystem = _root.Path, CgroupRoot = "/node" }, () => pods, () => 3907);

        classes.Update();
        string[] full = Read();
        pods.Clear();
        classes.Update();

        Assert.Equal(expected, full);
        Assert.Equal([expected[0], expected[2], expected[2]], Read());

        string[] Read() => [.. ((string[])["", "burstable", "besteffort"]).Select(name =>
            File.ReadAllText(Path.Combine(_root.Path, isUnified ? "" : "cpu", "node", name, file)))];
    }

    [Fact]
    public async Task In_one_tree_controllers_are_passed_down_to_the_pod()
    {
        File.WriteAllText(Path.Combine(_root.Path, "cgroup.controllers"), "cpu memory");
        var cgroups = new PodCgroups(new ContainerSettings { CgroupFilesystem = _root.Path });
        var pod = new Pod
        {
            Metadata = new ObjectMeta { Name = "web", Namespace = "shop", Uid = "1" },
            Spec = new PodSpec { Containers = [Container("100m", "200m", "10Mi")] },
        };

        cgroups.Make(pod);

        string folder = Path.Combine(_root.Path, "kubepods", "burstable", "pod1");
        Assert.Equal("20000 100000", File.ReadAllText(Path.Combine(folder, "cpu.max")));
        Assert.Equal("10485760", File.ReadAllText(Path.Combine(folder, "memory.max")));
        foreach (string above in (string[])["", "kubepods", "kubepods/burstable"])
            Assert.Equal("+memory", File.ReadAllText(Path.Combine(_root.Path, above, "cgroup.subtree_control")));
        Assert.False(File.Exists(Path.Combine(folder, "cgroup.subtree_control")));

        foreach (string file in Directory.GetFiles(folder))
            File.Delete(file); // The kernel's go with the folder.
        await cgroups.RemoveAsync(pod, CancellationToken.None);
        Assert.False(Directory.Exists(folder));
    }

    public void Dispose() => _root.Dispose();

    private static Pod Pod(string? cpu, string? memory, bool isLimit = false) => new()
    {
        Metadata = new ObjectMeta { Name = "p", Namespace = "default", Uid = "p" },
        Spec = new PodSpec { Containers = [Container(cpu, isLimit ? cpu : null, memory)] },
    };

    private static Container Container(string? cpuRequest, string? cpuLimit, string? memoryLimit)
    {
        var resources = new ResourceRequirements { Requests = [], Limits = [] };
        if (cpuRequest is not null)
            resources.Requests["cpu"] = Quantity.Parse(cpuRequest);
        if (cpuLimit is not null)
            resources.Limits["cpu"] = Quantity.Parse(cpuLimit);
        if (memoryLimit is not null)
            resources.Limits["memory"] = Quantity.Parse(memoryLimit);
        return new Container { Name = "c", Resources = resources };
    }
}
