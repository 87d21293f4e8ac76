using Orchestrator.Cri.V1;
using Orchestrator.Runtime.Kubelet.Cri;
using KubeletCri = Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Node.Tests.Fake;

/// <summary>What a kubelet wants, in the messages that a runtime gets.</summary>
public sealed class MappingTests
{
    private static readonly IReadOnlyDictionary<string, string> None = new Dictionary<string, string>();

    [Fact]
    public async Task A_sandbox_is_asked_for_with_all_that_makes_it()
    {
        await using FakeCri fake = await FakeCri.StartAsync();
        fake.On<RunPodSandboxRequest>(_ => new RunPodSandboxResponse { PodSandboxId = "sandbox-1" });

        string id = await fake.Runtime.RunPodSandboxAsync(
            Sandbox() with
            {
                CgroupParent = "/kubepods/burstable/poduid-1",
                RuntimeHandler = "gvisor",
                Dns = new DnsConfig(["10.96.0.10"], ["svc.cluster.local"], ["ndots:5"]),
                PortMappings = [new KubeletCri.PortMapping("UDP", 53, 5353, "127.0.0.1")],
                Namespaces = new PodNamespaces(Pid: NamespaceSharing.Pod, Ipc: NamespaceSharing.Node),
                Sysctls = new Dictionary<string, string> { ["net.core.somaxconn"] = "1024" },
                Security = new SandboxSecurity
                {
                    RunAsUser = 0,
                    RunAsGroup = 3000,
                    SupplementalGroups = [4000],
                    IsPrivileged = true,
                    Seccomp = KubeletCri.SecurityProfile.RuntimeDefault,
                },
            },
            CancellationToken.None);

        Assert.Equal("sandbox-1", id);
        RunPodSandboxRequest asked = fake.Last<RunPodSandboxRequest>();
        Orchestrator.Cri.V1.PodSandboxConfig config = asked.Config;
        Assert.Equal("gvisor", asked.RuntimeHandler);
        Assert.Equal(new PodSandboxMetadata { Name = "web", Namespace = "shop", Uid = "uid-1", Attempt = 2 }, config.Metadata);
        Assert.Equal("web-host", config.Hostname);
        Assert.Equal(new DNSConfig { Servers = { "10.96.0.10" }, Searches = { "svc.cluster.local" }, Options = { "ndots:5" } }, config.DnsConfig);
        Assert.Equal(
            new Orchestrator.Cri.V1.PortMapping { Protocol = Protocol.Udp, ContainerPort = 53, HostPort = 5353, HostIp = "127.0.0.1" },
            Assert.Single(config.PortMappings));
        Assert.Equal("/kubepods/burstable/poduid-1", config.Linux.CgroupParent);
        Assert.Equal("1024", config.Linux.Sysctls["net.core.somaxconn"]);
        LinuxSandboxSecurityContext security = config.Linux.SecurityContext;
        Assert.Equal(
            new NamespaceOption { Network = NamespaceMode.Pod, Pid = NamespaceMode.Pod, Ipc = NamespaceMode.Node }, security.NamespaceOptions);
        Assert.Equal((0L, 3000L, true), (security.RunAsUser.Value, security.RunAsGroup.Value, security.Privileged));
        Assert.Equal([4000L], security.SupplementalGroups);
        Assert.Equal(Orchestrator.Cri.V1.SecurityProfile.Types.ProfileType.RuntimeDefault, security.Seccomp.ProfileType);
        Assert.Null(security.Apparmor);
    }

    [Fact]
    public async Task Labels_by_which_things_are_found_again_are_always_there()
    {
        await using FakeCri fake = await FakeCri.StartAsync();

        await fake.Runtime.RunPodSandboxAsync(Sandbox(), CancellationToken.None);
        await fake.Runtime.CreateContainerAsync("sandbox-1", Container(), Sandbox(), CancellationToken.None);

        var pod = new Dictionary<string, string>
        {
            ["io.kubernetes.pod.name"] = "web",
            ["io.kubernetes.pod.namespace"] = "shop",
            ["io.kubernetes.pod.uid"] = "uid-1",
        };
        Assert.Equal(new Dictionary<string, string>(pod) { ["app"] = "web" }, fake.Last<RunPodSandboxRequest>().Config.Labels.ToDictionary());
        CreateContainerRequest created = fake.Last<CreateContainerRequest>();
        Assert.Equal(new Dictionary<string, string>(pod) { ["io.kubernetes.container.name"] = "main" }, created.Config.Labels.ToDictionary());
        Assert.Equal(fake.Last<RunPodSandboxRequest>().Config, created.SandboxConfig);
    }

