namespace Orchestrator.Control.Storage;

/// <summary>Makes the claims of pods' ephemeral volumes: each is the pod's own, and goes with it.</summary>
public static class EphemeralVolumeController
{
    public static ControllerDescription Description { get; } = new()
    {
        Name = "ephemeral-volume-controller",
        Reconcile = Reconcile,
        Watches = [Watch.On<Pod>(KeysOfPod), Watch.On<PersistentVolumeClaim>(KeysOfClaim)],
    };

    public static Decision Reconcile(ReconcileInput input)
    {
        if (input.Cache.Get<Pod>(input.Key.Namespace, input.Key.Name) is not { IsBeingDeleted: false } pod)
            return Decision.Nothing;
        var intents = new List<Intent>();
        foreach (var volume in pod.Spec.Volumes.OrEmpty())
        {
            if (volume.Ephemeral?.VolumeClaimTemplate is { } template)
                intents.AddRange(Settle(pod, volume.Name ?? "", template, input));
        }
        return Decision.Of(intents);
    }

    private static IEnumerable<Intent> Settle(Pod pod, string volume, PersistentVolumeClaimTemplate template, ReconcileInput input)
    {
        string name = $"{pod.Name}-{volume}";
        if (input.Cache.Get<PersistentVolumeClaim>(pod.Namespace, name) is not { } claim)
        {
            yield return new Create(new PersistentVolumeClaim
            {
                Metadata = new ObjectMeta
                {
                    Name = name,
                    Namespace = pod.Namespace,
                    Labels = template.Metadata?.Labels is { } labels ? new(labels) : null,
                    Annotations = template.Metadata?.Annotations is { } annotations ? new(annotations) : null,
                    OwnerReferences = [References.Controller(pod)],
                },
                Spec = template.Spec.DeepClone(),
            })
            {
                ContinueOnFailure = true,
                OnFailure = EventNote.WarningAbout(pod, "FailedBinding", $"ephemeral volume {volume}: create PVC {name}: {{error}}"),
            };
        }
        else if (!claim.IsControlledBy(pod))
        {
            string problem = $"ephemeral volume {volume}: PVC {pod.Namespace}/{name} was not created for pod {pod.Key} (pod is not owner)";
            yield return new EmitEvent(EventNote.WarningAbout(pod, "FailedBinding", problem));
        }
    }

    private static IEnumerable<NamespacedName> KeysOfPod(Pod? before, Pod? after, IObjectCache cache) =>
        // A pod on a node had its claims before it came there.
        after is { IsBeingDeleted: false } && string.IsNullOrEmpty(after.Spec.NodeName) && after.Spec.Volumes.OrEmpty().Exists(volume => volume.Ephemeral is not null)
            ? [after.Key]
            : [];

    /// <summary>One that is gone, of a pod that still is there.</summary>
    private static IEnumerable<NamespacedName> KeysOfClaim(PersistentVolumeClaim? before, PersistentVolumeClaim? after, IObjectCache cache) =>
        after is null && before?.ControllerOwner is { Kind: "Pod", Name: { } pod } ? [new NamespacedName(before.Namespace, pod)] : [];
}
