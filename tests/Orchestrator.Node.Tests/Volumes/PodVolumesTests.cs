using System.Diagnostics;
using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Control.Storage;
using Orchestrator.Node.Tests.Fake;
using Orchestrator.Runtime.Kubelet;
using Orchestrator.Runtime.Kubelet.Cri;
using Orchestrator.Runtime.Kubelet.Pods;
using Orchestrator.Runtime.Kubelet.Volumes;
using Orchestrator.Runtime.Tests.Nodes;

namespace Orchestrator.Node.Tests.Volumes;

/// <summary>The volumes of pods from their making to their end: real files, a pretended table of mounts, a clock that stands.</summary>
public sealed class PodVolumesTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly TemporaryFolder _node = new();
    private readonly PretendMounts _mounts = new();
    private readonly SteppedTime _clock = new();
    private readonly FakeKubeletApi _api = new();
    private readonly List<PodVolumes> _made = [];
    private readonly List<string> _told = [];
    private readonly List<string> _evictions = [];
    private readonly Alarms _alarms;
    private readonly VolumeSurroundings _around;
    private int _wakes;

    public PodVolumesTests()
    {
        _api.Clock = _clock;
        _alarms = new Alarms(_clock);
        _around = new VolumeSurroundings
        {
            PodFiles = _node.Path,
            Mounts = _mounts,
            Api = _api,
            Objects = new WatchedObjects(_api, _clock, CancellationToken.None),
            Alarms = _alarms,
            Allocatable = new Dictionary<string, Quantity>(),
            LocalVolumes = Path.Combine(_node.Path, "local"),
        };
    }

    public async ValueTask DisposeAsync()
    {
        foreach (PodVolumes volumes in _made)
            await volumes.DisposeAsync();
        _alarms.Dispose();
        _node.Dispose();
    }

    [Fact]
    public async Task A_pod_waits_for_what_is_missing_and_each_time_longer()
    {
        PodVolumes volumes = For(Pod("web", ConfigMapVolume("config", "settings")));
        var waits = new List<double>();

        for (int i = 0; i < 10; i++)
        {
            DateTimeOffset retry = (await volumes.SetUpAsync(CancellationToken.None))!.Value;
            waits.Add((retry - _clock.GetUtcNow()).TotalSeconds);
            Assert.Equal(retry, await volumes.SetUpAsync(CancellationToken.None)); // Asked too early: nothing is tried.
            _clock.Advance(retry - _clock.GetUtcNow());
        }

        Assert.Equal([0.5, 1, 2, 4, 8, 16, 32, 64, 122, 122], waits);
        Assert.Equal(Enumerable.Repeat("MountVolume.SetUp failed for volume \"config\" : configmap \"settings\" not found", 10), _told);
        Assert.False(Directory.Exists(Root("web", "configmap", "config")));
    }

    [Fact]
    public async Task What_was_missing_is_had_as_soon_as_it_is_there()
    {
        PodVolumes volumes = For(Pod("web", ConfigMapVolume("config", "settings")));
        Assert.NotNull(await volumes.SetUpAsync(CancellationToken.None));

        _api.Write(Map("settings", ("colour", "blue")));
        await UntilAsync(() => _wakes > 0, "the pod is woken");

        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));
        Assert.Equal("blue", Read("web", "configmap", "config", "colour"));
    }

    [Fact]
    public async Task Files_follow_their_object_and_equal_content_stays()
    {
        _api.Write(Map("settings", ("colour", "blue")));
        PodVolumes volumes = For(Pod("web", ConfigMapVolume("config", "settings")));
        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));
        string link = Path.Combine(Root("web", "configmap", "config"), "..data");
        string before = new FileInfo(link).LinkTarget!;

        ConfigMap labelled = Map("settings", ("colour", "blue"));
        labelled.Metadata.Labels = new() { ["changed"] = "yes" };
        _api.Write(labelled);
        _api.Write(Map("settings", ("colour", "blue"), ("size", "3")));
        await UntilAsync(() => ReadOrNull("web", "configmap", "config", "size") == "3", "the new key is there");
        _api.Write(Map("settings", ("size", "4")));
        await UntilAsync(() => ReadOrNull("web", "configmap", "config", "size") == "4", "the new value is there");

        Assert.NotEqual(before, new FileInfo(link).LinkTarget);
        Assert.False(Path.Exists(Path.Combine(Root("web", "configmap", "config"), "colour")));
        Assert.Equal(1, _api.Counts["watch ConfigMap"]);
        Assert.Equal(0, _wakes); // Its containers need not hear of it.
    }

    [Fact]
    public async Task What_an_object_that_was_deleted_was_is_kept_and_told_until_it_is_there_again()
    {
        _api.Write(Map("settings", ("colour", "blue")));
        PodVolumes volumes = For(Pod("web", ConfigMapVolume("config", "settings")));
        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));

        _api.Erase<ConfigMap>("settings", "shop");
        await UntilAsync(() => Told().Length == 1, "it is told");
        string kept = Read("web", "configmap", "config", "colour");
        await AdvanceUntilAsync(() => Told().Length == 3, TimeSpan.FromSeconds(0.5), "it is told again, after a pause");
        _api.Write(Map("settings", ("colour", "red")));
        await UntilAsync(() => Read("web", "configmap", "config", "colour") == "red", "the new one is there");

        Assert.Equal("blue", kept);
        Assert.All(Told(), text => Assert.Equal("MountVolume.SetUp failed for volume \"config\" : configmap \"settings\" not found", text));
    }

    [Fact]
    public async Task Pods_share_a_watch_and_the_last_one_ends_it()
    {
        _api.Write(Map("settings", ("colour", "blue")));
        PodVolumes first = For(Pod("one", ConfigMapVolume("config", "settings")));
        PodVolumes second = For(Pod("two", ConfigMapVolume("config", "settings")));
        Assert.Null(await first.SetUpAsync(CancellationToken.None));
        Assert.Null(await second.SetUpAsync(CancellationToken.None));
        int shared = _api.WatchCount;

        await first.TakeDownAsync(CancellationToken.None);
        _api.Write(Map("settings", ("colour", "red")));
        await UntilAsync(() => Read("two", "configmap", "config", "colour") == "red", "the other goes on");
        int left = _api.WatchCount;
        await second.TakeDownAsync(CancellationToken.None);
        await UntilAsync(() => _api.WatchCount == 0, "nobody watches");

        Assert.Equal((1, 1), (shared, left));
        Assert.Equal(0, _around.Objects.Count);
    }

    [Fact]
    public async Task What_never_changes_is_not_watched_on()
    {
        ConfigMap map = Map("settings", ("colour", "blue"));
        map.Immutable = true;
        _api.Write(map);
        PodVolumes volumes = For(Pod("web", ConfigMapVolume("config", "settings")));

        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));
        await UntilAsync(() => _api.WatchCount == 0, "nobody watches");

        Assert.Equal("blue", Read("web", "configmap", "config", "colour"));
    }

    [Fact]
    public async Task Secrets_and_tokens_lie_in_memory_and_config_on_the_disk()
    {
        _api.Write(Map("settings", ("colour", "blue")));
        _api.Write(new Secret { Metadata = Named("key"), Data = new() { ["key"] = "s3cret"u8.ToArray() } });
        PodVolumes volumes = For(Pod(
            "web", ConfigMapVolume("config", "settings"), new Volume { Name = "key", Secret = new SecretVolumeSource { SecretName = "key", DefaultMode = 0x100 } },
            TokenVolume("token", 3600)));

        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));

        Assert.Equal([Root("web", "projected", "token"), Root("web", "secret", "key")], _mounts.Mounted.Order());
        Assert.All(_mounts.Made, made => Assert.EndsWith(" mode=01777", made));
        Assert.Equal("s3cret", Read("web", "secret", "key", "key"));
        Assert.Equal("token-1", Read("web", "projected", "token", "token"));
        Assert.Equal(0x1E8, (int)File.GetUnixFileMode(Path.Combine(_node.Path, "uid-web"))); // 0750: for nobody else on the node.
    }

    [Fact]
    public async Task A_token_is_the_pods_own_and_is_renewed_when_a_fifth_of_its_life_is_left()
    {
        Pod pod = Pod("web", TokenVolume("token", 3607, "vault"));
        pod.Spec.ServiceAccountName = "robot";
        PodVolumes volumes = For(pod);
        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));

        _clock.Advance(TimeSpan.FromSeconds(3607 * 0.79));
        volumes.Update(Changed(pod)); // Something else makes it look.
        await UntilAsync(() => ReadOrNull("web", "projected", "token", "label") == "1", "it was looked at");
        string early = Read("web", "projected", "token", "token");
        _clock.Advance(TimeSpan.FromSeconds(3607 * 0.02));
        await UntilAsync(() => Read("web", "projected", "token", "token") == "token-2", "it is renewed");

        Assert.Equal("token-1", early);
        Assert.Equal(2, _api.Tokens.Count);
        var (account, request) = _api.Tokens[0];
        Assert.Equal("robot", account);
        Assert.Equal(["vault"], request.Spec.Audiences);
        Assert.Equal(3607, request.Spec.ExpirationSeconds);
        Assert.Equal(("v1", "Pod", "web", "uid-web"), (
            request.Spec.BoundObjectRef!.ApiVersion, request.Spec.BoundObjectRef.Kind, request.Spec.BoundObjectRef.Name, request.Spec.BoundObjectRef.Uid));
    }

    [Fact]
    public async Task A_token_of_a_long_life_is_renewed_each_day()
    {
        PodVolumes volumes = For(Pod("web", TokenVolume("token", 30 * 24 * 3600)));
        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));

        _clock.Advance(TimeSpan.FromHours(24));
        await UntilAsync(() => Read("web", "projected", "token", "token") == "token-2", "it is renewed");
    }

    [Fact]
    public async Task A_token_that_cannot_be_renewed_is_kept_while_it_holds_and_renewed_later()
    {
        PodVolumes volumes = For(Pod("web", TokenVolume("token", 3600)));
        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));

        _api.Failure = new IOException("nobody answers");
        _clock.Advance(TimeSpan.FromMinutes(50));
        await UntilAsync(() => _api.Counts["create TokenRequest"] >= 2, "it was tried");
        string meanwhile = Read("web", "projected", "token", "token");
        _api.Failure = null;
        await AdvanceUntilAsync(() => Read("web", "projected", "token", "token") == "token-2", TimeSpan.FromSeconds(5), "it is renewed");

        Assert.Equal("token-1", meanwhile);
        Assert.Empty(Told());
    }

    [Fact]
    public async Task A_token_that_cannot_be_had_is_told()
    {
        _api.Failure = new IOException("nobody answers");
        PodVolumes volumes = For(Pod("web", TokenVolume("token", 3600)));

        Assert.NotNull(await volumes.SetUpAsync(CancellationToken.None));

        Assert.Equal(["MountVolume.SetUp failed for volume \"token\" : failed to fetch token: nobody answers"], Told());
        Assert.Empty(_mounts.Mounted);
    }

    [Theory]
    [InlineData(false, 0x1A4)]
    [InlineData(true, 0x180)]
    public async Task A_token_is_read_by_its_pods_user_alone_where_the_pod_names_one(bool namesUser, int mode)
    {
        Pod pod = Pod("web", TokenVolume("token", 3600));
        pod.Spec.SecurityContext = new PodSecurityContext { RunAsUser = namesUser ? LinuxFiles.StateOf(_node.Path)!.Value.User : null };
        PodVolumes volumes = For(pod);

        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));

        Assert.Equal(mode, (int)File.GetUnixFileMode(Path.Combine(Root("web", "projected", "token"), "..data", "token")));
    }

    [Fact]
    public async Task All_that_is_missing_for_one_volume_is_told_at_once()
    {
        var projected = new ProjectedVolumeSource
        {
            Sources =
            [
                new VolumeProjection { ConfigMap = new ConfigMapProjection { Name = "settings" } },
                new VolumeProjection { Secret = new SecretProjection { Name = "key" } },
                new VolumeProjection { Secret = new SecretProjection { Name = "other", Optional = true } },
            ],
        };
        PodVolumes volumes = For(Pod("web", new Volume { Name = "all", Projected = projected }));

        Assert.NotNull(await volumes.SetUpAsync(CancellationToken.None));

        Assert.Equal(["MountVolume.SetUp failed for volume \"all\" : [configmap \"settings\" not found, secret \"key\" not found]"], Told());
    }

    [Fact]
    public async Task Labels_of_the_pod_are_files_that_follow_them()
    {
        Pod pod = Pod("web", new Volume
        {
            Name = "about",
            DownwardAPI = new DownwardAPIVolumeSource
            {
                Items = [new DownwardAPIVolumeFile { Path = "labels", FieldRef = new ObjectFieldSelector { FieldPath = "metadata.labels" } }],
            },
        });
        PodVolumes volumes = For(pod);
        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));
        string before = Read("web", "downward-api", "about", "labels");

        volumes.Update(Changed(pod));
        await UntilAsync(() => Read("web", "downward-api", "about", "labels") == "n=\"1\"", "the label is there");

        Assert.Equal("", before);
    }

    [Fact]
    public async Task A_kubelet_that_starts_anew_mounts_nothing_again_and_loses_nothing()
    {
        _api.Write(new Secret { Metadata = Named("key"), Data = new() { ["key"] = "s3cret"u8.ToArray() } });
        Directory.CreateDirectory(Path.Combine(_node.Path, "disk"));
        AddClaim("data", "pv-1", volume => volume.Spec.Local = new LocalVolumeSource { Path = Path.Combine(_node.Path, "disk") });
        Pod pod = Pod(
            "web", new Volume { Name = "key", Secret = new SecretVolumeSource { SecretName = "key" } },
            new Volume { Name = "scratch", EmptyDir = new EmptyDirVolumeSource() },
            new Volume { Name = "fast", EmptyDir = new EmptyDirVolumeSource { Medium = "Memory" } },
            new Volume { Name = "data", PersistentVolumeClaim = new PersistentVolumeClaimVolumeSource { ClaimName = "data" } });
        PodVolumes first = For(pod);
        Assert.Null(await first.SetUpAsync(CancellationToken.None));
        File.WriteAllText(Path.Combine(Root("web", "empty-dir", "scratch"), "work"), "half done");
        List<string> made = [.. _mounts.Made];
        string link = new FileInfo(Path.Combine(Root("web", "secret", "key"), "..data")).LinkTarget!;
        await first.DisposeAsync();

        PodVolumes second = For(pod);
        Assert.Null(await second.SetUpAsync(CancellationToken.None));

        Assert.Equal(3, made.Count);
        Assert.Equal(made, _mounts.Made);
        Assert.Equal(link, new FileInfo(Path.Combine(Root("web", "secret", "key"), "..data")).LinkTarget);
        Assert.Equal("half done", File.ReadAllText(Path.Combine(Root("web", "empty-dir", "scratch"), "work")));
    }

    [Fact]
    public async Task What_is_taken_down_leaves_nothing_and_no_change_brings_it_back()
    {
        _api.Write(Map("settings", ("colour", "blue")));
        Directory.CreateDirectory(Path.Combine(_node.Path, "disk"));
        File.WriteAllText(Path.Combine(_node.Path, "disk", "file"), "dear");
        AddClaim("data", "pv-1", volume => volume.Spec.Local = new LocalVolumeSource { Path = Path.Combine(_node.Path, "disk") });
        PodVolumes volumes = For(Pod(
            "web", ConfigMapVolume("config", "settings"), new Volume { Name = "fast", EmptyDir = new EmptyDirVolumeSource { Medium = "Memory" } },
            new Volume { Name = "data", PersistentVolumeClaim = new PersistentVolumeClaimVolumeSource { ClaimName = "data" } }));
        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));
        volumes.MountsOf(Seeing(new VolumeMount { Name = "fast", MountPath = "/fast", SubPath = "part" }), []);

        await volumes.TakeDownAsync(CancellationToken.None);
        _api.Write(Map("settings", ("colour", "red")));
        await volumes.TakeDownAsync(CancellationToken.None);

        Assert.Empty(_mounts.Mounted);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_node.Path, "uid-web")));
        Assert.Equal("dear", File.ReadAllText(Path.Combine(_node.Path, "disk", "file")));
        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_node.Path, "uid-web")));
    }

    [Fact]
    public async Task A_volume_that_is_in_use_is_not_deleted_through_and_goes_when_it_is_free()
    {
        PodVolumes volumes = For(Pod("web", new Volume { Name = "fast", EmptyDir = new EmptyDirVolumeSource { Medium = "Memory" } }));
        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));
        string file = Path.Combine(Root("web", "empty-dir", "fast"), "file");
        File.WriteAllText(file, "dear");
        _mounts.Busy = Root("web", "empty-dir", "fast");

        await Assert.ThrowsAsync<IOException>(() => volumes.TakeDownAsync(CancellationToken.None));
        string kept = File.ReadAllText(file);
        _mounts.Busy = null;
        await volumes.TakeDownAsync(CancellationToken.None);

        Assert.Equal("dear", kept);
        Assert.False(File.Exists(file));
    }

    [Fact]
    public async Task Pods_that_are_no_more_are_cleaned_up_after_and_others_left_alone()
    {
        var settings = new ContainerSettings { PodFiles = _node.Path, Mounts = _mounts };
        await using var node = new NodeVolumes(settings, _api, _alarms, new Dictionary<string, Quantity>(), CancellationToken.None);
        foreach (string name in (string[])["known", "orphan"])
        {
            PodVolumes volumes = For(Pod(name, new Volume { Name = "fast", EmptyDir = new EmptyDirVolumeSource { Medium = "Memory" } }));
            Assert.Null(await volumes.SetUpAsync(CancellationToken.None));
        }

        Assert.Empty(node.RemoveOrphans(uid => uid == "uid-known"));

        Assert.Equal([Root("known", "empty-dir", "fast")], _mounts.Mounted);
        Assert.Equal(["uid-known"], Directory.GetDirectories(_node.Path).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("none", "error processing PVC shop/none: failed to fetch PVC from API server: persistentvolumeclaims \"none\" not found")]
    [InlineData("pending", "error processing PVC shop/pending: PVC is not bound")]
    [InlineData("stolen", "error processing PVC shop/stolen: PV pv-2 is bound to another claim")]
    public async Task A_claim_without_its_volume_is_waited_for(string claim, string problem)
    {
        _api.Write(new PersistentVolumeClaim { Metadata = Named("pending"), Status = new PersistentVolumeClaimStatus { Phase = "Pending" } });
        AddClaim("stolen", "pv-2", volume => volume.Spec.ClaimRef!.Uid = "another");
        PodVolumes volumes = For(Pod("web", new Volume
        {
            Name = "data",
            PersistentVolumeClaim = new PersistentVolumeClaimVolumeSource { ClaimName = claim },
        }));

        Assert.NotNull(await volumes.SetUpAsync(CancellationToken.None));

        Assert.Equal(
            [$"Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: {problem}"], Told());
    }

    [Fact]
    public async Task A_claimed_folder_that_is_not_there_is_told_by_its_path()
    {
        AddClaim("data", "pv-1", volume => volume.Spec.Local = new LocalVolumeSource { Path = "/no/such/folder" });
        PodVolumes volumes = For(Pod("web", new Volume { Name = "data", PersistentVolumeClaim = new PersistentVolumeClaimVolumeSource { ClaimName = "data" } }));

        Assert.NotNull(await volumes.SetUpAsync(CancellationToken.None));

        Assert.Equal(["MountVolume.SetUp failed for volume \"data\" : path \"/no/such/folder\" does not exist"], Told());
    }

    [Fact]
    public async Task A_folder_that_the_provisioner_has_promised_is_made_by_its_first_user()
    {
        string folder = Path.Combine(_node.Path, "local", "pvc-1");
        AddClaim("data", "pvc-1", volume =>
        {
            volume.Spec.Local = new LocalVolumeSource { Path = folder };
            volume.Metadata.Annotations = new() { [StorageNames.ProvisionedBy] = LocalPathProvisioner.Name, [StorageNames.SelectedNode] = "n1" };
        });
        PodVolumes volumes = For(Pod("web", new Volume { Name = "data", PersistentVolumeClaim = new PersistentVolumeClaimVolumeSource { ClaimName = "data" } }));

        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));

        Assert.Equal(0x1FF, (int)File.GetUnixFileMode(folder));
        Assert.Equal([$"bind {folder} {Root("web", "local-volume", "pvc-1")}"], _mounts.Made);
    }

    [Fact]
    public async Task A_folder_elsewhere_is_not_made_whatever_a_volume_says()
    {
        string folder = Path.Combine(_node.Path, "elsewhere", "pvc-1");
        AddClaim("data", "pvc-1", volume =>
        {
            volume.Spec.Local = new LocalVolumeSource { Path = folder };
            volume.Metadata.Annotations = new() { [StorageNames.ProvisionedBy] = LocalPathProvisioner.Name, [StorageNames.SelectedNode] = "n1" };
        });
        PodVolumes volumes = For(Pod("web", new Volume { Name = "data", PersistentVolumeClaim = new PersistentVolumeClaimVolumeSource { ClaimName = "data" } }));

        Assert.NotNull(await volumes.SetUpAsync(CancellationToken.None));

        Assert.Equal([$"MountVolume.SetUp failed for volume \"data\" : path \"{folder}\" does not exist"], Told());
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task Containers_see_what_they_ask_for_where_they_ask_for_it()
    {
        Directory.CreateDirectory(Path.Combine(_node.Path, "host"));
        _api.Write(Map("settings", ("colour", "blue")));
        PodVolumes volumes = For(Pod(
            "web", ConfigMapVolume("config", "settings"), new Volume { Name = "scratch", EmptyDir = new EmptyDirVolumeSource() },
            new Volume { Name = "host", HostPath = new HostPathVolumeSource { Path = Path.Combine(_node.Path, "host"), Type = "Directory" } }));
        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));

        IReadOnlyList<ContainerMount> mounts = volumes.MountsOf(
            Seeing(
                new VolumeMount { Name = "config", MountPath = "/etc/config" },
                new VolumeMount { Name = "scratch", MountPath = "work", ReadOnly = true, RecursiveReadOnly = "IfPossible" },
                new VolumeMount { Name = "host", MountPath = "/host", MountPropagation = "HostToContainer" },
                new VolumeMount { Name = "scratch", MountPath = "/part", SubPathExpr = "of/$(NAME)", MountPropagation = "Bidirectional" }),
            [KeyValuePair.Create("NAME", "web")]);

        Assert.Equal(
            [
                new ContainerMount(Root("web", "configmap", "config"), "/etc/config", IsReadOnly: true),
                new ContainerMount(Root("web", "empty-dir", "scratch"), "/work", IsReadOnly: true),
                new ContainerMount(Path.Combine(_node.Path, "host"), "/host", false, MountPropagation.HostToContainer),
                new ContainerMount(Path.Combine(_node.Path, "uid-web/volume-subpaths/scratch/main/3"), "/part", false, MountPropagation.Bidirectional),
            ],
            mounts);
        Assert.Equal(0x1FF, (int)File.GetUnixFileMode(Path.Combine(Root("web", "empty-dir", "scratch"), "of", "web")));
    }

    [Fact]
    public async Task What_a_container_cannot_see_keeps_it_from_starting()
    {
        PodVolumes volumes = For(Pod("web", new Volume { Name = "scratch", EmptyDir = new EmptyDirVolumeSource() }));
        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));
        File.CreateSymbolicLink(Path.Combine(Root("web", "empty-dir", "scratch"), "out"), "/etc");

        Assert.Equal(
            "failed to prepare subPath for volumeMount \"scratch\" of container \"main\"",
            Refusal(new VolumeMount { Name = "scratch", MountPath = "/a", SubPath = "out" }));
        Assert.Equal("cannot find volume \"other\" to mount into container \"main\"", Refusal(new VolumeMount { Name = "other", MountPath = "/a" }));
        Assert.Contains("but it is not supported", Refusal(new VolumeMount { Name = "scratch", MountPath = "/a", ReadOnly = true, RecursiveReadOnly = "Enabled" }));
        Assert.Empty(_mounts.Mounted);

        string Refusal(VolumeMount mount)
        {
            var refusal = Assert.Throws<ContainerStartException>(() => volumes.MountsOf(Seeing(mount), []));
            Assert.Equal("CreateContainerConfigError", refusal.Reason.Reason);
            return refusal.Message;
        }
    }

    [Fact]
    public async Task A_folder_that_takes_more_of_the_disk_than_it_may_ends_its_pod()
    {
        PodVolumes volumes = For(Pod("web", new Volume { Name = "scratch", EmptyDir = new EmptyDirVolumeSource { SizeLimit = Quantity.Parse("1Mi") } }));
        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));
        string deep = Directory.CreateDirectory(Path.Combine(Root("web", "empty-dir", "scratch"), "deep")).FullName;
        File.WriteAllBytes(Path.Combine(deep, "half"), new byte[512 * 1024]);
        for (int i = 0; i < 30; i++)
            _clock.Advance(TimeSpan.FromSeconds(1));
        int early = _evictions.Count;

        File.WriteAllBytes(Path.Combine(deep, "more"), new byte[600 * 1024]);
        await AdvanceUntilAsync(() => { lock (_told) return _evictions.Count > 0; }, TimeSpan.FromSeconds(1), "it is evicted");

        Assert.Equal(0, early);
        Assert.Equal("Usage of EmptyDir volume \"scratch\" exceeds the limit \"1Mi\". ", _evictions[0]);
    }

    [Fact]
    public void Usage_is_counted_in_blocks_and_each_file_once()
    {
        string folder = Directory.CreateDirectory(Path.Combine(_node.Path, "tree")).FullName;
        long empty = DiskUsage.Of(folder, long.MaxValue);
        File.WriteAllBytes(Path.Combine(folder, "file"), new byte[256 * 1024]);
        using (var sparse = File.Create(Path.Combine(folder, "sparse")))
            sparse.SetLength(64 << 20);
        File.CreateSymbolicLink(Path.Combine(folder, "link"), "/usr");

        long used = DiskUsage.Of(folder, long.MaxValue) - empty;

        Assert.InRange(used, 256 * 1024, 300 * 1024);
        Assert.Equal(0, DiskUsage.Of(Path.Combine(folder, "nothing"), long.MaxValue));
    }

    [Fact]
    public async Task A_volume_that_no_container_mounts_is_not_made_until_one_does()
    {
        Pod pod = Pod("web", ConfigMapVolume("config", "settings"));
        pod.Spec.Containers![0].VolumeMounts = [];
        PodVolumes volumes = For(pod);
        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));
        _api.Write(Map("settings", ("colour", "blue")));

        Pod debugged = pod.DeepClone();
        debugged.Spec.EphemeralContainers = [new EphemeralContainer { Name = "debug", VolumeMounts = [new VolumeMount { Name = "config", MountPath = "/c" }] }];
        bool wasMade = Directory.Exists(Root("web", "configmap", "config"));
        volumes.Update(debugged);
        Assert.Null(await volumes.SetUpAsync(CancellationToken.None));

        Assert.False(wasMade);
        Assert.Equal("blue", Read("web", "configmap", "config", "colour"));
    }

    [Fact]
    public async Task A_kind_that_nobody_here_knows_is_told()
    {
        PodVolumes volumes = For(Pod("web", new Volume { Name = "odd", Csi = new CSIVolumeSource { Driver = "x" } }));

        Assert.NotNull(await volumes.SetUpAsync(CancellationToken.None));

        Assert.EndsWith("failed to get Plugin from volumeSpec for volume \"odd\" err=no volume plugin matched", Told().Single());
    }

    private static Volume ConfigMapVolume(string name, string map) => new() { Name = name, ConfigMap = new ConfigMapVolumeSource { Name = map } };

    private static Volume TokenVolume(string name, long seconds, string? audience = null) => new()
    {
        Name = name,
        Projected = new ProjectedVolumeSource
        {
            Sources =
            [
                new VolumeProjection { ServiceAccountToken = new ServiceAccountTokenProjection { Path = "token", ExpirationSeconds = seconds, Audience = audience } },
                new VolumeProjection
                {
                    DownwardAPI = new DownwardAPIProjection
                    {
                        Items = [new DownwardAPIVolumeFile { Path = "label", FieldRef = new ObjectFieldSelector { FieldPath = "metadata.labels['n']" } }],
                    },
                },
            ],
        },
    };

    private static ConfigMap Map(string name, params (string Key, string Value)[] data) =>
        new() { Metadata = Named(name), Data = data.ToDictionary(entry => entry.Key, entry => entry.Value) };

    private static ObjectMeta Named(string name) => new() { Name = name, Namespace = "shop", Uid = "uid-" + name };

    private static Pod Pod(string name, params Volume[] volumes) => new()
    {
        Metadata = Named(name),
        Spec = new PodSpec
        {
            Volumes = [.. volumes],
            Containers =
            [
                new Container { Name = "main", VolumeMounts = [.. volumes.Select(volume => new VolumeMount { Name = volume.Name, MountPath = "/" + volume.Name })] },
            ],
        },
    };

    private static Pod Changed(Pod pod)
    {
        Pod changed = pod.DeepClone();
        changed.Metadata.Labels = new() { ["n"] = "1" };
        return changed;
    }

    private static PodContainer Seeing(params VolumeMount[] mounts) =>
        new(new Container { Name = "main", VolumeMounts = [.. mounts] }, PodContainerKind.Regular);

    private void AddClaim(string name, string volumeName, Action<PersistentVolume> change)
    {
        _api.Write(new PersistentVolumeClaim
        {
            Metadata = Named(name),
            Spec = new PersistentVolumeClaimSpec { VolumeName = volumeName },
            Status = new PersistentVolumeClaimStatus { Phase = "Bound" },
        });
        var volume = new PersistentVolume
        {
            Metadata = new ObjectMeta { Name = volumeName },
            Spec = new PersistentVolumeSpec { ClaimRef = new ObjectReference { Namespace = "shop", Name = name, Uid = "uid-" + name } },
        };
        change(volume);
        _api.Write(volume);
    }

    private PodVolumes For(Pod pod)
    {
        var volumes = new PodVolumes(pod, _around, text => { lock (_told) _told.Add(text); }, () => Interlocked.Increment(ref _wakes), text => { lock (_told) _evictions.Add(text); });
        _made.Add(volumes);
        return volumes;
    }

    private string[] Told()
    {
        lock (_told)
            return [.. _told];
    }

    private string Root(string pod, string kind, string name) => Path.Combine(_node.Path, "uid-" + pod, "volumes", "kubernetes.io~" + kind, name);

    private string Read(string pod, string kind, string name, string file) => File.ReadAllText(Path.Combine(Root(pod, kind, name), file), Encoding.UTF8);

    private string? ReadOrNull(string pod, string kind, string name, string file)
    {
        try
        {
            return Read(pod, kind, name, file);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private static Task UntilAsync(Func<bool> holds, string what) => UntilAsync(holds, () => { }, what);

    private Task AdvanceUntilAsync(Func<bool> holds, TimeSpan step, string what) => UntilAsync(holds, () => _clock.Advance(step), what);

    private static async Task UntilAsync(Func<bool> holds, Action between, string what)
    {
        long began = Stopwatch.GetTimestamp();
        while (!holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"never: {what}");
            between();
            await Task.Delay(10);
        }
    }
}