    [Fact]
    public async Task A_pod_in_the_nodes_network_has_neither_a_hostname_nor_a_network_of_its_own()
    {
        await using FakeCri fake = await FakeCri.StartAsync();

        await fake.Runtime.RunPodSandboxAsync(Sandbox() with { IsHostNetwork = true }, CancellationToken.None);
        await fake.Runtime.CreateContainerAsync("sandbox-1", Container(), Sandbox() with { IsHostNetwork = true }, CancellationToken.None);

        Orchestrator.Cri.V1.PodSandboxConfig config = fake.Last<RunPodSandboxRequest>().Config;
        Assert.Equal("", config.Hostname);
        Assert.Equal(NamespaceMode.Node, config.Linux.SecurityContext.NamespaceOptions.Network);
        Assert.Equal(NamespaceMode.Node, fake.Last<CreateContainerRequest>().Config.Linux.SecurityContext.NamespaceOptions.Network);
    }

    [Fact]
    public async Task A_container_is_asked_for_with_all_that_makes_it()
    {
        await using FakeCri fake = await FakeCri.StartAsync();
        using var logs = new TemporaryFolder();

        await fake.Runtime.CreateContainerAsync(
            "sandbox-1",
            Container() with
            {
                HasStdin = true,
                ClosesStdinOnce = true,
                Resources = new LinuxResources
                {
                    CpuShares = 512,
                    CpuQuotaMicroseconds = 50_000,
                    CpuPeriodMicroseconds = 100_000,
                    MemoryLimitBytes = 64 << 20,
                    OomScoreAdjustment = 999,
                    HugePageLimits = new Dictionary<string, long> { ["2MB"] = 4 << 20 },
                },
                Mounts = [new ContainerMount("/host", "/in", IsReadOnly: true, KubeletCri.MountPropagation.HostToContainer)],
                Devices = [new ContainerDevice("/dev/fuse", "/dev/fuse", "rwm")],
                Namespaces = new PodNamespaces(Pid: NamespaceSharing.Target, TargetContainerId: "other"),
                Security = new ContainerSecurity
                {
                    RunAsUserName = "worker",
                    SupplementalGroups = [2000],
                    HasStrictGroups = true,
                    AddedCapabilities = ["NET_ADMIN"],
                    DroppedCapabilities = ["ALL"],
                    HasReadOnlyRoot = true,
                    NoNewPrivileges = true,
                    MaskedPaths = ["/proc/kcore"],
                    ReadOnlyPaths = ["/proc/sys"],
                    Seccomp = new KubeletCri.SecurityProfile(SecurityProfileKind.Localhost, "/var/lib/kubelet/seccomp/p.json"),
                    AppArmor = KubeletCri.SecurityProfile.Unconfined,
                    SeLinux = new SeLinuxOptions("u", "r", "t", "s0"),
                },
            },
            Sandbox() with { LogDirectory = logs.Path },
            CancellationToken.None);

        Orchestrator.Cri.V1.ContainerConfig config = fake.Last<CreateContainerRequest>().Config;
        Assert.Equal(new ContainerMetadata { Name = "main", Attempt = 3 }, config.Metadata);
        Assert.Equal("nginx:1.27", config.Image.Image);
        Assert.Equal(["run"], config.Command);
        Assert.Equal(["--fast"], config.Args);
        Assert.Equal("/work", config.WorkingDir);
        Assert.Equal([new KeyValue { Key = "A", Value = "1" }], config.Envs);
        Assert.Equal("main/3.log", config.LogPath);
        Assert.True(Directory.Exists(Path.Combine(logs.Path, "main")));
        Assert.Equal((true, true, false), (config.Stdin, config.StdinOnce, config.Tty));
        Assert.Equal(
            new Mount { HostPath = "/host", ContainerPath = "/in", Readonly = true, Propagation = Orchestrator.Cri.V1.MountPropagation.PropagationHostToContainer },
            Assert.Single(config.Mounts));
        Assert.Equal(new Device { HostPath = "/dev/fuse", ContainerPath = "/dev/fuse", Permissions = "rwm" }, Assert.Single(config.Devices));
        Assert.Equal(
            new LinuxContainerResources
            {
                CpuShares = 512,
                CpuQuota = 50_000,
                CpuPeriod = 100_000,
                MemoryLimitInBytes = 64 << 20,
                OomScoreAdj = 999,
                HugepageLimits = { new HugepageLimit { PageSize = "2MB", Limit = 4 << 20 } },
            },
            config.Linux.Resources);
        Assert.Equal(
            new LinuxContainerSecurityContext
            {
                NamespaceOptions = new NamespaceOption { Pid = NamespaceMode.Target, TargetId = "other" },
                RunAsUsername = "worker",
                SupplementalGroups = { 2000 },
                SupplementalGroupsPolicy = SupplementalGroupsPolicy.Strict,
                Capabilities = new Capability { AddCapabilities = { "NET_ADMIN" }, DropCapabilities = { "ALL" } },
                ReadonlyRootfs = true,
                NoNewPrivs = true,
                MaskedPaths = { "/proc/kcore" },
                ReadonlyPaths = { "/proc/sys" },
                Seccomp = new Orchestrator.Cri.V1.SecurityProfile
                {
                    ProfileType = Orchestrator.Cri.V1.SecurityProfile.Types.ProfileType.Localhost,
                    LocalhostRef = "/var/lib/kubelet/seccomp/p.json",
                },
                Apparmor = new Orchestrator.Cri.V1.SecurityProfile { ProfileType = Orchestrator.Cri.V1.SecurityProfile.Types.ProfileType.Unconfined },
                SelinuxOptions = new SELinuxOption { User = "u", Role = "r", Type = "t", Level = "s0" },
            },
            config.Linux.SecurityContext);
    }

