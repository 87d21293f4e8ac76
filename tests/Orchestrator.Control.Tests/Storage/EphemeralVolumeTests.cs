using Orchestrator.Control.Storage;

namespace Orchestrator.Control.Tests.Storage;

/// <summary>Volumes that come and go with their pods.</summary>
public sealed class EphemeralVolumeTests
{
    private static readonly ControllerDescription Controller = EphemeralVolumeController.Description;

    private readonly FakeCluster _cluster = new();

    [Fact]
    public void A_pod_gets_claims_of_its_own_from_its_templates()
    {
        var pod = _cluster.Add(Pod());

        _cluster.Settle(Controller, pod.Key);

        var claim = Assert.Single(_cluster.List<PersistentVolumeClaim>());
        Assert.Equal(("web-scratch", Make.Ns, "blue", "fast"), (claim.Name, claim.Namespace, claim.Labels["colour"], claim.Spec.StorageClassName));
        Assert.True(claim.IsControlledBy(pod));
    }

    [Fact]
    public void A_claim_of_that_name_that_is_not_the_pods_is_told_and_left_alone()
    {
        var pod = _cluster.Add(Pod());
        _cluster.With(new PersistentVolumeClaim { Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "web-scratch" } });

        _cluster.Reconcile(Controller, pod.Key);

        Assert.Null(Assert.Single(_cluster.List<PersistentVolumeClaim>()).ControllerOwner);
        Assert.Equal(
            [$"Warning FailedBinding ephemeral volume scratch: PVC {Make.Ns}/web-scratch was not created for pod {Make.Ns}/web (pod is not owner)"], _cluster.Events);
    }

    [Fact]
    public void A_pod_that_goes_gets_none()
    {
        var pod = Pod();
        pod.Metadata.DeletionTimestamp = _cluster.Now;
        _cluster.Add(pod);

        _cluster.Reconcile(Controller, pod.Key);

        Assert.Empty(_cluster.Done);
    }

    [Fact]
    public void Pods_that_have_such_volumes_are_looked_at_until_they_have_a_node()
    {
        var onNode = Pod();
        onNode.Spec.NodeName = "n";
        var plain = Pod();
        plain.Spec.Volumes = null;

        int Woken(Pod pod) => Controller.Watches.Single(watch => watch.Kind == CoreV1Pod).Keys(new ObjectChange(null, pod), _cluster).Count();

        Assert.Equal((1, 0, 0), (Woken(Pod()), Woken(onNode), Woken(plain)));
    }

    private static readonly GroupVersionKind CoreV1Pod = Orchestrator.Api.CoreV1.Pod.StaticKind;

    private static Pod Pod() => new()
    {
        Metadata = new ObjectMeta { Namespace = Make.Ns, Name = "web" },
        Spec = new PodSpec
        {
            Volumes =
            [
                new Volume { Name = "plain", EmptyDir = new EmptyDirVolumeSource() },
                new Volume
                {
                    Name = "scratch",
                    Ephemeral = new EphemeralVolumeSource
                    {
                        VolumeClaimTemplate = new PersistentVolumeClaimTemplate
                        {
                            Metadata = new ObjectMeta { Labels = new() { ["colour"] = "blue" } },
                            Spec = new PersistentVolumeClaimSpec { StorageClassName = "fast" },
                        },
                    },
                },
            ],
        },
    };
}
