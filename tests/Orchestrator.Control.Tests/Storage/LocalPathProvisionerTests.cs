using Orchestrator.Api.StorageV1;
using Orchestrator.Control.Nodes;
using Orchestrator.Control.Storage;

namespace Orchestrator.Control.Tests.Storage;

/// <summary>Volumes on the nodes' own disks.</summary>
public sealed class LocalPathProvisionerTests
{
    private static readonly ControllerDescription Controller = LocalPathProvisioner.Description;

    private readonly FakeCluster _cluster = new();

    public LocalPathProvisionerTests() => _cluster.With(
        LocalPathProvisioner.DefaultClass(),
        new Node
        {
            Metadata = new ObjectMeta
            {
                Name = "n1",
                Labels = new() { ["kubernetes.io/hostname"] = "host-1" },
                Annotations = new() { [LocalPathProvisioner.FolderAnnotation] = "/data/volumes/" },
            },
        },
        new Node { Metadata = new ObjectMeta { Name = "pretended" } });

    [Fact]
    public void A_claim_gets_a_folder_of_the_node_where_its_pod_will_run()
    {
        var claim = _cluster.Add(Claim());

        _cluster.Settle(Controller, claim.Key);

        var volume = Assert.Single(_cluster.List<PersistentVolume>());
        Assert.Equal($"pvc-{claim.Uid}", volume.Name);
        Assert.Equal($"/data/volumes/pvc-{claim.Uid}_{Make.Ns}_data", volume.Spec.Local!.Path);
        Assert.Equal(("Delete", "local-path", "3Gi", claim.Uid), (
            volume.Spec.PersistentVolumeReclaimPolicy, volume.Spec.StorageClassName, volume.Spec.Capacity!["storage"].ToString(), volume.Spec.ClaimRef!.Uid));
        Assert.Equal([LocalPathProvisioner.Finalizer], volume.Metadata.Finalizers);
        Assert.Equal("n1", LocalPathProvisioner.NodeOf(volume));
        Assert.True(NodeMatch.Matches(volume.Spec.NodeAffinity!.Required!, _cluster.Get<Node>("", "n1")!));
        Assert.False(NodeMatch.Matches(volume.Spec.NodeAffinity.Required!, new Node { Metadata = new ObjectMeta { Name = "n2" } }));
        Assert.Equal([$"Normal ProvisioningSucceeded Successfully provisioned volume pvc-{claim.Uid}"], _cluster.Events);
    }

