using Orchestrator.Api.StorageV1;
using Orchestrator.Control.Storage;

namespace Orchestrator.Control.Tests.Storage;

/// <summary>Claims and volumes that find each other, and part.</summary>
public sealed class VolumeBinderTests
{
    private readonly FakeCluster _cluster = new();

    [Fact]
    public void A_claim_and_the_smallest_volume_that_does_are_bound_both_ways()
    {
        _cluster.With(Volume("large", "10Gi"), Volume("small", "1Gi"), Volume("right", "2Gi"), Claim("data", "2Gi"));

        Settle();

        var claim = ClaimNow("data");
        var volume = VolumeNow("right");
        Assert.Equal(("Bound", "right", "yes", "yes"), (
            claim.Status.Phase, claim.Spec.VolumeName, claim.Annotations[StorageNames.BindCompleted], claim.Annotations[StorageNames.BoundByController]));
        Assert.Equal("2Gi", claim.Status.Capacity!["storage"].ToString());
        Assert.Equal(["ReadWriteOnce"], claim.Status.AccessModes);
        Assert.Equal(("Bound", "data", claim.Uid), (volume.Status.Phase, volume.Spec.ClaimRef!.Name, volume.Spec.ClaimRef.Uid));
        Assert.Equal(["large Available", "small Available"], _cluster.List<PersistentVolume>()
            .Where(other => other.Name != "right").Select(other => $"{other.Name} {other.Status.Phase}").Order());
        Assert.Empty(_cluster.Events);
    }

    public static TheoryData<string, Action<PersistentVolume>> Unfit() => new()
    {
        { "too small", volume => volume.Spec.Capacity!["storage"] = Quantity.Parse("1Gi") },
        { "another class", volume => volume.Spec.StorageClassName = "fast" },
        { "another mode", volume => volume.Spec.VolumeMode = "Block" },
        { "fewer access modes", volume => volume.Spec.AccessModes = ["ReadOnlyMany"] },
        { "without the label", volume => volume.Metadata.Labels = null },
        { "somebody's", volume => volume.Spec.ClaimRef = new ObjectReference { Namespace = Make.Ns, Name = "other" } },
        { "of an earlier claim", volume => volume.Spec.ClaimRef = new ObjectReference { Namespace = Make.Ns, Name = "data", Uid = "earlier" } },
        { "not free", volume => volume.Status.Phase = "Released" },
        { "being deleted", volume => volume.Metadata.DeletionTimestamp = DateTimeOffset.UnixEpoch },
    };

    [Theory]
    [MemberData(nameof(Unfit))]
    public void A_volume_that_lacks_something_is_not_taken(string what, Action<PersistentVolume> change)
    {
        var claim = Claim("data", "2Gi");
        claim.Spec.Selector = new LabelSelector { MatchLabels = new() { ["kind"] = "disk" } };
        var volume = Volume("v", "2Gi");
        volume.Metadata.Labels = new() { ["kind"] = "disk" };
        volume.Status.Phase = "Available";
        Assert.Same(volume, VolumeMatch.Find(claim, [volume], null, isForPod: true));

        change(volume);

        Assert.True(VolumeMatch.Find(claim, [volume], null, isForPod: true) is null, what);
    }

    [Fact]
    public void A_claim_without_a_volume_says_what_it_waits_for()
    {
        _cluster.With(
            Claim("none", "1Gi"), Claim("unknown", "1Gi", "nowhere"), Claim("manual", "1Gi", "manual"), Claim("later", "1Gi", "later"), Claim("made", "1Gi", "made"),
            Class("manual", StorageNames.NoProvisioner), Class("later", "example.com/x", StorageNames.WaitForFirstConsumer), Class("made", "example.com/x"));

        Settle();

        Assert.Equal(
            [
                "Normal ExternalProvisioning Waiting for a volume to be created either by the external provisioner 'example.com/x' or manually by the "
                    + "system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.",
                "Normal FailedBinding no persistent volumes available for this claim and no storage class is set",
                "Normal WaitForFirstConsumer waiting for first consumer to be created before binding",
                "Warning ProvisioningFailed no volume plugin matched",
                "Warning ProvisioningFailed storageclass.storage.k8s.io \"nowhere\" not found",
            ],
            _cluster.Events.Order(StringComparer.Ordinal));
        Assert.All(_cluster.List<PersistentVolumeClaim>(), claim => Assert.Equal("Pending", claim.Status.Phase));
        Assert.Equal("example.com/x", ClaimNow("made").Annotations[StorageNames.Provisioner]);
        Assert.DoesNotContain(StorageNames.Provisioner, ClaimNow("later").Annotations.Keys);
    }

