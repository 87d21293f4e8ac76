using System.Diagnostics;
using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Images;
using Orchestrator.Runtime.Tests.Nodes;

namespace Orchestrator.Node.Tests.Live;

/// <summary>The whole way of a pod on a node with a real runtime.</summary>
[Collection(ContainerdCollection.Name)]
public sealed class KubeletTests(ContainerdFixture fixture) : IAsyncLifetime
{
    private const string NodeName = "real";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly FakeKubeletApi _api = new();
    private readonly List<string> _pods = [];
    private RealContainerd? _containerd;
    private KubeletServices? _services;
    private ContainerNode? _node;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_node is null)
            return;
        foreach (string pod in _pods.Where(pod => _api.Get<Pod>(pod, "default") is not null))
            _api.Remove(pod);
        await UntilAsync(() => !_node.Kubelet.Pods.Any(), "all pods are gone");
        await StopAsync();
        Assert.Empty(Directory.GetDirectories(Path.Combine(_containerd!.Folder, "pods")));
    }

    [LiveFact]
    public async Task A_pod_runs_and_is_ready_and_its_containers_share_what_pods_share()
    {
        await StartAsync();

        Bind("web", pod =>
        {
            pod.Spec.Containers = [Shell("server", "httpd -f -p 8080 -h /www"), Shell("client", "sleep 1000")];
            pod.Spec.Containers[0].ReadinessProbe = new Probe { HttpGet = new HTTPGetAction { Path = "/index.html", Port = IntOrString.FromInt(8080) } };
            pod.Spec.Containers[1].Env = [new EnvVar { Name = "GREETING", Value = "hi" }];
        });
        await UntilAsync(() => IsReady("web"), "it is ready", "web");

        Pod pod = _api.Pod("web");
        Assert.Equal("Running", pod.Status.Phase);
        Assert.StartsWith("10.88.0.", pod.Status.PodIP);
        Assert.Equal(["server", "client"], pod.Status.ContainerStatuses!.Select(status => status.Name));
        Assert.All(pod.Status.ContainerStatuses!, status => Assert.StartsWith("containerd://", status.ContainerID));
        Assert.Equal("hello from the pod\n", await ExecAsync("web", "client", "wget -q -O - http://localhost:8080/index.html"));
        Assert.Equal("web hi\n", await ExecAsync("web", "client", "echo $(hostname) $GREETING"));
        Assert.Contains($"{pod.Status.PodIP}\tweb\n", await ExecAsync("web", "client", "cat /etc/hosts"));
        Assert.StartsWith("containerd://", _api.Get<Orchestrator.Api.CoreV1.Node>(NodeName)!.Status.NodeInfo!.ContainerRuntimeVersion);
    }

    [LiveFact]
    public async Task A_container_that_ends_is_run_again_and_its_last_words_are_told()
    {
        await StartAsync();

        Bind("again", pod => pod.Spec.Containers = [Shell("main", "echo -n bye > /dev/termination-log; exit 3")]);
        await UntilAsync(() => Main("again").RestartCount >= 2, "it was run again", "again");

        ContainerStateTerminated last = Main("again").LastState!.Terminated!;
        Assert.Equal((3, "Error", "bye"), (last.ExitCode, last.Reason, last.Message));
    }

    [LiveFact]
    public async Task A_kubelet_that_starts_anew_finds_its_pods_and_restarts_none()
    {
        await StartAsync();
        Bind("kept", pod => pod.Spec.Containers = [Shell("main", "sleep 1000")]);
        await UntilAsync(() => IsReady("kept"), "it is ready", "kept");
        string? id = Main("kept").ContainerID;

        await StopAsync();
        await StartAsync();
        await UntilAsync(() => _node!.Kubelet.Pods.Any() && Observed("kept") is not null, "the kubelet knows it");
        _api.Change("kept", pod => pod.Metadata.Annotations = new Dictionary<string, string> { ["changed"] = "yes" });
        await UntilAsync(() => IsReady("kept"), "it is still ready", "kept");

        Assert.Equal((id, 0), (Main("kept").ContainerID, Main("kept").RestartCount));
        Assert.Single(await _containerd!.Runtime.ListContainersAsync(_api.Pod("kept").Uid, CancellationToken.None));
    }

    [LiveFact]
    public async Task A_pod_that_is_deleted_ends_in_its_grace_and_leaves_nothing()
    {
        await StartAsync();
        Bind("gone", pod => pod.Spec.Containers = [Shell("main", "trap 'exit 0' TERM; while true; do sleep 0.1; done")]);
        await UntilAsync(() => IsReady("gone"), "it is ready", "gone");
        string uid = _api.Pod("gone").Uid;

        _api.Delete("gone", 30, DateTimeOffset.UtcNow);
        await UntilAsync(() => _api.Get<Pod>("gone", "default") is null, "it is gone");
        await UntilAsync(() => !_node!.Kubelet.Pods.Any(), "the kubelet has forgotten it");

        Assert.Empty(await _containerd!.Runtime.ListPodSandboxAsync(uid, CancellationToken.None));
        Assert.Empty(await _containerd.Runtime.ListContainersAsync(uid, CancellationToken.None));
        Assert.False(Directory.Exists(Path.Combine(_containerd.Folder, "pods", uid)));
        Assert.Empty(Directory.GetDirectories(Path.Combine(_containerd.Folder, "logs"), $"*{uid}"));
    }

    [LiveFact]
    public async Task Limits_are_the_kernels_and_who_needs_more_memory_is_killed()
    {
        await StartAsync();

        Bind("limits", pod =>
        {
            pod.Spec.RestartPolicy = "Never";
            pod.Spec.Containers = [Shell("main", "sleep 1000"), Shell("hungry", "sleep 1; dd if=/dev/zero of=/dev/null bs=64M count=1")];
            pod.Spec.Containers[0].Resources = Resources(("cpu", "250m"), ("memory", "32Mi"));
            pod.Spec.Containers[1].Resources = Resources(("cpu", "100m"), ("memory", "16Mi"));
        });
        await UntilAsync(() => Status("limits", "hungry").State?.Terminated is not null, "it was killed", "limits");

        Assert.Equal((137, "OOMKilled"), (Status("limits", "hungry").State!.Terminated!.ExitCode, Status("limits", "hungry").State!.Terminated!.Reason));
        string id = Status("limits", "main").ContainerID!["containerd://".Length..];
        string cgroup = $"{_containerd!.Name}/pod{_api.Pod("limits").Uid}/{id}";
        Assert.Equal("256", Cgroup("cpu", cgroup, "cpu.shares"));
        Assert.Equal("25000", Cgroup("cpu", cgroup, "cpu.cfs_quota_us"));
        Assert.Equal((32 << 20).ToString(), Cgroup("memory", cgroup, "memory.limit_in_bytes"));
        string ofPod = Path.GetDirectoryName(cgroup)!;
        Assert.Equal("35000", Cgroup("cpu", ofPod, "cpu.cfs_quota_us"));
        Assert.Equal((48 << 20).ToString(), Cgroup("memory", ofPod, "memory.limit_in_bytes"));

        _api.Remove("limits");
        await UntilAsync(() => !_node!.Kubelet.Pods.Any(), "it is gone");
        Assert.DoesNotContain(Directory.GetDirectories("/sys/fs/cgroup"), controller => Directory.Exists(Path.Combine(controller, ofPod)));
    }

    [LiveFact]
    public async Task A_container_has_the_rights_that_its_pod_gives_it()
    {
        await StartAsync();

        Bind("rights", pod =>
        {
            pod.Spec.SecurityContext = new PodSecurityContext
            {
                RunAsUser = 1000,
                RunAsGroup = 3000,
                FsGroup = 4000,
                Sysctls = [new Sysctl { Name = "net.ipv4.ip_unprivileged_port_start", Value = "80" }],
            };
            pod.Spec.Containers = [Shell("main", "sleep 1000")];
            pod.Spec.Containers[0].SecurityContext = new SecurityContext
            {
                AllowPrivilegeEscalation = false,
                ReadOnlyRootFilesystem = true,
                Capabilities = new Capabilities { Drop = ["ALL"], Add = ["NET_BIND_SERVICE"] },
                SeccompProfile = new SeccompProfile { Type = "RuntimeDefault" },
            };
        });
        await UntilAsync(() => IsReady("rights"), "it is ready", "rights");

        Assert.Equal("1000 3000 3000 2000 4000", Sorted(await ExecAsync("rights", "main", "echo $(id -u) $(id -g) $(id -G)")));
        string status = await ExecAsync("rights", "main", "cat /proc/1/status");
        Assert.Matches(@"CapBnd:\s+0000000000000400\n", status);
        Assert.Matches(@"NoNewPrivs:\s+1\n", status);
        Assert.Matches(@"Seccomp:\s+2\n", status);
        Assert.Contains("Read-only file system", await ExecAsync("rights", "main", "touch /etc/file 2>&1"));
        Assert.Equal("80\n", await ExecAsync("rights", "main", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start"));
        Assert.Equal("0\n", await ExecAsync("rights", "main", "cat /proc/interrupts | wc -c"));
        Assert.Contains(" /proc/sys proc ro,", await ExecAsync("rights", "main", "cat /proc/mounts"));

        static string Sorted(string groups)
        {
            string[] words = groups.Trim().Split(' ');
            return string.Join(' ', [.. words[..3], .. words[3..].Order()]);
        }
    }

    [LiveFact]
    public async Task Images_that_must_not_run_and_images_that_are_nowhere_are_told_with_reasons()
    {
        await StartAsync();

        Bind("root", pod =>
        {
            pod.Spec.Containers = [Shell("main", "sleep 1000")];
            pod.Spec.Containers[0].SecurityContext = new SecurityContext { RunAsNonRoot = true };
        });
        Bind("nowhere", pod =>
        {
            pod.Spec.Containers = [Shell("main", "sleep 1000")];
            pod.Spec.Containers[0].Image = "127.0.0.1:9/nobody/nothing:1";
        });
        await UntilAsync(() => Main("root").State?.Waiting?.Reason == "CreateContainerConfigError", "root is refused", "root");
        await UntilAsync(() => Main("nowhere").State?.Waiting?.Reason is "ErrImagePull" or "ImagePullBackOff", "the pull fails", "nowhere");

        Assert.StartsWith("container has runAsNonRoot and image will run as root (pod: \"root_default(", Main("root").State!.Waiting!.Message);
        Assert.Contains("failed to pull and unpack image \"127.0.0.1:9/nobody/nothing:1\"", Main("nowhere").State!.Waiting!.Message);
    }

    [LiveFact]
    public async Task An_image_of_a_private_registry_comes_with_the_pods_secret_and_not_without()
    {
        await StartAsync();
        using var archive = new MemoryStream();
        new OciArchive { Name = "private", EntryPoint = ["/pause"] }.AddProgram("pause", PauseImage.Program()).Write(archive);
        await using TestRegistry registry = await TestRegistry.StartAsync(_containerd!.Network, archive.ToArray());
        _api.Write(new Secret
        {
            Metadata = new ObjectMeta { Name = "pull", Namespace = "default" },
            Data = new()
            {
                [".dockerconfigjson"] = Encoding.UTF8.GetBytes(
                    $$$"""{"auths":{"127.0.0.1:{{{registry.Port}}}":{"username":"{{{TestRegistry.User}}}","password":"{{{TestRegistry.Password}}}" } } }"""),
            },
        });

        Bind("without", pod => pod.Spec.Containers = [new Container { Name = "main", Image = registry.Image + ":1" }]);
        string refusal = "";
        await UntilAsync(
            () => (refusal = Main("without").State?.Waiting is { Reason: "ErrImagePull" } failed ? failed.Message! : "").Length > 0, "the pull fails", "without");
        Bind("with", pod =>
        {
            pod.Spec.Containers = [new Container { Name = "main", Image = registry.Image + ":1" }];
            pod.Spec.ImagePullSecrets = [new LocalObjectReference { Name = "pull" }];
        });
        await UntilAsync(() => IsReady("with"), "it is ready", "with");
        // By its hash it is the same image, whatever its tag says by then.
        string byHash = Main("with").ImageID!;
        Bind("by-hash", pod =>
        {
            pod.Spec.Containers = [new Container { Name = "main", Image = byHash.Replace("@", ":2@", StringComparison.Ordinal), ImagePullPolicy = "Always" }];
            pod.Spec.ImagePullSecrets = [new LocalObjectReference { Name = "pull" }];
        });
        await UntilAsync(() => IsReady("by-hash"), "it is ready", "by-hash");

        Assert.Equal(byHash, Main("by-hash").ImageID);
        Assert.Contains($"failed to pull and unpack image \"{registry.Image}:1\": ", refusal);
        Assert.StartsWith($"{registry.Image}@sha256:", Main("with").ImageID);
    }

    [LiveFact]
    public async Task A_port_of_the_pod_is_one_of_the_node_and_names_are_asked_of_the_cluster()
    {
        await StartAsync();

        Bind("port", pod =>
        {
            pod.Spec.DnsPolicy = "ClusterFirst";
            pod.Spec.Containers = [Shell("main", "httpd -f -p 8080 -h /www")];
            pod.Spec.Containers[0].Ports = [new ContainerPort { ContainerPortValue = 8080, HostPort = 18080 }];
        });
        await UntilAsync(() => IsReady("port"), "it is ready", "port");

        Assert.Equal(
            "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n",
            await ExecAsync("port", "main", "cat /etc/resolv.conf"));
        Assert.Contains("hello from the pod", await GetFromNodeAsync("10.88.0.1", 18080));
    }

    private async Task StartAsync()
    {
        _containerd ??= await fixture.GetAsync();
        Directory.CreateDirectory(Path.Combine(_containerd.Folder, "pods"));
        _services = new KubeletServices(_api, TimeProvider.System);
        _node = await ContainerNode.StartAsync(
            new KubeletOptions
            {
                NodeName = NodeName,
                NodeIp = "10.88.0.1",
                FirstReportDelay = TimeSpan.Zero,
                Containers = new ContainerSettings
                {
                    PodLogs = Path.Combine(_containerd.Folder, "logs"),
                    PodFiles = Path.Combine(_containerd.Folder, "pods"),
                    CgroupRoot = "/" + _containerd.Name,
                    ClusterDns = ["10.96.0.10"],
                },
            },
            _services,
            _containerd.Connection.Options,
            CancellationToken.None);
    }

    private async Task StopAsync()
    {
        await _node!.DisposeAsync();
        await _services!.DisposeAsync();
    }

    private void Bind(string name, Action<Pod> change)
    {
        var pod = new Pod
        {
            Metadata = new ObjectMeta { Name = name, Namespace = "default", Annotations = [] },
            Spec = new PodSpec { NodeName = NodeName, RestartPolicy = "Always", TerminationGracePeriodSeconds = 0 },
        };
        change(pod);
        _pods.Add(name);
        _api.Bind(pod);
    }

    private static Container Shell(string name, string script) =>
        new() { Name = name, Image = RealContainerd.Busybox, Command = ["sh", "-c", script], ImagePullPolicy = "IfNotPresent" };

    private static ResourceRequirements Resources(params (string Name, string Amount)[] limits) => new()
    {
        Limits = limits.ToDictionary(limit => limit.Name, limit => Quantity.Parse(limit.Amount)),
        Requests = limits.ToDictionary(limit => limit.Name, limit => Quantity.Parse(limit.Amount)),
    };

    private ContainerStatus Main(string pod) => Status(pod, "main");

    private ContainerStatus Status(string pod, string container) =>
        _api.Pod(pod).Status.ContainerStatuses!.First(status => status.Name == container);

    private bool IsReady(string pod) => _api.Pod(pod).Status.Conditions.OrEmpty().Any(condition => condition is { Type: "Ready", Status: "True" });

    private object? Observed(string pod) => _node!.Kubelet.FindPod("default", pod)?.Observed.Sandbox;

    private async Task<string> ExecAsync(string pod, string container, string script)
    {
        string id = Status(pod, container).ContainerID!["containerd://".Length..];
        return (await _containerd!.Runtime.ExecSyncAsync(id, ["sh", "-c", script], TimeSpan.FromSeconds(30), CancellationToken.None)).Output;
    }

    private static string Cgroup(string controller, string path, string file) => File.ReadAllText($"/sys/fs/cgroup/{controller}/{path}/{file}").Trim();

    private async Task<string> GetFromNodeAsync(string address, int port)
    {
        using var socket = await _containerd!.Network.ConnectAsync(new System.Net.DnsEndPoint(address, port), CancellationToken.None);
        await using var stream = new System.Net.Sockets.NetworkStream(socket);
        await stream.WriteAsync("GET /index.html HTTP/1.0\r\n\r\n"u8.ToArray());
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return await reader.ReadToEndAsync().WaitAsync(Patience);
    }

    private async Task UntilAsync(Func<bool> holds, string what, string? pod = null)
    {
        long began = Stopwatch.GetTimestamp();
        while (!Holds(holds))
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"never: {what}; {Describe(pod)}");
            await Task.Delay(50);
        }
    }

    private string Describe(string? pod)
    {
        if (pod is null || _api.Get<Pod>(pod, "default") is not { } found)
            return "";
        string events = string.Join('\n', _api.Events.Select(told => $"{told.Reason}: {told.Message}"));
        return $"{Encoding.UTF8.GetString(KubernetesJson.Serialize(found))}\n{events}\n{_containerd!.Log()}";
    }

    private static bool Holds(Func<bool> holds)
    {
        try
        {
            return holds();
        }
        catch (Exception e) when (e is NullReferenceException or InvalidOperationException or ArgumentNullException)
        {
            return false; // Not there yet.
        }
    }
}
