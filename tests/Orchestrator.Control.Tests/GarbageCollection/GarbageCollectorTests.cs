using Orchestrator.Control.GarbageCollection;

namespace Orchestrator.Control.Tests.GarbageCollection;

public sealed class GarbageCollectorTests
{
    private readonly FakeCluster _cluster = new();

    /// <summary>Looks at every object until nothing changes.</summary>
    private void Collect()
    {
        for (int i = 0; i < 20; i++)
        {
            int done = _cluster.Done.Count;
            foreach (var item in All().ToList())
                _cluster.Reconcile(GarbageCollector.Description, new NamespacedName("", item.Uid));
            if (_cluster.Done.Count == done)
                return;
        }
        Assert.Fail("does not settle");
    }

    private IEnumerable<IKubernetesObject> All() =>
        [.. _cluster.List<Deployment>(), .. _cluster.List<ReplicaSet>(), .. _cluster.List<Pod>(), .. _cluster.List<ConfigMap>()];

    private (Deployment, ReplicaSet) Family()
    {
        var deployment = Make.Deployment();
        var set = Make.ReplicaSet();
        set.Metadata.OwnerReferences = [References.Controller(deployment)];
        _cluster.With(deployment, set, Make.Pod("a", set, node: null), Make.Pod("b", set, node: null));
        return (deployment, set);
    }

    private void Delete(IKubernetesObject target, string? finalizer)
    {
        if (finalizer is null)
        {
            _cluster.Remove(target);
            return;
        }
        target.Metadata.DeletionTimestamp = _cluster.Now;
        target.Metadata.Finalizers = [finalizer];
        _cluster.Store(target);
    }

    [Fact]
    public void Owned_objects_stay()
    {
        Family();

        Collect();

        Assert.Equal(4, All().Count());
        Assert.Empty(_cluster.Done);
    }

    [Fact]
    public void When_the_owner_is_gone_its_dependents_go_all_the_way_down()
    {
        var (deployment, _) = Family();
        Delete(deployment, null);

        Collect();

        Assert.Empty(All());
        Assert.All(_cluster.Done.OfType<Delete>(), delete => Assert.Equal(PropagationPolicy.Background, delete.Propagation));
    }

    [Fact]
    public void An_owner_of_the_same_name_and_another_uid_is_no_owner()
    {
        var (deployment, _) = Family();
        Delete(deployment, null);
        var successor = Make.Deployment();
        successor.Metadata.Uid = "another";
        _cluster.With(successor);

        Collect();

        Assert.Equal(["web"], All().Select(item => item.Name));
    }

    [Fact]
    public void With_one_owner_left_only_the_reference_goes()
    {
        var other = Make.Deployment("other");
        var config = new ConfigMap
        {
            Metadata = new ObjectMeta
            {
                Namespace = Make.Ns,
                Name = "shared",
                OwnerReferences =
                [
                    new OwnerReference { ApiVersion = "apps/v1", Kind = "Deployment", Name = "gone", Uid = "gone" },
                    new OwnerReference { ApiVersion = "apps/v1", Kind = "Deployment", Name = "other", Uid = other.Metadata.Uid },
                ],
            },
        };
        _cluster.With(other, config);

        Collect();

        Assert.Equal([other.Uid], _cluster.Get<ConfigMap>(Make.Ns, "shared")!.Metadata.OwnerReferences!.Select(o => o.Uid!));
    }

    [Fact]
    public void Foreground_deletion_lets_the_owner_go_last()
    {
        var (deployment, _) = Family();
        Delete(deployment, GarbageCollector.ForegroundFinalizer);
        _cluster.Reconcile(GarbageCollector.Description, new NamespacedName("", deployment.Uid));
        Assert.NotNull(_cluster.Get<Deployment>(Make.Ns, "web"));

        Collect();

        Assert.Empty(All());
        var order = _cluster.Done.OfType<Delete>().Select(delete => delete.Target.Name).ToList();
        Assert.Equal("web", order[0]);
        Assert.Equal(PropagationPolicy.Foreground, _cluster.Done.OfType<Delete>().First().Propagation);
        var last = Assert.IsType<Patch>(_cluster.Done[^1]);
        Assert.Equal(deployment.Uid, last.Target.Uid);
    }