    [Fact]
    public void A_class_that_waits_is_provisioned_for_once_the_scheduler_has_chosen_a_node()
    {
        var claim = Claim("later", "1Gi", "later");
        claim.Metadata.Annotations = new() { [StorageNames.SelectedNode] = "n1" };
        _cluster.With(Class("later", "example.com/x", StorageNames.WaitForFirstConsumer), claim, Volume("free", "1Gi", "later"));

        Settle();

        Assert.Equal("example.com/x", ClaimNow("later").Annotations[StorageNames.Provisioner]);
        Assert.Equal("Available", VolumeNow("free").Status.Phase); // Which one it gets is the scheduler's choice.
    }

    [Fact]
    public void A_volume_that_names_a_claim_waits_for_it_and_is_for_nobody_else()
    {
        var kept = Volume("kept", "5Gi");
        kept.Spec.ClaimRef = new ObjectReference { Namespace = Make.Ns, Name = "data" };
        _cluster.With(kept, Claim("other", "1Gi"));
        Settle();
        string? before = VolumeNow("kept").Status.Phase;

        _cluster.With(Claim("data", "1Gi"));
        Settle();

        Assert.Equal(("Available", "Bound", "kept", "Pending"), (before, VolumeNow("kept").Status.Phase, ClaimNow("data").Spec.VolumeName, ClaimNow("other").Status.Phase));
        Assert.DoesNotContain(StorageNames.BoundByController, VolumeNow("kept").Annotations.Keys);
    }

    [Fact]
    public void A_claim_that_names_a_volume_gets_that_one_or_is_told_why_not()
    {
        _cluster.With(
            Volume("mine", "1Gi"), Volume("tiny", "1Mi"), Volume("taken", "1Gi"), Claim("owner", "1Gi", null, "taken"),
            Claim("a", "1Gi", null, "mine"), Claim("b", "1Gi", null, "tiny"), Claim("d", "1Gi", null, "missing"));
        Settle();
        _cluster.With(Claim("c", "1Gi", null, "taken"));
        Settle();

        Assert.Equal(["a Bound", "b Pending", "c Pending", "d Pending", "owner Bound"], Phases());
        Assert.Equal(
            [
                "Warning FailedBinding volume \"taken\" already bound to a different claim.",
                "Warning VolumeMismatch Cannot bind to requested volume \"tiny\": requested PV is too small",
            ],
            _cluster.Events.Order(StringComparer.Ordinal));
        Assert.DoesNotContain(StorageNames.BoundByController, ClaimNow("a").Annotations.Keys);
    }

    [Fact]
    public void A_bond_that_was_interrupted_is_made_whole()
    {
        var volume = Volume("v", "1Gi");
        var claim = _cluster.Add(Claim("data", "1Gi"));
        volume.Spec.ClaimRef = References.To(claim);
        volume.Metadata.Annotations = new() { [StorageNames.BoundByController] = "yes" };
        _cluster.With(volume);

        Settle();

        Assert.Equal(("Bound", "Bound", "v"), (VolumeNow("v").Status.Phase, ClaimNow("data").Status.Phase, ClaimNow("data").Spec.VolumeName));
    }

    [Fact]
    public void A_claim_whose_volume_is_gone_is_lost()
    {
        _cluster.With(Volume("v", "1Gi"), Claim("data", "1Gi"));
        Settle();

        _cluster.Remove(VolumeNow("v"));
        Settle();

        Assert.Equal("Lost", ClaimNow("data").Status.Phase);
        Assert.Equal(["Warning ClaimLost Bound claim has lost its PersistentVolume. Data on the volume is lost!"], _cluster.Events);
    }

