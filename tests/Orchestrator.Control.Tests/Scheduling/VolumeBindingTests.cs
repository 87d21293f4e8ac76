using Orchestrator.Api.StorageV1;
using Orchestrator.Control.Scheduling;
using Orchestrator.Control.Scheduling.Cluster;
using Orchestrator.Control.Scheduling.Plugins;
using Orchestrator.Control.Storage;

namespace Orchestrator.Control.Tests.Scheduling;

/// <summary>Pods that go where their volumes are, or can be.</summary>
public sealed class VolumeBindingTests
{
    private readonly FakeCluster _objects = new();
    private readonly StorageState _storage = new();
    private readonly ClusterState _cluster = new();
    private readonly VolumeBindingPlugin _plugin;
    private readonly Scheduler _scheduler;

    public VolumeBindingTests()
    {
        _objects.Changed = Take;
        var profile = SchedulerProfile.Default(_storage);
        _plugin = profile.Filters.OfType<VolumeBindingPlugin>().Single();
        _scheduler = new Scheduler(_cluster, profile with { NoFit = null }, seed: 7);
        foreach (string name in (string[])["n1", "n2"])
            _cluster.SetNode(Make.Node(name, zone: "z" + name[1..]));
        _objects.With(
            Class("later", "example.com/x"), Class("manual", StorageNames.NoProvisioner), Class("now", "example.com/x", "Immediate"));
    }

    [Fact]
    public void A_pod_without_claims_goes_anywhere() => Assert.NotNull(_scheduler.Schedule(Using()).Node);

    [Fact]
    public void A_pod_goes_where_its_volume_is()
    {
        Bound("data", "v", "n2");

        Assert.Equal("n2", _scheduler.Schedule(Using("data")).Node!.Name);
    }

    [Theory]
    [InlineData("missing", "0/2 nodes are available: persistentvolumeclaim \"missing\" not found.")]
    [InlineData("unbound", "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.")]
    [InlineData("classless", "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.")]
    [InlineData("going", "0/2 nodes are available: persistentvolumeclaim \"going\" is being deleted.")]
    [InlineData("lost", "0/2 nodes are available: persistentvolumeclaim \"lost\" bound to non-existent persistentvolume \"v\".")]
    [InlineData("elsewhere", "0/2 nodes are available: 2 node(s) had volume node affinity conflict.")]
    [InlineData("vanished", "0/2 nodes are available: 2 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s).")]
    [InlineData("manual", "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.")]
    public void Why_no_node_will_do_is_said_in_the_words_that_people_know(string claim, string message)
    {
        Waiting("unbound", "now");
        Waiting("classless", null);
        Waiting("manual", "manual");
        Bound("going", "v1", "n1").Metadata.DeletionTimestamp = DateTimeOffset.UnixEpoch;
        Bound("lost", "v", "n1").Status.Phase = "Lost";
        Bound("elsewhere", "v3", "n3");
        Bound("vanished", "v4", "n1");
        _objects.Remove(_objects.Get<PersistentVolume>("", "v4")!);

        Assert.Equal(message, _scheduler.Schedule(Using(claim)).Error!.Message);
    }

    [Fact]
    public void A_claim_that_waits_gets_a_free_volume_of_the_node_where_the_pod_goes()
    {
        Waiting("data", "manual");
        Free("v", "manual", "1Gi", "n2");

        var node = _scheduler.Schedule(Using("data")).Node!;
        var choice = _plugin.Reserve(node);

        Assert.Equal(("n2", "v"), (node.Name, Assert.Single(choice.Bindings).Volume.Name));
        var written = (PersistentVolume)Assert.Single(choice.Writes("n2"));
        Assert.Equal(("data", "yes"), (written.Spec.ClaimRef!.Name, written.Annotations[StorageNames.BoundByController]));
        Assert.Null(_objects.Get<PersistentVolume>("", "v")!.Spec.ClaimRef); // What is shared is not changed.
    }