    [Fact]
    public void A_dependent_that_does_not_block_is_not_waited_for()
    {
        var (deployment, set) = Family();
        set.Metadata.OwnerReferences![0].BlockOwnerDeletion = false;
        _cluster.Store(set);
        Delete(deployment, GarbageCollector.ForegroundFinalizer);

        _cluster.Reconcile(GarbageCollector.Description, new NamespacedName("", deployment.Uid));

        Assert.Null(_cluster.Get<Deployment>(Make.Ns, "web"));
    }

    [Fact]
    public void Orphaning_keeps_the_dependents_without_the_reference()
    {
        var (deployment, _) = Family();
        Delete(deployment, GarbageCollector.OrphanFinalizer);

        Collect();

        Assert.Null(_cluster.Get<Deployment>(Make.Ns, "web"));
        Assert.Null(_cluster.Get<ReplicaSet>(Make.Ns, "web")!.ControllerOwner);
        Assert.Equal(2, _cluster.List<Pod>().Count);
    }

    [Fact]
    public void If_a_dependent_cannot_be_orphaned_the_owner_stays()
    {
        var (deployment, _) = Family();
        Delete(deployment, GarbageCollector.OrphanFinalizer);
        _cluster.Refusal = intent => intent is Patch { Target.Kind.Kind: "ReplicaSet" } ? Make.Refused("Conflict", "again", 409) : null;

        _cluster.Reconcile(GarbageCollector.Description, new NamespacedName("", deployment.Uid));

        Assert.NotNull(_cluster.Get<Deployment>(Make.Ns, "web"));
    }

    [Fact]
    public void What_got_another_owner_meanwhile_is_not_deleted()
    {
        var pod = Make.Pod("a", Make.ReplicaSet("gone"));
        _cluster.With(pod);
        var input = new ReconcileInput { Key = new NamespacedName("", pod.Uid), Cache = _cluster, Now = _cluster.Now };
        var ownerGet = (Lookup.Get)GarbageCollector.Reconcile(input).Lookups[0];
        var adopted = pod.DeepClone();
        adopted.Metadata.OwnerReferences = [References.Controller(Make.ReplicaSet("new"))];
        var objects = new Dictionary<Lookup.Get, IKubernetesObject?> { [ownerGet] = null };
        var second = GarbageCollector.Reconcile(input with { Found = new Findings { Objects = objects } });
        var podGet = second.Lookups.OfType<Lookup.Get>().Single(get => get.Target.Kind.Kind == "Pod");
        Assert.Contains(ownerGet, second.Lookups);
        objects[podGet] = adopted;

        var third = GarbageCollector.Reconcile(input with { Found = new Findings { Objects = objects } });

        Assert.Empty(third.Intents);
    }

    [Fact]
    public void When_the_api_cannot_say_whether_the_owner_lives_nothing_is_deleted()
    {
        var pod = Make.Pod("a", Make.ReplicaSet("gone"));
        _cluster.With(pod);
        var input = new ReconcileInput { Key = new NamespacedName("", pod.Uid), Cache = _cluster, Now = _cluster.Now };
        var get = GarbageCollector.Reconcile(input).Lookups[0];

        var decision = GarbageCollector.Reconcile(input with
        {
            Found = new Findings { Errors = new Dictionary<Lookup, string> { [get] = "timeout" } },
        });

        Assert.True(decision.RetryWithBackoff);
        Assert.Empty(decision.Intents);
    }

    [Fact]
    public void A_change_wakes_those_whom_it_concerns()
    {
        var (deployment, set) = Family();
        var keys = GarbageCollector.Description.WatchesEverything!;
        string[] Woken(IKubernetesObject? before, IKubernetesObject? after) =>
            keys(new ObjectChange(before, after), _cluster).Select(key => key.Name).Order().ToArray();

        Assert.Equal([set.Uid], Woken(null, set));
        Assert.Empty(Woken(set, set.DeepClone()));
        Assert.Equal(["pod-a", "pod-b"], Woken(set, null));
        var waiting = deployment.DeepClone();
        waiting.Metadata.DeletionTimestamp = _cluster.Now;
        waiting.Metadata.Finalizers = [GarbageCollector.ForegroundFinalizer];
        Assert.Equal([deployment.Uid, set.Uid], Woken(deployment, waiting));
    }
}