    [Fact]
    public async Task A_grace_is_never_shortened_to_whole_seconds()
    {
        await using FakeCri fake = await FakeCri.StartAsync();

        await fake.Runtime.StopContainerAsync("container-1", TimeSpan.FromSeconds(1.2), CancellationToken.None);

        Assert.Equal(new StopContainerRequest { ContainerId = "container-1", Timeout = 2 }, fake.Last<StopContainerRequest>());
    }

    [Fact]
    public async Task An_image_is_pulled_with_its_pods_credentials_and_told_of_by_its_digest()
    {
        await using FakeCri fake = await FakeCri.StartAsync();
        fake.On<PullImageRequest>(_ => new PullImageResponse { ImageRef = "sha256:abc" });
        fake.On<ImageStatusRequest>(asked => new ImageStatusResponse
        {
            Image = new Image { Id = asked.Image.Image, RepoTags = { "reg/app:1" }, RepoDigests = { "reg/app@sha256:def" }, Size = 42, Username = "worker", Pinned = true },
        });

        RuntimeImage image = await fake.Images.PullImageAsync(
            "reg/app:1", new RegistryCredentials { Username = "me", Password = "secret", ServerAddress = "reg" }, Sandbox(), CancellationToken.None);

        PullImageRequest pulled = fake.Last<PullImageRequest>();
        Assert.Equal("reg/app:1", pulled.Image.Image);
        Assert.Equal(new AuthConfig { Username = "me", Password = "secret", ServerAddress = "reg" }, pulled.Auth);
        Assert.Equal("uid-1", pulled.SandboxConfig.Metadata.Uid);
        Assert.Equal("sha256:abc", fake.Last<ImageStatusRequest>().Image.Image);
        Assert.Equal(("reg/app@sha256:def", 42L, "worker", null, true), (image.Id, image.SizeBytes, image.UserName, image.UserId, image.IsPinned));
        Assert.Equal(["reg/app:1"], image.RepoTags);
    }

    [Fact]
    public void Credentials_are_not_printed() => Assert.Equal(
        "credentials of me", new RegistryCredentials { Username = "me", Password = "secret", IdentityToken = "token" }.ToString());

    [Fact]
    public async Task Changed_resources_are_passed_on_and_annotations_alone_are_not()
    {
        await using FakeCri fake = await FakeCri.StartAsync();

        await fake.Runtime.UpdateContainerResourcesAsync("container-1", null, None, CancellationToken.None);
        await fake.Runtime.UpdateContainerResourcesAsync("container-1", new LinuxResources { CpuShares = 2 }, None, CancellationToken.None);

        Assert.Equal(1, fake.Count<UpdateContainerResourcesRequest>());
        Assert.Equal(2, fake.Last<UpdateContainerResourcesRequest>().Linux.CpuShares);
    }

    internal static KubeletCri.PodSandboxConfig Sandbox() =>
        new("web", "shop", "uid-1", 2, "web-host", false, new Dictionary<string, string> { ["app"] = "web" }, None);

    internal static KubeletCri.ContainerConfig Container() =>
        new("main", 3, "nginx:1.27", ["run"], ["--fast"], "/work", [new("A", "1")], false, false, None);
}