    [Fact]
    public void Each_claim_of_a_pod_gets_a_volume_of_its_own_or_the_node_will_not_do()
    {
        Waiting("large", "manual", "5Gi");
        Waiting("small", "manual", "1Gi");
        Free("only-large", "manual", "5Gi", "n1");
        Free("a-large", "manual", "5Gi", "n2");
        Free("b-small", "manual", "1Gi", "n2");

        var node = _scheduler.Schedule(Using("large", "small")).Node!;

        Assert.Equal("n2", node.Name);
        Assert.Equal(
            ["large a-large", "small b-small"], _plugin.Reserve(node).Bindings.Select(binding => $"{binding.Claim.Name} {binding.Volume.Name}").Order());
    }

    [Fact]
    public void A_volume_is_made_on_the_node_that_was_chosen_and_the_pod_waits_for_it()
    {
        var claim = Waiting("data", "later");
        var node = _scheduler.Schedule(Using("data")).Node!;
        var choice = _plugin.Reserve(node);
        var written = (PersistentVolumeClaim)Assert.Single(choice.Writes(node.Name));
        _objects.Store(written);

        bool early = choice.IsDone(_storage, node.Node!, out string? earlyProblem);
        _objects.Change<PersistentVolumeClaim>("default", "data", found =>
        {
            found.Spec.VolumeName = "pvc-1";
            found.Metadata.Annotations![StorageNames.BindCompleted] = "yes";
        });
        bool half = choice.IsDone(_storage, node.Node!, out _);
        _objects.With(VolumeOn("pvc-1", node.Name));

        Assert.Equal(node.Name, written.Annotations[StorageNames.SelectedNode]);
        Assert.Empty(claim.Annotations);
        Assert.Equal((false, null, false), (early, earlyProblem, half));
        Assert.True(choice.IsDone(_storage, node.Node!, out _));
    }

    [Fact]
    public void A_pod_is_scheduled_anew_where_no_volume_could_be_made_or_one_was_made_elsewhere()
    {
        Waiting("data", "later");
        var node = _scheduler.Schedule(Using("data")).Node!;
        var choice = _plugin.Reserve(node);

        bool refused = choice.IsDone(_storage, node.Node!, out string? refusal); // The provisioner has taken the node off.
        _objects.Change<PersistentVolumeClaim>("default", "data", found =>
        {
            found.Spec.VolumeName = "far";
            (found.Metadata.Annotations ??= [])[StorageNames.BindCompleted] = "yes";
        });
        _objects.With(VolumeOn("far", "n3"));
        bool moved = choice.IsDone(_storage, node.Node!, out string? conflict);

        Assert.Equal((false, "provisioning failed for PVC \"data\""), (refused, refusal));
        Assert.Equal((false, $"pv \"far\" node affinity doesn't match node \"{node.Name}\""), (moved, conflict));
    }

    [Fact]
    public void A_volume_that_is_being_made_on_one_node_is_not_made_on_another()
    {
        Waiting("data", "later").Metadata.Annotations = new() { [StorageNames.SelectedNode] = "n2" };

        Assert.Equal("n2", _scheduler.Schedule(Using("data")).Node!.Name);
    }

    [Fact]
    public void A_class_for_some_zones_is_provisioned_there_alone()
    {
        var storage = Class("zonal", "example.com/x");
        storage.AllowedTopologies =
        [
            new TopologySelectorTerm
            {
                MatchLabelExpressions = [new TopologySelectorLabelRequirement { Key = "topology.kubernetes.io/zone", Values = ["z2", "z9"] }],
            },
        ];
        _objects.With(storage);
        Waiting("data", "zonal");

        Assert.Equal("n2", _scheduler.Schedule(Using("data")).Node!.Name);
    }

    [Fact]
    public void Two_pods_are_not_given_one_volume_before_the_first_write_is_seen()
    {
        Waiting("a", "manual");
        Waiting("b", "manual");
        Free("v", "manual", "1Gi", "n2");
        var first = _plugin.Reserve(_scheduler.Schedule(Using("a")).Node!);

        foreach (var write in first.Writes("n2"))
            _storage.Assume(write);
        string? meanwhile = _scheduler.Schedule(Using("b")).Error?.Message;
        foreach (var write in first.Writes("n2"))
            _storage.Forget(write); // Not what was assumed, but its like.
        string? still = _scheduler.Schedule(Using("b")).Error?.Message;

        const string None = "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.";
        Assert.Equal((None, None), (meanwhile, still));
    }