    public static TheoryData<string, Action<PersistentVolumeClaim>> Impossible() => new()
    {
        { "a folder is no block device", claim => claim.Spec.VolumeMode = "Block" },
        { "only the access modes ReadWriteOnce and ReadWriteOncePod are supported", claim => claim.Spec.AccessModes = ["ReadWriteMany"] },
        { "claim.Spec.Selector is not supported", claim => claim.Spec.Selector = new LabelSelector() },
        {
            "no node was chosen: the class must have volumeBindingMode WaitForFirstConsumer",
            claim => claim.Metadata.Annotations!.Remove(StorageNames.SelectedNode)
        },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void What_a_folder_cannot_be_is_told_once(string problem, Action<PersistentVolumeClaim> change)
    {
        var claim = Claim();
        change(claim);
        _cluster.Add(claim);

        _cluster.Settle(Controller, claim.Key);

        Assert.Empty(_cluster.List<PersistentVolume>());
        Assert.Equal([$"Warning ProvisioningFailed failed to provision volume with StorageClass \"local-path\": {problem}"], _cluster.Events);
    }

    [Fact]
    public void A_node_that_names_no_folder_has_volumes_that_are_objects_alone()
    {
        var claim = Claim();
        claim.Metadata.Annotations![StorageNames.SelectedNode] = "pretended";
        _cluster.Add(claim);

        _cluster.Settle(Controller, claim.Key);

        var volume = Assert.Single(_cluster.List<PersistentVolume>());
        Assert.Equal($"/var/lib/orchestrator/volumes/pvc-{claim.Uid}_{Make.Ns}_data", volume.Spec.Local!.Path);
        Assert.Empty(volume.Metadata.Finalizers.OrEmpty());
        Assert.Equal("pretended", LocalPathProvisioner.NodeOf(volume));
    }

    [Fact]
    public void A_node_that_is_gone_is_taken_off_the_claim_so_that_another_is_chosen()
    {
        var claim = Claim();
        claim.Metadata.Annotations![StorageNames.SelectedNode] = "n9";
        _cluster.Add(claim);

        _cluster.Reconcile(Controller, claim.Key);

        Assert.DoesNotContain(StorageNames.SelectedNode, _cluster.Get<PersistentVolumeClaim>(Make.Ns, "data")!.Annotations.Keys);
        Assert.Equal(["Warning ProvisioningFailed failed to provision volume with StorageClass \"local-path\": node \"n9\" not found"], _cluster.Events);
    }

    [Fact]
    public void A_long_name_makes_a_folder_that_a_filesystem_takes()
    {
        var claim = Claim();
        claim.Metadata.Name = string.Join('.', Enumerable.Repeat(new string('x', 62), 4));
        _cluster.Add(claim);

        _cluster.Settle(Controller, claim.Key);

        string folder = Path.GetFileName(Assert.Single(_cluster.List<PersistentVolume>()).Spec.Local!.Path!);
        Assert.Equal(255, folder.Length);
        Assert.StartsWith($"pvc-{claim.Uid}_", folder, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "5Gi")]
    [InlineData(false, "3Gi")]
    public void A_claim_that_may_grow_has_what_it_asks_for(bool mayGrow, string capacity)
    {
        var claim = _cluster.Add(Claim());
        _cluster.Settle(Controller, claim.Key);
        var volume = Assert.Single(_cluster.List<PersistentVolume>());
        _cluster.Change<StorageClass>("", LocalPathProvisioner.ClassName, storage => storage.AllowVolumeExpansion = mayGrow);
        _cluster.Change<PersistentVolumeClaim>(Make.Ns, "data", found =>
        {
            found.Spec.VolumeName = volume.Name;
            found.Spec.Resources!.Requests!["storage"] = Quantity.Parse("5Gi");
        });

        _cluster.Settle(Controller, claim.Key);

        Assert.Equal(capacity, _cluster.Get<PersistentVolume>("", volume.Name)!.Spec.Capacity!["storage"].ToString());
    }

    [Fact]
    public void Claims_of_others_and_those_that_have_a_volume_are_left_alone()
    {
        var bound = Claim();
        bound.Spec.VolumeName = "v";
        var foreign = Claim();
        foreign.Metadata.Name = "foreign";
        foreign.Metadata.Annotations![StorageNames.Provisioner] = "example.com/x";
        _cluster.With(bound, foreign);

        _cluster.Settle(Controller, bound.Key);
        _cluster.Settle(Controller, foreign.Key);

        Assert.Empty(_cluster.Done);
    }

    [Theory]
    [InlineData("Released", "Delete", true, true)]
    [InlineData("Bound", "Delete", true, false)]
    [InlineData("Released", "Retain", true, false)]
    [InlineData("Released", "Delete", false, false)] // Somebody else's.
    public void A_released_volume_of_ours_is_deleted_and_kept_until_its_node_has_emptied_it(string phase, string policy, bool isOurs, bool isDeleted)
    {
        _cluster.With(new PersistentVolume
        {
            Metadata = new ObjectMeta
            {
                Name = "v",
                Finalizers = [LocalPathProvisioner.Finalizer],
                Annotations = isOurs ? new() { [StorageNames.ProvisionedBy] = LocalPathProvisioner.Name, [StorageNames.SelectedNode] = "n1" } : null,
            },
            Spec = new PersistentVolumeSpec { PersistentVolumeReclaimPolicy = policy },
            Status = new PersistentVolumeStatus { Phase = phase },
        });

        _cluster.Settle(Controller, new NamespacedName("", "v"));

        Assert.Equal(isDeleted, _cluster.Get<PersistentVolume>("", "v")!.IsBeingDeleted);
    }

    private static PersistentVolumeClaim Claim() => new()
    {
        Metadata = new ObjectMeta
        {
            Namespace = Make.Ns,
            Name = "data",
            Annotations = new() { [StorageNames.Provisioner] = LocalPathProvisioner.Name, [StorageNames.SelectedNode] = "n1" },
        },
        Spec = new PersistentVolumeClaimSpec
        {
            AccessModes = ["ReadWriteOnce"],
            StorageClassName = LocalPathProvisioner.ClassName,
            Resources = new VolumeResourceRequirements { Requests = new() { ["storage"] = Quantity.Parse("3Gi") } },
        },
    };
}