    [Theory]
    [InlineData("Retain", false, "Released", null)]
    [InlineData("Delete", true, "Released", null)] // Whoever made it removes it.
    [InlineData("Delete", false, "Failed", "Warning VolumeFailedDelete error getting deleter volume plugin for volume \"v\": no deletable volume plugin matched")]
    [InlineData("Recycle", false, "Failed", "Warning VolumeFailedRecycle No recycler plugin found for the volume!")]
    public void A_volume_whose_claim_is_gone_is_released_and_nobody_elses(string policy, bool isMade, string phase, string? told)
    {
        var volume = Volume("v", "1Gi");
        volume.Spec.PersistentVolumeReclaimPolicy = policy;
        if (isMade)
            volume.Metadata.Annotations = new() { [StorageNames.ProvisionedBy] = "example.com/x" };
        _cluster.With(volume, Claim("data", "1Gi"));
        Settle();

        _cluster.Remove(ClaimNow("data"));
        _cluster.With(Claim("data", "1Gi")); // Of the same name, and another one.
        Settle();

        Assert.Equal(phase, VolumeNow("v").Status.Phase);
        Assert.Equal("Pending", ClaimNow("data").Status.Phase);
        Assert.Equal(told is null ? [] : [told], _cluster.Events.Where(text => !text.Contains("FailedBinding", StringComparison.Ordinal)));
    }

    [Fact]
    public void That_a_claim_is_gone_is_asked_of_the_api_and_not_of_a_late_cache()
    {
        var volume = Volume("v", "1Gi");
        volume.Spec.ClaimRef = new ObjectReference { Namespace = Make.Ns, Name = "data", Uid = "u1" };
        volume.Status.Phase = "Bound";
        _cluster.With(volume);
        var input = new ReconcileInput { Key = volume.Key, Cache = _cluster, Now = _cluster.Now };

        var first = VolumeBinder.Reconcile(input);
        var lookup = (Lookup.Get)Assert.Single(first.Lookups);
        var claim = Claim("data", "1Gi");
        claim.Metadata.Uid = "u1";
        var alive = VolumeBinder.Reconcile(input with { Found = Found(lookup, claim) });
        var gone = VolumeBinder.Reconcile(input with { Found = Found(lookup, null) });

        Assert.Empty(first.Intents);
        Assert.Empty(alive.Intents);
        Assert.Equal("Released", ((PersistentVolume)((Update)Assert.Single(gone.Intents)).Object).Status.Phase);
    }

    [Fact]
    public void A_volume_that_was_chosen_for_a_claim_that_took_another_is_free_again()
    {
        var claim = _cluster.Add(Claim("data", "1Gi", null, "first"));
        var second = Volume("second", "1Gi");
        second.Spec.ClaimRef = References.To(claim);
        second.Metadata.Annotations = new() { [StorageNames.BoundByController] = "yes" };
        _cluster.With(Volume("first", "1Gi"), second);

        Settle();

        Assert.Equal(("Bound", "Available"), (VolumeNow("first").Status.Phase, VolumeNow("second").Status.Phase));
        Assert.Null(VolumeNow("second").Spec.ClaimRef);
    }

    [Fact]
    public void Two_claims_that_want_one_volume_do_not_share_it()
    {
        _cluster.With(Volume("v", "1Gi"), Claim("a", "1Gi"), Claim("b", "1Gi"));

        Settle();

        Assert.Equal(["a Bound", "b Pending"], Phases());
    }

    [Fact]
    public void A_claim_without_a_class_gets_the_default_one_once_there_is_one()
    {
        var none = Claim("none", "1Gi", "");
        _cluster.With(Claim("any", "1Gi"), none);
        Settle();
        string? before = ClaimNow("any").Spec.StorageClassName;
        var preset = Class("fast", "example.com/x");
        preset.Metadata.Annotations = new() { [StorageNames.DefaultClass] = "true" };

        _cluster.With(preset);
        Settle();

        Assert.Equal((null, "fast", ""), (before, ClaimNow("any").Spec.StorageClassName, ClaimNow("none").Spec.StorageClassName));
        Assert.Equal("example.com/x", ClaimNow("any").Annotations[StorageNames.Provisioner]);
    }