    [Fact]
    public void What_was_not_written_after_all_is_free_again()
    {
        Waiting("a", "manual");
        Waiting("b", "manual");
        Free("v", "manual", "1Gi", "n2");
        var writes = _plugin.Reserve(_scheduler.Schedule(Using("a")).Node!).Writes("n2");
        foreach (var write in writes)
            _storage.Assume(write);

        foreach (var write in writes)
            _storage.Forget(write);

        Assert.Equal("n2", _scheduler.Schedule(Using("b")).Node!.Name);
    }

    [Fact]
    public void Pods_of_one_claim_get_one_volume()
    {
        Waiting("a", "manual");
        Free("v1", "manual", "1Gi", "n1");
        Free("v2", "manual", "1Gi", "n2");
        var node = _scheduler.Schedule(Using("a")).Node!;
        var first = _plugin.Reserve(node);
        foreach (var write in first.Writes(node.Name))
            _storage.Assume(write);

        var next = _scheduler.Schedule(Using("a")).Node!;
        var second = _plugin.Reserve(next);

        Assert.Equal(node.Name, next.Name);
        Assert.Equal(first.Bindings[0].Volume.Name, Assert.Single(second.Bindings).Volume.Name);
        Assert.Empty(second.Writes(node.Name));
    }

    [Fact]
    public void A_claim_whose_own_volume_is_out_of_reach_gets_no_other()
    {
        Waiting("a", "later");
        Free("own", "later", "1Gi", "n3");
        Free("other", "later", "1Gi", "n1");
        _objects.Change<PersistentVolume>("", "own", volume => volume.Spec.ClaimRef = new ObjectReference { Namespace = "default", Name = "a" });

        Assert.Equal("0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.", _scheduler.Schedule(Using("a")).Error!.Message);
    }

    [Fact]
    public void A_claim_that_is_named_twice_in_a_pod_gets_one_volume()
    {
        Waiting("a", "manual");
        Free("v1", "manual", "1Gi", "n1");
        Free("v2", "manual", "1Gi", "n1");

        Assert.Single(_plugin.Reserve(_scheduler.Schedule(Using("a", "a")).Node!).Bindings);
    }

    [Fact]
    public void A_pod_is_scheduled_anew_where_its_volume_is_taken_from_it()
    {
        Waiting("a", "manual");
        Free("v", "manual", "1Gi", "n2");
        var node = _scheduler.Schedule(Using("a")).Node!;
        var choice = _plugin.Reserve(node);
        _objects.Store(choice.Writes("n2")[0]);
        bool waits = !choice.IsDone(_storage, node.Node!, out string? before);

        _objects.Change<PersistentVolume>("", "v", volume => volume.Spec.ClaimRef = null);

        Assert.Equal((true, null), (waits, before));
        Assert.False(choice.IsDone(_storage, node.Node!, out string? problem));
        Assert.Equal("ClaimRef got reset for pv \"v\"", problem);
    }

    [Fact]
    public void A_claim_for_one_pod_has_one_wherever_it_runs()
    {
        Bound("data", "v", "n1").Spec.AccessModes = ["ReadWriteOncePod"];
        var first = Using("data");
        _cluster.Assume(first, "n1");
        const string InUse = "0/2 nodes are available: 2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode.";

        string? meanwhile = _scheduler.Schedule(Using("data")).Error?.Message;
        _cluster.RemovePod(first.Uid);

        Assert.Equal(InUse, meanwhile);
        Assert.Equal("n1", _scheduler.Schedule(Using("data")).Node!.Name);
    }

    [Fact]
    public void What_changes_of_storage_wakes_the_pods_that_it_may_help()
    {
        var pod = Using("data");

        bool Helps(ClusterChange change) => _plugin.MayHelp(pod, change);

        Assert.True(Helps(new ClusterChange(ClusterChangeType.ClaimChanged) { Claim = new NamespacedName("default", "data") }));
        Assert.False(Helps(new ClusterChange(ClusterChangeType.ClaimChanged) { Claim = new NamespacedName("default", "other") }));
        Assert.False(Helps(new ClusterChange(ClusterChangeType.ClaimChanged) { Claim = new NamespacedName("elsewhere", "data") }));
        Assert.True(Helps(new ClusterChange(ClusterChangeType.StorageChanged)));
        Assert.False(Helps(new ClusterChange(ClusterChangeType.PodGone) { Pod = pod }));
    }

