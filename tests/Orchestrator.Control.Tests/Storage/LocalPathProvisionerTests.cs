using Orchestrator.Control.Nodes;
using Orchestrator.Control.Storage;

namespace Orchestrator.Control.Tests.Storage;

/// <summary>Volumes on the nodes' own disks.</summary>
public sealed class LocalPathProvisionerTests
{
    private static readonly ControllerDescription Controller = LocalPathProvisioner.Describe("/data/volumes/");

    private readonly FakeCluster _cluster = new();

    public LocalPathProvisionerTests() => _cluster.With(
        LocalPathProvisioner.DefaultClass(),
        new Node { Metadata = new ObjectMeta { Name = "n1", Labels = new() { ["kubernetes.io/hostname"] = "host-1" } } });

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
        { "node \"n9\" not found", claim => claim.Metadata.Annotations![StorageNames.SelectedNode] = "n9" },
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