    [Fact]
    public void A_claim_without_a_class_rather_takes_a_volume_without_one()
    {
        var preset = Class("fast", "example.com/x");
        preset.Metadata.Annotations = new() { [StorageNames.DefaultClass] = "true" };
        _cluster.With(preset, Volume("v", "1Gi"));
        Settle();

        _cluster.With(Claim("any", "1Gi"));
        Settle();

        Assert.Equal(("v", null), (ClaimNow("any").Spec.VolumeName, ClaimNow("any").Spec.StorageClassName));
    }

    [Fact]
    public void What_changes_wakes_whom_it_concerns()
    {
        var bound = Claim("bound", "1Gi");
        bound.Status.Phase = "Bound";
        var volume = Volume("v", "1Gi");
        _cluster.With(Claim("waits", "1Gi"), Claim("other", "1Gi", "fast"), bound, volume, Class("fast", "x"));

        _cluster.Reconcile(VolumeBinder.Description, new NamespacedName("", "nothing")); // Its indexes are known from here on.

        IEnumerable<string> Woken<T>(T item) where T : class, IKubernetesObject<T> => VolumeBinder.Description.Watches
            .Single(watch => watch.Kind == T.StaticKind).Keys(new ObjectChange(null, item), _cluster).Select(key => key.Name).Order(StringComparer.Ordinal);

        Assert.Equal(["v", "waits"], Woken(volume));
        Assert.Equal(["other", "waits"], Woken(Class("fast", "x"))); // It may be the default one.
        volume.Spec.ClaimRef = new ObjectReference { Namespace = Make.Ns, Name = "waits" };
        Assert.Equal(["v", "waits"], Woken(ClaimNow("waits")));
    }

    private static Findings Found(Lookup.Get lookup, IKubernetesObject? found) =>
        new() { Objects = new Dictionary<Lookup.Get, IKubernetesObject?> { [lookup] = found } };

    private static PersistentVolumeClaim Claim(string name, string size, string? storageClass = null, string? volume = null) => new()
    {
        Metadata = new ObjectMeta { Namespace = Make.Ns, Name = name },
        Spec = new PersistentVolumeClaimSpec
        {
            AccessModes = ["ReadWriteOnce"],
            StorageClassName = storageClass,
            VolumeName = volume,
            Resources = new VolumeResourceRequirements { Requests = new() { ["storage"] = Quantity.Parse(size) } },
        },
    };

    private static PersistentVolume Volume(string name, string size, string? storageClass = null) => new()
    {
        Metadata = new ObjectMeta { Name = name },
        Spec = new PersistentVolumeSpec
        {
            AccessModes = ["ReadWriteOnce"],
            Capacity = new() { ["storage"] = Quantity.Parse(size) },
            StorageClassName = storageClass,
            PersistentVolumeReclaimPolicy = "Retain",
        },
    };

    private static StorageClass Class(string name, string provisioner, string mode = "Immediate") =>
        new() { Metadata = new ObjectMeta { Name = name }, Provisioner = provisioner, VolumeBindingMode = mode };

    private PersistentVolumeClaim ClaimNow(string name) => _cluster.Get<PersistentVolumeClaim>(Make.Ns, name)!;

    private PersistentVolume VolumeNow(string name) => _cluster.Get<PersistentVolume>("", name)!;

    private IEnumerable<string> Phases() => _cluster.List<PersistentVolumeClaim>().Select(claim => $"{claim.Name} {claim.Status.Phase}").Order(StringComparer.Ordinal);

    /// <summary>Looks at all volumes and claims, those of a smaller name first, until nothing is left to be done.</summary>
    private void Settle()
    {
        int done;
        do
        {
            done = _cluster.Done.OfType<Update>().Count();
            List<NamespacedName> keys =
            [
                .. _cluster.List<PersistentVolume>().Select(volume => volume.Key).OrderBy(key => key.Name, StringComparer.Ordinal),
                .. _cluster.List<PersistentVolumeClaim>().Select(claim => claim.Key).OrderBy(key => key.Name, StringComparer.Ordinal),
            ];
            foreach (var key in keys)
                _memories[key] = _cluster.Reconcile(VolumeBinder.Description, key, _memories.GetValueOrDefault(key)).Memory;
        }
        while (_cluster.Done.OfType<Update>().Count() > done);
    }

    private readonly Dictionary<NamespacedName, object?> _memories = [];
}
