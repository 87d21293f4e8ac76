using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Control.Storage;
using Orchestrator.Runtime.Tests.Nodes;

namespace Orchestrator.Node.Tests.Live;

/// <summary>Volumes as containers of a real runtime see them.</summary>
[Collection(ContainerdCollection.Name)]
public sealed class VolumeTests(ContainerdFixture fixture) : IAsyncLifetime
{
    private LiveNode? _node;

    private LiveNode Node => _node!;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_node is not null)
            await _node.DisposeAsync();
    }

    [LiveFact]
    public async Task A_change_of_a_config_map_is_seen_in_the_container_and_a_secret_lies_in_memory_only()
    {
        await StartAsync();
        Node.Api.Write(Map("settings", ("colour", "blue")));
        Node.Api.Write(new Secret { Metadata = Named("key"), Data = new() { ["key"] = "s3cret"u8.ToArray() } });

        Pod pod = Node.Bind("web", pod =>
        {
            pod.Spec.Volumes = [ConfigVolume("config", "settings"), SecretVolume("key", "key")];
            pod.Spec.Containers = [LiveNode.Shell("main", "sleep 1000", ("config", "/config"), ("key", "/key"))];
        });
        await Node.UntilReadyAsync("web");
        string first = await Node.ExecAsync("web", "main", "cat /config/colour /key/key");
        Node.Api.Write(Map("settings", ("colour", "red")));
        await Node.UntilSaysAsync("web", "main", "cat /config/colour", "red");

        Assert.Equal("blues3cret", first);
        Assert.Contains("Read-only file system", await Node.ExecAsync("web", "main", "touch /config/x 2>&1; touch /key/x 2>&1"));
        Assert.Contains(" /key tmpfs ro,", await Node.ExecAsync("web", "main", "cat /proc/mounts"));
        Assert.Equal(0, Node.Status("web", "main").RestartCount);
        string secret = Path.Combine(Node.PodFiles, pod.Uid, "volumes", "kubernetes.io~secret", "key");
        Assert.Contains(Node.Mounts(), mount => mount.StartsWith(secret + " ", StringComparison.Ordinal) && mount.Contains(" - tmpfs ", StringComparison.Ordinal));
    }

    [LiveFact]
    public async Task Containers_share_a_folder_and_one_in_memory_is_as_large_as_it_was_said_to_be()
    {
        await StartAsync();

        Node.Bind("pair", pod =>
        {
            pod.Spec.Volumes =
            [
                new Volume { Name = "disk", EmptyDir = new EmptyDirVolumeSource() },
                new Volume { Name = "fast", EmptyDir = new EmptyDirVolumeSource { Medium = "Memory", SizeLimit = Quantity.Parse("2Mi") } },
            ];
            pod.Spec.InitContainers = [LiveNode.Shell("first", "echo -n prepared > /disk/file", ("disk", "/disk"))];
            pod.Spec.Containers =
            [
                LiveNode.Shell("one", "sleep 1000", ("disk", "/disk"), ("fast", "/fast")),
                LiveNode.Shell("two", "sleep 1000", ("disk", "/other"), ("fast", "/fast")),
            ];
        });
        await Node.UntilReadyAsync("pair");
        await Node.ExecAsync("pair", "one", "echo -n quick > /fast/file");

        Assert.Equal("prepared", await Node.ExecAsync("pair", "two", "cat /other/file"));
        Assert.Equal("quick", await Node.ExecAsync("pair", "two", "cat /fast/file"));
        Assert.Matches("/fast tmpfs rw,.*size=2048k", await Node.ExecAsync("pair", "one", "cat /proc/mounts"));
        Assert.Contains("No space left on device", await Node.ExecAsync("pair", "one", "dd if=/dev/zero of=/fast/big bs=1M count=3 2>&1"));
        Assert.Equal("777 1777\n", await Node.ExecAsync("pair", "one", "echo $(stat -c %a /disk) $(stat -c %a /fast)"));
    }

    [LiveFact]
    public async Task Parts_of_volumes_are_given_and_a_link_out_of_the_volume_is_not_followed()
    {
        await StartAsync();
        Node.Api.Write(Map("settings", ("colour", "blue"), ("size", "3")));
        Node.Bind("parts", pod =>
        {
            pod.Spec.Volumes = [ConfigVolume("config", "settings"), new Volume { Name = "disk", EmptyDir = new EmptyDirVolumeSource() }];
            Container main = LiveNode.Shell("main", "sleep 1000", ("disk", "/disk"));
            main.Env = [new EnvVar { Name = "POD_NAME", ValueFrom = new EnvVarSource { FieldRef = new ObjectFieldSelector { FieldPath = "metadata.name" } } }];
            main.VolumeMounts!.Add(new VolumeMount { Name = "config", MountPath = "/etc/colour", SubPath = "colour" });
            main.VolumeMounts.Add(new VolumeMount { Name = "disk", MountPath = "/mine", SubPathExpr = "logs/$(POD_NAME)" });
            pod.Spec.Containers = [main];
        });
        await Node.UntilReadyAsync("parts");
        await Node.ExecAsync("parts", "main", "echo -n mine > /mine/file");

        Assert.Equal("blue", await Node.ExecAsync("parts", "main", "cat /etc/colour"));
        Assert.Equal("mine", await Node.ExecAsync("parts", "main", "cat /disk/logs/parts/file"));

        // The first container prepares the way out that the second one is to take.
        Node.Bind("evil", pod =>
        {
            pod.Spec.Volumes = [new Volume { Name = "disk", EmptyDir = new EmptyDirVolumeSource() }];
            pod.Spec.InitContainers = [LiveNode.Shell("first", "ln -s /etc /disk/out", ("disk", "/disk"))];
            Container main = LiveNode.Shell("main", "sleep 1000");
            main.VolumeMounts = [new VolumeMount { Name = "disk", MountPath = "/host", SubPath = "out" }];
            pod.Spec.Containers = [main];
        });
        await Node.UntilAsync(() => Node.Status("evil", "main").State?.Waiting?.Reason == "CreateContainerConfigError", "it is refused", "evil");

        Assert.Equal(
            "failed to prepare subPath for volumeMount \"disk\" of container \"main\"", Node.Status("evil", "main").State!.Waiting!.Message);
    }

    [LiveFact]
    public async Task A_pod_finds_its_own_token_and_a_new_one_in_time()
    {
        var clock = new SteppedTime();
        await StartAsync(clock);
        Node.Api.Clock = clock;
        Node.Api.Write(Map("kube-root-ca.crt", ("ca.crt", "certificate")));
        Pod pod = Node.Bind("robot", pod =>
        {
            pod.Spec.ServiceAccountName = "worker";
            pod.Spec.Volumes =
            [
                new Volume
                {
                    Name = "kube-api-access-abcde",
                    Projected = new ProjectedVolumeSource
                    {
                        DefaultMode = 0x1A4,
                        Sources =
                        [
                            new VolumeProjection { ServiceAccountToken = new ServiceAccountTokenProjection { Path = "token", ExpirationSeconds = 3607 } },
                            new VolumeProjection
                            {
                                ConfigMap = new ConfigMapProjection { Name = "kube-root-ca.crt", Items = [new KeyToPath { Key = "ca.crt", Path = "ca.crt" }] },
                            },
                            new VolumeProjection
                            {
                                DownwardAPI = new DownwardAPIProjection
                                {
                                    Items = [new DownwardAPIVolumeFile { Path = "namespace", FieldRef = new ObjectFieldSelector { FieldPath = "metadata.namespace" } }],
                                },
                            },
                        ],
                    },
                },
            ];
            pod.Spec.Containers = [LiveNode.Shell("main", "sleep 1000", ("kube-api-access-abcde", "/var/run/secrets/kubernetes.io/serviceaccount"))];
        });
        await Node.UntilReadyAsync("robot");

        Assert.Equal("token-1 certificate default", await Node.ExecAsync("robot", "main", "cd /var/run/secrets/kubernetes.io/serviceaccount; echo -n $(cat token) $(cat ca.crt) $(cat namespace)"));
        Assert.Equal(("worker", pod.Uid), (Node.Api.Tokens[0].ServiceAccount, Node.Api.Tokens[0].Request.Spec.BoundObjectRef!.Uid));

        clock.Advance(TimeSpan.FromSeconds(3607 * 0.81));
        await Node.UntilSaysAsync("robot", "main", "cat /var/run/secrets/kubernetes.io/serviceaccount/token", "token-2");
    }

    [LiveFact]
    public async Task Volumes_belong_to_the_pods_group()
    {
        await StartAsync();
        Node.Api.Write(new Secret { Metadata = Named("key"), Data = new() { ["key"] = "s3cret"u8.ToArray() } });

        Node.Bind("group", pod =>
        {
            pod.Spec.SecurityContext = new PodSecurityContext { RunAsUser = 1000, RunAsGroup = 3000, FsGroup = 4000 };
            pod.Spec.Volumes =
            [
                new Volume { Name = "disk", EmptyDir = new EmptyDirVolumeSource() },
                new Volume { Name = "fast", EmptyDir = new EmptyDirVolumeSource { Medium = "Memory" } },
                new Volume { Name = "key", Secret = new SecretVolumeSource { SecretName = "key", DefaultMode = 0x100 } },
            ];
            pod.Spec.Containers = [LiveNode.Shell("main", "sleep 1000", ("disk", "/disk"), ("fast", "/fast"), ("key", "/key"))];
        });
        await Node.UntilReadyAsync("group");

        Assert.Equal("s3cret", await Node.ExecAsync("group", "main", "cat /key/key"));
        Assert.Equal("440 4000\n", await Node.ExecAsync("group", "main", "stat -L -c '%a %g' /key/key"));
        Assert.Equal("2777 4000\n", await Node.ExecAsync("group", "main", "stat -c '%a %g' /disk"));
        Assert.Equal("3777 4000\n", await Node.ExecAsync("group", "main", "stat -c '%a %g' /fast"));
        Assert.Equal("1000 4000\n", await Node.ExecAsync("group", "main", "touch /disk/new; stat -c '%u %g' /disk/new"));
    }

    [LiveFact]
    public async Task A_kubelet_that_starts_anew_finds_the_mounts_and_a_pod_that_is_deleted_leaves_none()
    {
        await StartAsync();
        Node.Api.Write(Map("settings", ("colour", "blue")));
        Node.Api.Write(new Secret { Metadata = Named("key"), Data = new() { ["key"] = "s3cret"u8.ToArray() } });
        string disk = Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(Node.PodFiles)!, "disk")).FullName;
        AddClaim("data", "pv-1", disk);
        Pod pod = Node.Bind("kept", pod =>
        {
            pod.Spec.Volumes =
            [
                ConfigVolume("config", "settings"), SecretVolume("key", "key"), new Volume { Name = "fast", EmptyDir = new EmptyDirVolumeSource { Medium = "Memory" } },
                new Volume { Name = "data", PersistentVolumeClaim = new PersistentVolumeClaimVolumeSource { ClaimName = "data" } },
            ];
            Container main = LiveNode.Shell("main", "sleep 1000", ("config", "/config"), ("key", "/key"), ("fast", "/fast"), ("data", "/data"));
            main.VolumeMounts!.Add(new VolumeMount { Name = "data", MountPath = "/part", SubPath = "part" });
            pod.Spec.Containers = [main];
        });
        await Node.UntilReadyAsync("kept");
        await Node.ExecAsync("kept", "main", "echo -n dear > /data/file; echo -n quick > /fast/file");
        string? container = Node.Status("kept", "main").ContainerID;
        IReadOnlyList<string> before = Node.Mounts();

        await Node.StopAsync();
        Node.Api.Write(Map("settings", ("colour", "red"))); // While nobody looks.
        await Node.StartAsync();
        await Node.UntilSaysAsync("kept", "main", "cat /config/colour", "red");
        IReadOnlyList<string> after = Node.Mounts();
        string kept = await Node.ExecAsync("kept", "main", "cat /fast/file");

        Assert.Equal(4, before.Count);
        Assert.Equal(before, after);
        Assert.Equal(("quick", container, 0), (kept, Node.Status("kept", "main").ContainerID, Node.Status("kept", "main").RestartCount));

        Node.Api.Delete("kept", 30, DateTimeOffset.UtcNow);
        await Node.UntilAsync(() => Node.Api.Get<Pod>("kept", "default") is null, "it is gone");
        await Node.UntilAsync(() => !Node.Kubelet.Pods.Any(), "the kubelet has forgotten it");

        Assert.Empty(Node.Mounts());
        Assert.False(Directory.Exists(Path.Combine(Node.PodFiles, pod.Uid)));
        Assert.Equal("dear", File.ReadAllText(Path.Combine(disk, "file"))); // Data in a claim outlives its pod.
        Assert.True(Directory.Exists(Path.Combine(disk, "part")));
    }

    [LiveFact]
    public async Task A_folder_of_the_node_is_made_for_its_claim_and_goes_with_the_volume()
    {
        await StartAsync();
        string folder = Path.Combine(Node.LocalVolumes, "pvc-1_default_data");
        AddClaim("data", "pvc-1", folder, volume =>
        {
            volume.Metadata.Finalizers = [LocalPathProvisioner.Finalizer];
            volume.Metadata.Annotations = new() { [StorageNames.ProvisionedBy] = LocalPathProvisioner.Name, [StorageNames.SelectedNode] = LiveNode.Name };
        });
        void Use(Pod pod)
        {
            pod.Spec.SecurityContext = new PodSecurityContext { RunAsUser = 1000, RunAsGroup = 1000, FsGroup = 4000 };
            pod.Spec.Volumes = [new Volume { Name = "data", PersistentVolumeClaim = new PersistentVolumeClaimVolumeSource { ClaimName = "data" } }];
            pod.Spec.Containers = [LiveNode.Shell("main", "sleep 1000", ("data", "/data"))];
        }

        Node.Bind("first", Use);
        await Node.UntilReadyAsync("first");
        await Node.ExecAsync("first", "main", "echo -n dear > /data/file");
        Node.Api.Remove("first");
        await Node.UntilAsync(() => !Node.Kubelet.Pods.Any(), "the first is gone");
        Node.Bind("second", Use);
        await Node.UntilReadyAsync("second");
        string kept = await Node.ExecAsync("second", "main", "cat /data/file; stat -c ' %a %g' /data");
        Node.Api.Remove("second");
        await Node.UntilAsync(() => !Node.Kubelet.Pods.Any(), "the second is gone");
        bool outlived = Directory.Exists(folder);
        PersistentVolume deleted = Node.Api.Get<PersistentVolume>("pvc-1")!.DeepClone();
        deleted.Metadata.DeletionTimestamp = DateTimeOffset.UtcNow;
        Node.Api.Write(deleted);
        await Node.UntilAsync(() => Node.Api.Get<PersistentVolume>("pvc-1")!.Metadata.Finalizers.OrEmpty().Count == 0, "the node lets go of it");

        Assert.Equal("dear 2777 4000\n", kept);
        Assert.True(outlived);
        Assert.False(Directory.Exists(folder));
    }

    [LiveFact]
    public async Task A_folder_that_grows_too_large_ends_its_pod()
    {
        await StartAsync();
        Node.Bind("greedy", pod =>
        {
            pod.Spec.Volumes = [new Volume { Name = "disk", EmptyDir = new EmptyDirVolumeSource { SizeLimit = Quantity.Parse("1Mi") } }];
            pod.Spec.Containers = [LiveNode.Shell("main", "dd if=/dev/zero of=/disk/big bs=1M count=4; sleep 1000", ("disk", "/disk"))];
        });
        await Node.UntilAsync(() => Node.Api.Pod("greedy").Status.Phase == "Failed", "it is evicted", "greedy");

        Pod pod = Node.Api.Pod("greedy");
        Assert.Equal(("Evicted", "Usage of EmptyDir volume \"disk\" exceeds the limit \"1Mi\". "), (pod.Status.Reason, pod.Status.Message));
        Assert.False(Directory.Exists(Path.Combine(Node.PodFiles, pod.Uid, "volumes")));
    }

    [LiveFact]
    public async Task A_pod_that_writes_more_than_its_containers_may_is_ended()
    {
        await StartAsync();
        Node.Bind("writer", pod =>
        {
            pod.Spec.Containers = [LiveNode.Shell("main", "dd if=/dev/zero of=/big bs=1M count=8; sleep 1000")];
            pod.Spec.Containers[0].Resources = new ResourceRequirements { Limits = new() { ["ephemeral-storage"] = Quantity.Parse("2Mi") } };
        });
        await Node.UntilAsync(() => Node.Api.Pod("writer").Status.Phase == "Failed", "it is evicted", "writer");

        Pod pod = Node.Api.Pod("writer");
        Assert.Equal(("Evicted", "Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. "), (pod.Status.Reason, pod.Status.Message));
        Assert.DoesNotContain(pod.Status.Conditions!, condition => condition.Type == "DisruptionTarget");
    }

    [LiveFact]
    public async Task What_a_pod_left_that_went_while_no_kubelet_was_there_is_cleaned_up()
    {
        await StartAsync();
        Node.Api.Write(new Secret { Metadata = Named("key"), Data = new() { ["key"] = "s3cret"u8.ToArray() } });
        Node.Bind("lost", pod =>
        {
            pod.Spec.Volumes = [SecretVolume("key", "key")];
            pod.Spec.Containers = [LiveNode.Shell("main", "sleep 1000", ("key", "/key"))];
        });
        await Node.UntilReadyAsync("lost");

        await Node.StopAsync();
        Node.Api.Remove("lost");
        await Node.StartAsync();
        await Node.UntilAsync(() => Directory.GetDirectories(Node.PodFiles).Length == 0, "its folder is gone");
        await Node.UntilAsync(() => Directory.GetDirectories(Node.PodLogs, "default_lost_*").Length == 0, "its logs are gone");

        Assert.Empty(Node.Mounts());
    }

    [LiveFact]
    public async Task A_pod_whose_config_is_missing_is_creating_its_containers_until_it_is_there()
    {
        await StartAsync();
        Node.Bind("early", pod =>
        {
            pod.Spec.Volumes = [ConfigVolume("config", "settings")];
            pod.Spec.Containers = [LiveNode.Shell("main", "sleep 1000", ("config", "/config"))];
        });
        await Node.UntilAsync(() => Node.Api.Events.Any(told => told.Reason == "FailedMount"), "it is told", "early");
        await Node.UntilAsync(() => Node.Status("early", "main").State?.Waiting is not null, "it waits", "early");
        string? waiting = Node.Status("early", "main").State!.Waiting!.Reason;

        Node.Api.Write(Map("settings", ("colour", "blue")));
        await Node.UntilReadyAsync("early");

        Assert.Equal("ContainerCreating", waiting);
        Assert.Equal(
            "MountVolume.SetUp failed for volume \"config\" : configmap \"settings\" not found",
            Node.Api.Events.First(told => told.Reason == "FailedMount").Message);
        Assert.Equal("blue", await Node.ExecAsync("early", "main", "cat /config/colour"));
    }

    private static Volume ConfigVolume(string name, string map) => new() { Name = name, ConfigMap = new ConfigMapVolumeSource { Name = map } };

    private static Volume SecretVolume(string name, string secret) => new() { Name = name, Secret = new SecretVolumeSource { SecretName = secret } };

    private static ConfigMap Map(string name, params (string Key, string Value)[] data) =>
        new() { Metadata = Named(name), Data = data.ToDictionary(entry => entry.Key, entry => entry.Value) };

    private static ObjectMeta Named(string name) => new() { Name = name, Namespace = "default", Uid = "uid-of-" + name };

    private void AddClaim(string name, string volume, string path, Action<PersistentVolume>? change = null)
    {
        Node.Api.Write(new PersistentVolumeClaim
        {
            Metadata = Named(name),
            Spec = new PersistentVolumeClaimSpec { VolumeName = volume },
            Status = new PersistentVolumeClaimStatus { Phase = "Bound" },
        });
        var made = new PersistentVolume
        {
            Metadata = new ObjectMeta { Name = volume },
            Spec = new PersistentVolumeSpec
            {
                Local = new LocalVolumeSource { Path = path },
                ClaimRef = new ObjectReference { Namespace = "default", Name = name, Uid = "uid-of-" + name },
            },
        };
        change?.Invoke(made);
        Node.Api.Write(made);
    }

    private async Task StartAsync(TimeProvider? clock = null)
    {
        _node = new LiveNode(await fixture.GetAsync()) { Clock = clock ?? TimeProvider.System };
        await _node.StartAsync();
    }
}
