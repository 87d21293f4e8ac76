using Orchestrator.Control.StatefulSets;

namespace Orchestrator.Control.Tests.StatefulSets;

public sealed class StatefulSetControllerTests
{
    private static readonly NamespacedName Key = new(Make.Ns, "db");

    private readonly FakeCluster _cluster = new();

    private StatefulSet Db => _cluster.Get<StatefulSet>(Make.Ns, "db")!;

    private IEnumerable<string> Pods => _cluster.List<Pod>().Select(pod => pod.Name).Order(StringComparer.Ordinal);

    private static StatefulSet New(int replicas = 3, Action<StatefulSetSpec>? change = null)
    {
        var set = new StatefulSet
        {
            Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "db", Uid = "set-db" },
            Spec = new StatefulSetSpec
            {
                Replicas = replicas,
                ServiceName = "db",
                Selector = Make.Select("db"),
                Template = Make.Template(app: "db"),
                PodManagementPolicy = "OrderedReady",
                RevisionHistoryLimit = 10,
                UpdateStrategy = new StatefulSetUpdateStrategy
                {
                    Type = "RollingUpdate",
                    RollingUpdate = new RollingUpdateStatefulSetStrategy { Partition = 0 },
                },
            },
        };
        change?.Invoke(set.Spec);
        return set;
    }

    private static PersistentVolumeClaim Claim() => new()
    {
        Metadata = new ObjectMeta { Name = "data" },
        Spec = new PersistentVolumeClaimSpec { AccessModes = ["ReadWriteOnce"] },
    };

    private void Look() => _cluster.Reconcile(StatefulSetController.Description, Key);

    /// <summary>The nodes' part: pods that are going go, the others become ready.</summary>
    private void Nodes(Func<Pod, bool>? becomesReady = null)
    {
        foreach (var pod in _cluster.List<Pod>())
        {
            if (pod.IsBeingDeleted)
                _cluster.Remove(pod);
            else if (becomesReady?.Invoke(pod) ?? true)
                _cluster.Change<Pod>(pod.Namespace, pod.Name, p =>
                {
                    p.Spec.NodeName = "node-1";
                    p.Ready(_cluster.Now);
                });
        }
    }

    private void Settle()
    {
        // Two looks without a write: what the nodes did after the first one led to nothing either.
        for (int i = 0, idle = 0; i < 60; i++)
        {
            int done = _cluster.Done.Count;
            Look();
            Nodes();
            idle = _cluster.Done.Count == done ? idle + 1 : 0;
            if (idle == 2)
                return;
        }
        Assert.Fail("does not settle");
    }

    [Fact]
    public void Pods_come_one_after_the_other_each_when_the_one_before_is_ready()
    {
        _cluster.With(New());

        Look();
        Look();
        Assert.Equal(["db-0"], Pods);
        Nodes();
        Look();
        Assert.Equal(["db-0", "db-1"], Pods);
        Settle();

        Assert.Equal(["db-0", "db-1", "db-2"], Pods);
        Assert.Contains("Normal SuccessfulCreate create Pod db-0 in StatefulSet db successful", _cluster.Events);
        var pod = _cluster.Get<Pod>(Make.Ns, "db-1")!;
        Assert.Equal(("db-1", "db", "db-1", "1"), (pod.Spec.Hostname, pod.Spec.Subdomain,
            pod.Labels["statefulset.kubernetes.io/pod-name"], pod.Labels["apps.kubernetes.io/pod-index"]));
        Assert.Equal(Db.Status.UpdateRevision, pod.Labels["controller-revision-hash"]);
        Assert.Equal((3, 3, 3, 3, 3), (Db.Status.Replicas, Db.Status.ReadyReplicas, Db.Status.AvailableReplicas,
            Db.Status.CurrentReplicas, Db.Status.UpdatedReplicas));
    }

    [Fact]
    public void Parallel_management_makes_all_pods_at_once()
    {
        _cluster.With(New(change: spec => spec.PodManagementPolicy = "Parallel"));

        Look();

        Assert.Equal(["db-0", "db-1", "db-2"], Pods);
    }

    [Fact]
    public void Shrinking_takes_the_last_pod_first_and_waits_for_its_end()
    {
        _cluster.With(New());
        Settle();
        _cluster.Edit<StatefulSet>(Make.Ns, "db", set => set.Spec.Replicas = 1);

        Look();
        Look();
        Assert.Equal(["db-2"], _cluster.List<Pod>().Where(pod => pod.IsBeingDeleted).Select(pod => pod.Name));
        Settle();

        Assert.Equal(["db-0"], Pods);
        Assert.Contains("Normal SuccessfulDelete delete Pod db-2 in StatefulSet db successful", _cluster.Events);
    }

    [Fact]
    public void Nothing_is_removed_while_another_pod_is_not_well()
    {
        _cluster.With(New());
        Settle();
        _cluster.Change<Pod>(Make.Ns, "db-0", pod => pod.NotReady());
        _cluster.Edit<StatefulSet>(Make.Ns, "db", set => set.Spec.Replicas = 2);

        Look();

        Assert.All(_cluster.List<Pod>(), pod => Assert.False(pod.IsBeingDeleted));
    }

    [Fact]
    public void An_update_goes_from_the_last_pod_down_and_waits_for_each()
    {
        _cluster.With(New());
        Settle();
        string first = Db.Status.CurrentRevision!;
        _cluster.Edit<StatefulSet>(Make.Ns, "db", set => set.Spec.Template = Make.Template("db:2", "db"));

        Look();
        Assert.Equal(["db-2"], _cluster.List<Pod>().Where(pod => pod.IsBeingDeleted).Select(pod => pod.Name));
        Nodes(_ => false);
        Look();
        Look();
        Assert.Equal("db:2", _cluster.Get<Pod>(Make.Ns, "db-2")!.Spec.Containers![0].Image);
        Assert.Equal(first, Db.Status.CurrentRevision);
        Assert.NotEqual(first, Db.Status.UpdateRevision);
        // The new pod is not ready yet: nothing else may go.
        Assert.All(_cluster.List<Pod>(), pod => Assert.False(pod.IsBeingDeleted));
        Settle();

        Assert.All(_cluster.List<Pod>(), pod => Assert.Equal("db:2", pod.Spec.Containers![0].Image));
        Assert.Equal(Db.Status.UpdateRevision, Db.Status.CurrentRevision);
        Assert.Equal([1L, 2L], _cluster.List<ControllerRevision>().Select(revision => revision.Revision).Order());
    }

    [Fact]
    public void Below_the_partition_the_old_revision_stays_also_when_a_pod_is_made_anew()
    {
        _cluster.With(New());
        Settle();
        _cluster.Edit<StatefulSet>(Make.Ns, "db", set =>
        {
            set.Spec.Template = Make.Template("db:2", "db");
            set.Spec.UpdateStrategy!.RollingUpdate!.Partition = 2;
        });
        Settle();
        _cluster.Remove(_cluster.Get<Pod>(Make.Ns, "db-0")!);
        Settle();

        Assert.Equal(["nginx:1", "nginx:1", "db:2"],
            _cluster.List<Pod>().OrderBy(pod => pod.Name).Select(pod => pod.Spec.Containers![0].Image!));
    }

    [Fact]
    public void On_delete_replaces_only_what_is_deleted()
    {
        _cluster.With(New(change: spec => spec.UpdateStrategy = new StatefulSetUpdateStrategy { Type = "OnDelete" }));
        Settle();
        _cluster.Edit<StatefulSet>(Make.Ns, "db", set => set.Spec.Template = Make.Template("db:2", "db"));
        Settle();
        Assert.All(_cluster.List<Pod>(), pod => Assert.Equal("nginx:1", pod.Spec.Containers![0].Image));

        _cluster.Remove(_cluster.Get<Pod>(Make.Ns, "db-1")!);
        Settle();

        Assert.Equal("db:2", _cluster.Get<Pod>(Make.Ns, "db-1")!.Spec.Containers![0].Image);
    }

    [Fact]
    public void An_old_template_that_comes_back_gets_the_next_revision_number()
    {
        _cluster.With(New(replicas: 1));
        Settle();
        string first = Db.Status.CurrentRevision!;
        _cluster.Edit<StatefulSet>(Make.Ns, "db", set => set.Spec.Template = Make.Template("db:2", "db"));
        Settle();

        _cluster.Edit<StatefulSet>(Make.Ns, "db", set => set.Spec.Template = Make.Template(app: "db"));
        Settle();

        Assert.Equal(first, Db.Status.CurrentRevision);
        Assert.Equal([2L, 3L], _cluster.List<ControllerRevision>().Select(revision => revision.Revision).Order());
    }

    [Fact]
    public void Each_pod_gets_its_claims_before_it_is_made()
    {
        _cluster.With(New(replicas: 2, change: spec => spec.VolumeClaimTemplates = [Claim()]));

        Settle();

        Assert.Equal(["data-db-0", "data-db-1"], _cluster.List<PersistentVolumeClaim>().Select(claim => claim.Name).Order());
        var volume = Assert.Single(_cluster.Get<Pod>(Make.Ns, "db-1")!.Spec.Volumes!);
        Assert.Equal(("data", "data-db-1"), (volume.Name, volume.PersistentVolumeClaim!.ClaimName));
        Assert.Contains("Normal SuccessfulCreate create Claim data-db-0 Pod db-0 in StatefulSet db success", _cluster.Events);
        var creates = _cluster.Done.OfType<Create>().Select(create => create.Object.Name).ToList();
        Assert.True(creates.IndexOf("data-db-1") < creates.IndexOf("db-1"));
    }

    [Theory]
    [InlineData("Retain", "Retain", "", "")]
    [InlineData("Delete", "Retain", "set-db", "set-db")]
    [InlineData("Retain", "Delete", "", "pod")]
    [InlineData("Delete", "Delete", "set-db", "pod")]
    public void Claims_go_with_the_set_or_with_the_pod_as_the_policy_says(
        string whenDeleted, string whenScaled, string ownerOfKept, string ownerOfCondemned)
    {
        _cluster.With(New(replicas: 2, change: spec =>
        {
            spec.VolumeClaimTemplates = [Claim()];
            spec.PersistentVolumeClaimRetentionPolicy = new StatefulSetPersistentVolumeClaimRetentionPolicy
            {
                WhenDeleted = whenDeleted,
                WhenScaled = whenScaled,
            };
        }));
        Settle();
        string condemnedPod = _cluster.Get<Pod>(Make.Ns, "db-1")!.Uid;
        _cluster.Edit<StatefulSet>(Make.Ns, "db", set => set.Spec.Replicas = 1);

        Look();

        string OwnerOf(string claim) => string.Join(",", _cluster.Get<PersistentVolumeClaim>(Make.Ns, claim)!
            .Metadata.OwnerReferences.OrEmpty().Select(owner => owner.Uid == condemnedPod ? "pod" : owner.Uid));
        Assert.Equal((ownerOfKept, ownerOfCondemned), (OwnerOf("data-db-0"), OwnerOf("data-db-1")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_place_whose_claim_is_about_to_go_has_no_pod_before_the_claim_is_gone(bool isDeleted)
    {
        _cluster.With(New(replicas: 1, change: spec => spec.VolumeClaimTemplates = [Claim()]));
        Settle();
        _cluster.Remove(_cluster.Get<Pod>(Make.Ns, "db-0")!);
        var claim = _cluster.Change<PersistentVolumeClaim>(Make.Ns, "data-db-0", found =>
        {
            if (isDeleted)
                found.Metadata.DeletionTimestamp = _cluster.Now;
            else
                found.Metadata.OwnerReferences = [new OwnerReference { ApiVersion = "v1", Kind = "Pod", Name = "db-0", Uid = "former" }];
        });

        Settle();
        bool wasMade = _cluster.Get<Pod>(Make.Ns, "db-0") is not null;
        var woken = StatefulSetController.Description.Watches.Single(watch => watch.Kind == PersistentVolumeClaim.StaticKind)
            .Keys(new ObjectChange(claim, null), _cluster);
        _cluster.Remove(claim);
        Settle();

        Assert.False(wasMade);
        Assert.Equal(["db"], woken.Select(key => key.Name));
        Assert.NotNull(_cluster.Get<Pod>(Make.Ns, "db-0"));
        Assert.NotEqual(claim.Uid, _cluster.Get<PersistentVolumeClaim>(Make.Ns, "data-db-0")!.Uid);
    }

    [Fact]
    public void A_failed_pod_is_deleted_and_made_anew_under_its_name()
    {
        _cluster.With(New(replicas: 1));
        Settle();
        _cluster.Change<Pod>(Make.Ns, "db-0", pod => pod.Phase("Failed"));

        Look();

        Assert.Contains("Warning RecreatingFailedPod StatefulSet default/db is recreating failed Pod db-0", _cluster.Events);
        Settle();
        Assert.Equal("Running", _cluster.Get<Pod>(Make.Ns, "db-0")!.Status.Phase);
    }

    [Fact]
    public void Ordinals_may_start_elsewhere()
    {
        _cluster.With(New(replicas: 2, change: spec => spec.Ordinals = new StatefulSetOrdinals { Start = 5 }));

        Settle();

        Assert.Equal(["db-5", "db-6"], Pods);
    }

    [Fact]
    public void With_min_ready_seconds_the_next_pod_waits_until_the_last_is_available()
    {
        _cluster.With(New(change: spec => spec.MinReadySeconds = 10));
        Look();
        Nodes();

        var decision = _cluster.Reconcile(StatefulSetController.Description, Key);

        Assert.Equal(["db-0"], Pods);
        Assert.Equal(_cluster.Now.AddSeconds(10), decision.RequeueAt);
        _cluster.Now += TimeSpan.FromSeconds(10);
        Look();
        Assert.Equal(["db-0", "db-1"], Pods);
    }
}
