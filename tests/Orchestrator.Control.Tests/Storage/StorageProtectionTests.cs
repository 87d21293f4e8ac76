using Orchestrator.Control.Storage;

namespace Orchestrator.Control.Tests.Storage;

public sealed class StorageProtectionTests
{
    private readonly FakeCluster _cluster = new();

    private static PersistentVolumeClaim Claim(bool isDeleted, params List<string> finalizers) => new()
    {
        Metadata = new ObjectMeta
        {
            Namespace = Make.Ns, Name = "data", Finalizers = finalizers,
            DeletionTimestamp = isDeleted ? DateTimeOffset.UnixEpoch : null,
        },
    };

    private static Pod User(string? node, string phase = "Running") => Make.Pod("user").Phase(phase).With(pod =>
    {
        pod.Spec.NodeName = node;
        pod.Spec.Volumes =
            [new Volume { Name = "v", PersistentVolumeClaim = new PersistentVolumeClaimVolumeSource { ClaimName = "data" } }];
    });

    private List<string> FinalizersOfClaim()
    {
        _cluster.Settle(ClaimProtectionController.Description, new NamespacedName(Make.Ns, "data"));
        return _cluster.Get<PersistentVolumeClaim>(Make.Ns, "data")?.Metadata.Finalizers ?? [];
    }

    [Fact]
    public void A_claim_that_lacks_its_finalizer_gets_it()
    {
        _cluster.With(Claim(isDeleted: false, "mine"));

        Assert.Equal(["mine", StorageFinalizers.Claim], FinalizersOfClaim());
    }

    [Theory]
    [InlineData("n1", "Running", true)]
    [InlineData("n1", "Succeeded", true)]
    [InlineData(null, "Pending", false)]
    public void A_deleted_claim_stays_while_a_pod_with_a_node_uses_it(string? node, string phase, bool stays)
    {
        _cluster.With(Claim(isDeleted: true, "mine", StorageFinalizers.Claim), User(node, phase));

        Assert.Equal(stays ? ["mine", StorageFinalizers.Claim] : ["mine"], FinalizersOfClaim());
    }

    [Fact]
    public void A_pod_that_only_the_api_knows_keeps_its_claim()
    {
        var claim = Claim(isDeleted: true, StorageFinalizers.Claim);
        _cluster.With(claim);
        var input = new ReconcileInput { Key = claim.Key, Cache = _cluster, Now = _cluster.Now };

        var first = ClaimProtectionController.Reconcile(input);
        var lookup = (Lookup.List)Assert.Single(first.Lookups);
        var second = ClaimProtectionController.Reconcile(input with
        {
            Found = new Findings { Lists = new Dictionary<Lookup.List, IReadOnlyList<IKubernetesObject>> { [lookup] = [User("n1")] } },
        });

        Assert.Empty(first.Intents);
        Assert.Empty(second.Intents);
    }

    [Fact]
    public void The_end_of_a_pod_wakes_its_claims()
    {
        IEnumerable<NamespacedName> Woken(Pod? before, Pod? after) => ClaimProtectionController.Description.Watches
            .Single(watch => watch.Kind == Pod.StaticKind).Keys(new ObjectChange(before, after), _cluster);
        var pod = User("n1");

        Assert.Equal([new NamespacedName(Make.Ns, "data")], Woken(pod, null));
        Assert.Empty(Woken(null, pod));
    }

    [Theory]
    [InlineData("Bound", true, true)]
    [InlineData("Released", true, false)]
    [InlineData("Available", false, true)]
    public void A_volume_keeps_its_finalizer_until_it_is_deleted_and_not_bound(string phase, bool isDeleted, bool keeps)
    {
        _cluster.With(new PersistentVolume
        {
            Metadata = new ObjectMeta
            {
                Name = "v", Finalizers = ["mine", .. isDeleted ? [StorageFinalizers.Volume] : Array.Empty<string>()],
                DeletionTimestamp = isDeleted ? DateTimeOffset.UnixEpoch : null,
            },
            Status = new PersistentVolumeStatus { Phase = phase },
        });

        _cluster.Settle(VolumeProtectionController.Description, new NamespacedName("", "v"));

        Assert.Equal(keeps, _cluster.Get<PersistentVolume>("", "v")!.Metadata.Finalizers!.Contains(StorageFinalizers.Volume));
    }
}