    [Fact]
    public void A_pods_own_claim_must_be_its_own()
    {
        var pod = Make.Pod("p");
        pod.Metadata.Uid = "u";
        pod.Spec.Volumes = [new Volume { Name = "scratch", Ephemeral = new EphemeralVolumeSource() }];
        string missing = _scheduler.Schedule(PodInfo.Of(pod)).Error!.Message;
        var claim = Waiting("p-scratch", "later");
        string foreign = _scheduler.Schedule(PodInfo.Of(pod)).Error!.Message;

        claim.Metadata.OwnerReferences = [References.Controller(pod)];

        Assert.Equal("0/2 nodes are available: waiting for ephemeral volume controller to create the persistentvolumeclaim \"p-scratch\".", missing);
        Assert.Equal("0/2 nodes are available: PVC default/p-scratch was not created for pod default/p (pod is not owner).", foreign);
        Assert.NotNull(_scheduler.Schedule(PodInfo.Of(pod)).Node);
    }

    private void Take(IKubernetesObject? before, IKubernetesObject? after)
    {
        switch (after ?? before)
        {
            case PersistentVolumeClaim claim when after is null: _storage.Remove(claim); break;
            case PersistentVolumeClaim claim: _storage.Set(claim); break;
            case PersistentVolume volume when after is null: _storage.Remove(volume); break;
            case PersistentVolume volume: _storage.Set(volume); break;
            case StorageClass storage: _storage.Set(storage); break;
        }
    }

    private static StorageClass Class(string name, string provisioner, string mode = StorageNames.WaitForFirstConsumer) =>
        new() { Metadata = new ObjectMeta { Name = name }, Provisioner = provisioner, VolumeBindingMode = mode };

    private static PodInfo Using(params string[] claims)
    {
        var pod = Make.Pod("p");
        pod.Spec.Volumes = [.. claims.Select(claim => new Volume
        {
            Name = claim,
            PersistentVolumeClaim = new PersistentVolumeClaimVolumeSource { ClaimName = claim },
        })];
        return PodInfo.Of(pod);
    }

    private PersistentVolumeClaim Waiting(string name, string? storageClass, string size = "1Gi") => _objects.Add(new PersistentVolumeClaim
    {
        Metadata = new ObjectMeta { Namespace = "default", Name = name },
        Spec = new PersistentVolumeClaimSpec
        {
            StorageClassName = storageClass,
            Resources = new VolumeResourceRequirements { Requests = new() { ["storage"] = Quantity.Parse(size) } },
        },
    });

    private PersistentVolumeClaim Bound(string name, string volume, string node)
    {
        _objects.With(VolumeOn(volume, node));
        var claim = Waiting(name, "later");
        claim.Spec.VolumeName = volume;
        claim.Metadata.Annotations = new() { [StorageNames.BindCompleted] = "yes" };
        return claim;
    }

    private void Free(string name, string storageClass, string size, string node)
    {
        var volume = VolumeOn(name, node);
        volume.Spec.StorageClassName = storageClass;
        volume.Spec.Capacity = new() { ["storage"] = Quantity.Parse(size) };
        volume.Status.Phase = "Available";
        _objects.With(volume);
    }

    private static PersistentVolume VolumeOn(string name, string node) => new()
    {
        Metadata = new ObjectMeta { Name = name },
        Spec = new PersistentVolumeSpec
        {
            NodeAffinity = new VolumeNodeAffinity
            {
                Required = new NodeSelector
                {
                    NodeSelectorTerms =
                    [
                        new NodeSelectorTerm
                        {
                            MatchExpressions = [new NodeSelectorRequirement { Key = "kubernetes.io/hostname", Operator = "In", Values = [node] }],
                        },
                    ],
                },
            },
        },
    };
}
